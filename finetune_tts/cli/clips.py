"""``tts --out_dir``: each line of a list, or cue of subtitles, becomes a file."""

import argparse
import hashlib
import json
import logging
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from finetune_tts.cli.program import say
from finetune_tts.cli.texts import entries_of, is_live
from finetune_tts.data.progress import progress
from finetune_tts.errors import UserError, counted

if TYPE_CHECKING:
    from finetune_tts.synthesis.clip_folder import ClipFolder
    from finetune_tts.synthesis.delivery import Delivery
    from finetune_tts.synthesis.voice import Speech, Voice
    from finetune_tts.text.text_list import Entry

logger = logging.getLogger(__name__)

FORMATS = ("wav", "flac", "ogg", "opus", "mp3")
_DIGITS = 4
_SHOWN = 10


def write_clips(voice: "Voice", delivery: "Delivery", arguments: argparse.Namespace, made_by: str) -> None:
    """Synthesise what the flags name into ``--out_dir``, but for what is there already.

    Args:
        voice: that speaks.
        delivery: how.
        arguments: of ``tts``.
        made_by: tells what makes the clips; see :class:`ClipFolder`.

    Raises:
        UserError: a list is not what it should be, a file is in the way, or some of it could not be synthesised.
    """
    from finetune_tts.synthesis.clip_folder import ClipFolder

    entries: Iterable[Entry] = entries_of(arguments)
    total = None
    if not is_live(arguments):
        entries = list(entries)
        total = len(entries)
        if not entries:
            raise UserError("There is nothing to synthesise in it but empty lines.")
    voice.require_delivery(delivery)
    folder = ClipFolder(arguments.out_dir, made_by)
    named: Iterable[tuple[Entry, str]] = _named(entries, total, arguments.out_format or FORMATS[0])
    if total is not None:
        named = list(named)  # so that nothing is made where a name is wrong
        for entry, name in named:
            folder.holds(name, entry.text)
    _Work(voice, delivery, folder, fit=arguments.fit).do(named, total)


def fingerprint(**facts: Any) -> str:
    """A short name of what makes a clip what it is."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def identity(path: Path) -> list[Any]:
    """What tells a file from others, and from itself before it was changed."""
    status = path.stat()
    return [str(path.resolve()), status.st_size, status.st_mtime_ns]


def report_missing(voice: "Voice", missing: str) -> None:
    """Say which characters were not spoken."""
    if missing:
        why = "not in the model's vocabulary"
        if all(map(voice.tokenizer.vocabulary.ignores, missing)):
            why = "the model reads no punctuation"
        say(f"{why}, left out: {' '.join(missing)}", aside=True)


def _named(entries: "Iterable[Entry]", total: int | None, suffix: str) -> "Iterator[tuple[Entry, str]]":
    """Each entry with the name of its file."""
    digits = max(_DIGITS, len(str(total or 0)))
    taken: dict[str, int] = {}
    folders: dict[str, int] = {}
    for number, entry in enumerate(entries, start=1):
        name = f"{number:0{digits}}" if entry.name is None else entry.name
        if Path(name).suffix.lower().removeprefix(".") not in FORMATS:
            name = f"{name}.{suffix}"
        key = name.casefold()
        before = taken.setdefault(key, entry.line)
        if before != entry.line:
            raise UserError(f"Line {entry.line}: the name {name} stands in line {before} already. Give each its own.")
        above = [str(folder) for folder in PurePosixPath(key).parents][:-1]
        folders.update(dict.fromkeys(above, entry.line))
        clash = next((taken[folder] for folder in above if folder in taken), folders.get(key))
        if clash is not None:
            raise UserError(
                f"Line {entry.line}: {name} cannot stand beside what line {clash} names: a file is no folder."
            )
        yield entry, name


class _Work:
    """Goes through a list.

    Args:
        voice, delivery: who speaks, and how.
        folder: of the clips.
        fit: make cues no longer than they may last.
    """

    def __init__(self, voice: "Voice", delivery: "Delivery", folder: "ClipFolder", *, fit: bool) -> None:
        self._voice, self._delivery, self._folder, self._fit = voice, delivery, folder, fit
        self._made = self._kept = 0
        self._seconds = 0.0
        self._missing = ""
        self._failed: list[int] = []

    def do(self, named: "Iterable[tuple[Entry, str]]", total: int | None) -> None:
        """Synthesise all, and say how it went.

        Raises:
            UserError: some could not be synthesised; all others were.
        """
        started = time.perf_counter()
        shows_bar = total is not None and sys.stderr.isatty()
        try:
            for entry, name in named if total is None else progress(named, total, "Clips"):
                self._one(entry, name, quiet=shows_bar and sys.stdout.isatty())
        finally:
            self._folder.finish()
        self._say_end(time.perf_counter() - started)

    def _one(self, entry: "Entry", name: str, *, quiet: bool) -> None:
        if self._folder.holds(name, entry.text):
            self._kept += 1
            return
        try:
            speech = speak_entry(self._voice, entry, self._delivery, fit=self._fit)
        except UserError as error:
            logger.warning("Line %d is left out. %s", entry.line, error)
            self._failed.append(entry.line)
            return
        cue = {} if entry.cue is None else {"cue_start": entry.cue.start, "cue_end": entry.cue.end}
        path = self._folder.write(name, entry.text, speech, **cue)
        self._made += 1
        self._seconds += speech.seconds
        self._missing = "".join(dict.fromkeys(self._missing + speech.missing))
        if not quiet:
            say(f"wrote: {path} ({speech.seconds:.2f} s)")
            sys.stdout.flush()

    def _say_end(self, spent: float) -> None:
        report_missing(self._voice, self._missing)
        kept = f"; {counted(self._kept, 'file')} kept, of the same text and model" if self._kept else ""
        say(f"in {self._folder.path}: {counted(self._made, 'new file')}, {self._seconds:.2f} s{kept}")
        if self._seconds:
            say(f"real-time factor: {spent / self._seconds:.3f} ({spent:.2f} s to make them)")
        if self._failed:
            shown = ", ".join(map(str, self._failed[:_SHOWN])) + (", …" if len(self._failed) > _SHOWN else "")
            raise UserError(
                f"{counted(len(self._failed), 'line')} could not be synthesised: {shown}. What is above says why; all "
                "others were."
            )


def speak_entry(voice: "Voice", entry: "Entry", delivery: "Delivery", *, fit: bool) -> "Speech":
    """Synthesise an entry, and say where a cue is longer than it may be.

    Raises:
        UserError: it cannot be synthesised.
    """
    from finetune_tts.synthesis.timeline import speak_within

    if entry.cue is None:
        return voice.speak(entry.text, delivery)
    slot = entry.cue.slot
    speech = speak_within(voice, entry.text, delivery, slot) if fit else voice.speak(entry.text, delivery)
    if speech.seconds > slot:
        advice = "it cannot be made faster" if fit else "--fit makes it faster"
        logger.warning("Line %d: lasts %.2f s and has %.2f s; %s.", entry.line, speech.seconds, slot, advice)
    return speech
