"""Recordings on disk: finding a file by its id, whatever its extension, and walking folders safely."""

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

AUDIO_EXTENSIONS = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a")  # in order of preference


def is_audio(name: str) -> bool:
    """Whether a file of this name is taken for a recording."""
    return os.path.splitext(name)[1].lower() in AUDIO_EXTENSIONS


def without_audio_extension(name: str) -> str:
    """``name`` without its extension if that is one of audio; an id such as ``part.1`` stays whole."""
    stem, extension = os.path.splitext(name)
    return stem if extension.lower() in AUDIO_EXTENSIONS else name


def _normal(name: str) -> str:
    # macOS stores names decomposed, metadata is mostly composed: compare both in one form.
    return unicodedata.normalize("NFC", name)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself
        return False


class AudioFinder:
    """Finds recordings by path, with or without extension; reads each folder once, not each file."""

    def __init__(self) -> None:
        self._folders: dict[str, tuple[dict[str, str], dict[str, str]]] = {}

    def find(self, path: str | Path) -> Path | None:
        """The recording at ``path``, else one beside it that differs in the audio extension only.

        Returns:
            The file, or None if there is none (also for a folder that is missing or cannot be listed).
        """
        folder, name = os.path.split(os.fspath(path))
        names, stems = self._listing(folder)
        found = names.get(_normal(name)) or stems.get(_normal(without_audio_extension(name)))
        return Path(folder, found) if found else None

    def _listing(self, folder: str) -> tuple[dict[str, str], dict[str, str]]:
        if folder not in self._folders:
            names: dict[str, str] = {}
            stems: dict[str, str] = {}
            try:
                with os.scandir(folder or ".") as entries:
                    files = [entry.name for entry in entries if is_audio(entry.name) and _is_file(entry)]
            except (OSError, ValueError):  # ValueError: a null byte in the path
                files = []
            for name in sorted(files, key=lambda file: AUDIO_EXTENSIONS.index(os.path.splitext(file)[1].lower())):
                names[_normal(name)] = name
                stems.setdefault(_normal(without_audio_extension(name)), name)
            self._folders[folder] = names, stems
        return self._folders[folder]


def walk_files(root: Path) -> Iterator[Path]:
    """All files below ``root`` in a fixed order; links are followed, but no folder is entered twice."""
    seen: set[tuple[int, int]] = set()
    for folder, folders, files in os.walk(root, followlinks=True):
        try:
            status = os.stat(folder)
        except OSError:
            folders.clear()
            continue
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield Path(folder, name)
