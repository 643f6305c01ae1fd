"""The folder of a data set that was cut from recordings: its clips, where each comes from, and what is kept of them.

``sources.csv`` knows everything, ``metadata.csv`` is what a training run reads of it (LJSpeech's layout), and
``wavs/`` holds the sound. All of them are written whole or not at all, ``sources.csv`` first: the other file follows
from it.
"""

import csv
import errno
import io
import logging
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from finetune_tts.audio.reading import read_part, sound_bytes
from finetune_tts.errors import UserError, excerpt
from finetune_tts.files import read_text, replacing, write_text

logger = logging.getLogger(__name__)

SOURCES, METADATA, SOUND_FOLDER = "sources.csv", "metadata.csv", "wavs"
_LOCK = ".lock"
#: what some network disks answer; one process alone is safe there all the same.
_NO_LOCKS_HERE = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)
WAV, FLAC = "wav", "flac"
FORMATS = (WAV, FLAC)
_FIELDS = ("clip", "file", "start", "end", "confidence", "kept", "reason", "text")
_YES, _NO = "yes", "no"


@dataclass(frozen=True)
class Clip:
    """A piece of a recording and what is said in it.

    Attributes:
        name: of its file in ``wavs/``, without the ending.
        source: the recording that it was cut from.
        start, end: where, in seconds of the recording.
        text: what is said, on one line.
        confidence: that sound and text belong together, from 0 to 1.
        kept: whether a training run gets it.
        reason: why it is not kept, or what is odd about it; empty where nothing is.
    """

    name: str
    source: Path
    start: float
    end: float
    text: str
    confidence: float
    kept: bool = True
    reason: str = ""

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class Corpus:
    """A data set in a folder; ``format`` is that of its sound, one of :data:`FORMATS`."""

    folder: Path
    format: str = WAV

    def sound_file(self, name: str) -> Path:
        """Where the sound of the clip of that name is."""
        return self.folder / SOUND_FOLDER / f"{name}.{self.format}"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep every other process from writing to this data set while the block runs.

        Raises:
            UserError: another one does so now.
        """
        lock = FileLock(self.folder / _LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise UserError(
                f"{self.folder}: another process is making or reviewing this data set. Use that one, or stop it first."
            ) from error
        except (OSError, NotImplementedError) as error:  # the latter is how older releases of filelock say ENOSYS
            if isinstance(error, OSError) and error.errno not in _NO_LOCKS_HERE:
                raise
            logger.warning("%s: this disk knows no locks. Let one process alone write to the data set.", self.folder)
        try:
            yield
        finally:
            lock.release()  # does nothing where it is not held

    def write_sound(self, clip: Clip, recording: Path | None = None) -> None:
        """Cut the sound of ``clip`` out of its recording, at the recording's own rate.

        Args:
            clip: whose ``start`` and ``end`` count.
            recording: a copy of the source in another format, to read instead of it.

        Raises:
            UserError: the recording cannot be read, or is shorter now.
            OSError: the file cannot be written.
        """
        part = read_part(recording or clip.source, clip.start, clip.end)
        content = sound_bytes(part.waveform, part.sample_rate, self.format.upper())
        target = self.sound_file(clip.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as file:
            file.write(content)

    def save(self, clips: Iterable[Clip]) -> None:
        """Write ``sources.csv`` and, of the clips that are kept, ``metadata.csv``."""
        clips = list(clips)
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(_FIELDS)
        for clip in clips:
            place = (f"{clip.start:.4f}", f"{clip.end:.4f}", f"{clip.confidence:.3f}")
            kept = _YES if clip.kept else _NO
            writer.writerow((clip.name, clip.source, *place, kept, clip.reason, clip.text))
        write_text(self.folder / SOURCES, table.getvalue())
        kept_clips = (clip for clip in clips if clip.kept)
        write_text(self.folder / METADATA, "".join(f"{clip.name}|{clip.text}|{clip.text}\n" for clip in kept_clips))


def open_corpus(folder: Path) -> tuple[Corpus, list[Clip]]:
    """Read a data set that was made by this program, in the order of ``sources.csv``.

    Raises:
        UserError: the folder is none of that kind, or a row of its table is broken.
    """
    table = folder / SOURCES
    if not table.is_file():
        raise UserError(
            f"{folder}: has no {SOURCES}, so it is no data set that was cut from recordings. "
            "Make one: tts-finetune --make_dataset DIR --recordings FILE ..."
        )
    rows = csv.reader(io.StringIO(read_text(table)))
    if tuple(next(rows, ())) != _FIELDS:
        raise UserError(f"{table}, line 1: must be {','.join(_FIELDS)}. Put the line back.")
    clips: list[Clip] = []
    names: set[str] = set()
    try:
        for row in rows:
            clips.append(_clip_of_row(row, f"{table}, line {rows.line_num}"))
            if clips[-1].name in names:
                raise UserError(f"{table}, line {rows.line_num}: the clip {clips[-1].name!r} is there twice.")
            names.add(clips[-1].name)
    except csv.Error as error:
        raise UserError(f"{table}, line {rows.line_num}: is no row of a table ({error}).") from error
    flac = bool(clips) and Corpus(folder, FLAC).sound_file(clips[0].name).is_file()
    return Corpus(folder, FLAC if flac else WAV), clips


def _clip_of_row(row: list[str], place: str) -> Clip:
    if len(row) != len(_FIELDS):
        raise UserError(f"{place}: has {len(row)} fields instead of {len(_FIELDS)} ({','.join(_FIELDS)}).")
    name, source, start, end, confidence, kept, reason, text = row
    if not name or Path(name).name != name or name.startswith("."):
        raise UserError(f"{place}: clip {excerpt(name)!r} is no name of a file.")
    if kept not in (_YES, _NO):
        raise UserError(f"{place}: kept is {excerpt(kept)!r}. Write {_YES} or {_NO}.")
    first, last = _number(start, "start", place), _number(end, "end", place)
    if not 0 <= first < last:
        raise UserError(f"{place}: a clip from {start} to {end} s is none.")
    chance = _number(confidence, "confidence", place)
    return Clip(name, Path(source), first, last, one_line(text), chance, kept == _YES, reason)


def _number(value: str, field: str, place: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"{place}: {field} is {excerpt(value)!r}, which is no number.")
    return number


def one_line(text: str) -> str:
    """``text`` as a field of ``metadata.csv`` can hold it: no line ends, no bars, single spaces."""
    return " ".join(text.replace("|", " ").split())
