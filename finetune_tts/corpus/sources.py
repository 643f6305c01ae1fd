"""Recordings as they were given, and what is heard in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from finetune_tts.corpus.decoding import readable
from finetune_tts.corpus.hearing import Heard, hear
from finetune_tts.corpus.pauses import Silences, find_silences


@dataclass(frozen=True)
class Source:
    """A recording: the file that the user named, the one that is read, and what was heard in it."""

    path: Path
    readable: Path
    heard: Heard
    silences: Silences


def listen(recordings: Sequence[Path], folder: Path, cache: Path) -> list[Source]:
    """Hear recordings and find their silences.

    Args:
        recordings: files with sound.
        folder: of the data set, where copies go of what cannot be read directly.
        cache: folder for what is heard.

    Raises:
        UserError: a recording cannot be read.
    """
    files = [readable(path, folder) for path in recordings]
    heard = hear(files, cache)
    return [Source(*found, find_silences(found[2])) for found in zip(recordings, files, heard, strict=True)]
