"""Reviewing the clips of a data set: edits that are on disk before they are answered, and can be undone.

Two windows may work on one data set: an edit says what it saw of the fields that it changes, and is refused where
these have changed since.
"""

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finetune_tts.corpus.clips import SOURCES, Clip, Corpus, one_line, open_corpus
from finetune_tts.corpus.cuts import Surroundings, cut_sound, move_cut, surroundings
from finetune_tts.corpus.history import Edit, History
from finetune_tts.errors import UserError, excerpt

logger = logging.getLogger(__name__)

DROPPED = "dropped in the review"
_LONGEST_TEXT = 5_000  # characters
#: what can be asked for → its type.
FIELDS: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "kept": (bool,),
    "start": (int, float),
    "end": (int, float),
    "confidence": (int, float),
}


class UnknownClip(UserError):
    """There is no clip of that name."""


class ChangedMeanwhile(UserError):
    """What an edit is about has changed since it was seen: nothing is done.

    Attributes:
        clip: as it is now.
    """

    def __init__(self, message: str, clip: Clip | None = None) -> None:
        super().__init__(message)
        self.clip = clip


@dataclass(frozen=True)
class Undoable:
    """The edit that is undone, or done again, next."""

    number: int
    clip: str


class Review:
    """The clips of a data set, and what was done to them. May be used by several threads."""

    def __init__(self, corpus: Corpus, clips: list[Clip], history: History) -> None:
        self.corpus = corpus
        self.edits = 0  # that were done since this object is there
        self._clips = {clip.name: clip for clip in clips}
        self._history = history
        self._lock = threading.Lock()
        self._changed: dict[str, int] = {}
        self._sequence = 0
        self._closed = False
        self._on_disk = self._mark()

    @property
    def clips(self) -> list[Clip]:
        """All clips, in the order of the table."""
        with self._lock:
            return list(self._clips.values())

    def clip(self, name: str) -> Clip:
        """The clip of that name.

        Raises:
            UnknownClip: there is none.
        """
        try:
            return self._clips[name]
        except KeyError:
            raise UnknownClip(f"{excerpt(name)!r}: there is no such clip in {self.corpus.folder}.") from None

    def changes(self, since: int) -> tuple[int, list[Clip]]:
        """The number of changes up to now, and the clips that changed after the first ``since``."""
        with self._lock:
            return self._sequence, [self._clips[name] for name, number in self._changed.items() if number > since]

    @property
    def undoable(self) -> Undoable | None:
        """What :meth:`undo` is about."""
        return _next(self._history.done)

    @property
    def redoable(self) -> Undoable | None:
        """What :meth:`redo` is about."""
        return _next(self._history.undone)

    def around(self, name: str) -> Surroundings:
        """What a page draws of a clip; raises as :func:`finetune_tts.corpus.cuts.surroundings`."""
        return surroundings(self.corpus, self.clip(name))

    def edit(
        self, name: str, seen: Mapping[str, Any], wanted: Mapping[str, Any], *, continued: int | None = None
    ) -> Clip:
        """Change fields of a clip, and write that to disk.

        A text that was written, and a confidence of 1, say that somebody has listened.

        Args:
            name: of the clip.
            seen: the values of the fields in ``wanted`` that the edit was made in sight of.
            wanted: the new values, by the names in :data:`FIELDS`.
            continued: number of the edit that this one goes on with, if it is the last one; both are undone as one,
                but for cuts.

        Returns:
            The clip as it is now.

        Raises:
            UnknownClip: there is no such clip.
            ChangedMeanwhile: a field has another value than ``seen`` says.
            UserError: a value cannot be.
            OSError: the disk does not take it; then nothing has changed.
        """
        with self._lock:
            before = self.clip(name)
            self._require_valid(name, seen, wanted)
            if any(field not in seen or not _same(getattr(before, field), seen[field]) for field in wanted):
                raise ChangedMeanwhile(f"{name}: has been changed in another window meanwhile.", before)
            after = self._edited(before, wanted)
            if after != before:
                goes_on = None if (after.start, after.end) != (before.start, before.end) else continued
                self._carry_out(self._history.with_edit(before, after, goes_on), before, after)
            return after

    def undo(self, number: int) -> Clip:
        """Take back the last edit, which has that number.

        Raises:
            ChangedMeanwhile: it is another one now, or its clip has been changed by another program.
            UserError: there is none; or a cut cannot be moved back.
            OSError: the disk does not take it; then nothing has changed.
        """
        with self._lock:
            edit = self._require_next(self._history.done, number, "undo")
            history = self._history.with_last_undone()
            return self._turn(history, edit.clip, edit.after, edit.before)

    def redo(self, number: int) -> Clip:
        """Do again what was undone last; raises as :meth:`undo`."""
        with self._lock:
            edit = self._require_next(self._history.undone, number, "do again")
            history = self._history.with_last_redone()
            return self._turn(history, edit.clip, edit.before, edit.after)

    def _require_valid(self, name: str, seen: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
        for field, value in (*seen.items(), *wanted.items()):
            if field not in FIELDS:
                raise UserError(f"{name}: {excerpt(field)!r} is no field that can be changed: {', '.join(FIELDS)}.")
            kinds = FIELDS[field]
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                raise UserError(f"{name}, {field}: {excerpt(repr(value))} is no value for it.")

    def _edited(self, clip: Clip, wanted: Mapping[str, Any]) -> Clip:
        if "confidence" in wanted:
            if not 0 <= wanted["confidence"] <= 1:
                raise UserError(f"{clip.name}, confidence: {wanted['confidence']} is not between 0 and 1.")
            clip = replace(clip, confidence=round(float(wanted["confidence"]), 3))
            clip = replace(clip, reason="") if clip.kept and clip.confidence == 1 else clip
        if "text" in wanted and (text := self._text(clip, wanted["text"])) != clip.text:
            clip = replace(clip, text=text, confidence=1.0, reason="" if clip.kept else clip.reason)
        if "kept" in wanted and wanted["kept"] != clip.kept:
            clip = replace(clip, kept=wanted["kept"], reason="" if wanted["kept"] else DROPPED)
        if clip.kept and not clip.text and wanted.keys() & {"text", "kept"}:
            raise UserError(f"{clip.name}: has no text. Write what is said, or drop the clip.")
        start, end = (float(wanted.get(field, getattr(clip, field))) for field in ("start", "end"))
        return clip if (start, end) == (clip.start, clip.end) else move_cut(self.corpus, clip, start, end)

    def _text(self, clip: Clip, text: str) -> str:
        text = one_line(text)
        if len(text) > _LONGEST_TEXT:
            raise UserError(f"{clip.name}: a text of {len(text):,} characters; {_LONGEST_TEXT:,} are possible.")
        if any(ord(character) < 32 or ord(character) == 127 for character in text):
            raise UserError(f"{clip.name}: the text holds a control character. Remove {excerpt(ascii(text))}.")
        return text

    def _require_next(self, edits: tuple[Edit, ...], number: int, what: str) -> Edit:
        if not edits:
            raise UserError(f"There is nothing to {what}.")
        if edits[-1].number != number:
            raise ChangedMeanwhile(
                f"The last edit is another one now, of {edits[-1].clip}: nothing was done. Press again for that one.",
                self._clips.get(edits[-1].clip),
            )
        return edits[-1]

    def _turn(self, history: History, name: str, present: Clip, wanted: Clip) -> Clip:
        now = self.clip(name)
        if now != present:
            raise ChangedMeanwhile(f"{name}: has been changed by another program, so nothing was done.", now)
        if (wanted.start, wanted.end) != (now.start, now.end):
            move_cut(self.corpus, now, wanted.start, wanted.end)
        self._carry_out(history, now, wanted)
        return wanted

    def _carry_out(self, history: History, before: Clip, after: Clip) -> None:
        """Write the history, the sound and the table, in this order: what is cut off is mended when it is opened."""
        if self._closed:
            raise UserError("The review has ended. Start it again.")
        if self._mark() != self._on_disk:
            raise ChangedMeanwhile(
                f"{self.corpus.folder / SOURCES}: another program has written to it. Nothing was done: stop the review "
                "and start it again."
            )
        cut = (before.start, before.end) != (after.start, after.end)
        with self._history_restored(), self._sound_restored(before if cut else None):
            history.save(self.corpus.folder)
            if cut:
                cut_sound(self.corpus, after)
            self.corpus.save({**self._clips, after.name: after}.values())
        self._on_disk = self._mark()
        self._history = history
        self._clips[after.name] = after
        self._sequence += 1
        self._changed[after.name] = self._sequence
        self.edits += 1

    @contextmanager
    def _history_restored(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with suppress(OSError):
                self._history.save(self.corpus.folder)
            raise

    @contextmanager
    def _sound_restored(self, before: Clip | None) -> Iterator[None]:
        try:
            yield
        except BaseException:
            if before is not None:
                with suppress(OSError, UserError):
                    cut_sound(self.corpus, before)
            raise

    def _mark(self) -> tuple[int, int]:
        """What tells that the table was written to."""
        status = (self.corpus.folder / SOURCES).stat()
        return status.st_mtime_ns, status.st_size

    def close(self) -> None:
        """Wait for an edit that is being carried out, and let no other begin."""
        with self._lock:
            self._closed = True


@contextmanager
def reviewing(folder: Path) -> Iterator[Review]:
    """Open a data set for a review; no other process writes to it while the block runs.

    Raises:
        UserError: the folder is no such data set, its table is broken, or another process has it.
    """
    open_corpus(folder)  # no lock is left in a folder of another kind
    with Corpus(folder).held():
        corpus, clips = open_corpus(folder)
        history = History.read(folder)
        kept, to_cut = history.mended({clip.name: clip for clip in clips})
        for clip in to_cut:  # the program was killed between writing a sound and the table
            try:
                cut_sound(corpus, clip)
            except (UserError, OSError) as error:
                logger.warning("%s: its sound may have other cuts than the table says. %s", clip.name, error)
        if kept != history:
            kept.save(folder)
        yield Review(corpus, clips, kept)


def _same(value: Any, seen: Any) -> bool:
    return bool(abs(value - seen) < 1e-6) if isinstance(value, float) else bool(value == seen)


def _next(edits: tuple[Edit, ...]) -> Undoable | None:
    return Undoable(edits[-1].number, edits[-1].clip) if edits else None
