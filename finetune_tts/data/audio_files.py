"""Recordings on disk: finding a file by its id, whatever its extension, and walking folders safely."""

import os
from collections.abc import Iterator
from pathlib import Path

from finetune_tts.data.names import half_character, normal_form, readable

#: what libsndfile reads, in order of preference, and then what has to be converted first: to find such a file and say
#: so tells more than not to find it.
AUDIO_EXTENSIONS = (
    ".wav", ".wave", ".flac", ".aiff", ".aif", ".aifc", ".w64", ".rf64", ".caf", ".au", ".snd", ".sph",
    ".mp3", ".ogg", ".oga", ".opus",
    ".m4a", ".aac", ".wma", ".webm", ".amr",
)  # fmt: skip
_PREFERENCE = {extension: place for place, extension in enumerate(AUDIO_EXTENSIONS)}
#: of files that hold the transcript of one recording, in order of preference.
TEXT_EXTENSIONS = (".txt", ".lab")


def is_audio(name: str) -> bool:
    """Whether a file of this name is taken for a recording."""
    return os.path.splitext(name)[1].lower() in _PREFERENCE


def without_audio_extension(name: str) -> str:
    """``name`` without its extension if that is one of audio; an id such as ``part.1`` stays whole."""
    stem, extension = os.path.splitext(name)
    return stem if extension.lower() in _PREFERENCE else name


def _as_written(name: str) -> str:
    """What metadata calls a file: a name that is not UTF-8 is mostly one of an old Windows."""
    if name.isascii():
        return name
    if half_character(name) and not half_character(readable(name)):
        name = os.fsencode(name).decode("cp1252", errors="replace")
    return normal_form(name)


def _preference(name: str) -> int:
    return _PREFERENCE[os.path.splitext(name)[1].lower()]


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
        place = self.place(path)
        return Path(*place) if place is not None else None

    def place(self, path: str | Path) -> tuple[str, str] | None:
        """The same as the folder, as ``path`` names it, and the name of the file."""
        folder, name = os.path.split(os.fspath(path))
        names, stems = self._listing(folder)
        written = _as_written(name)
        found = names.get(written) or stems.get(without_audio_extension(written))
        return (folder, found) if found else None

    def _listing(self, folder: str) -> tuple[dict[str, str], dict[str, str]]:
        if folder not in self._folders:
            names: dict[str, str] = {}
            stems: dict[str, str] = {}
            try:
                with os.scandir(folder or ".") as entries:
                    found = [(*os.path.splitext(entry.name), entry) for entry in entries]
                    files = [
                        (_PREFERENCE[extension.lower()], half_character(stem) is not None, stem + extension, stem)
                        for stem, extension, entry in found
                        if extension.lower() in _PREFERENCE and _is_file(entry)
                    ]
            except (OSError, ValueError):  # ValueError: a null byte in the path
                files = []
            for _, _, name, stem in sorted(files):
                written = _as_written(name)
                names.setdefault(written, name)
                stems.setdefault(stem if written is name else without_audio_extension(written), name)
            self._folders[folder] = names, stems
        return self._folders[folder]


class TextFinder:
    """Finds the text file that belongs to a recording; reads each folder once, not each file."""

    def __init__(self) -> None:
        self._folders: dict[Path, dict[tuple[str, str], str]] = {}

    def find(self, audio: Path) -> Path | None:
        """The text file of the same name: beside ``audio``, or in ``txt`` or ``text``; ``.txt`` comes before ``.lab``.

        Returns:
            The file, whatever the case of its extension, or None if there is none.
        """
        beside = audio.parent
        for extension in TEXT_EXTENSIONS:
            for folder in (beside, beside / "txt", beside.parent / "txt", beside.parent / "text"):
                name = self._listing(folder).get((normal_form(audio.stem), extension))
                if name is not None:
                    return folder / name
        return None

    def _listing(self, folder: Path) -> dict[tuple[str, str], str]:
        if folder not in self._folders:
            try:
                with os.scandir(folder) as entries:
                    files = [(*os.path.splitext(entry.name), entry) for entry in entries]
                    texts = {
                        entry.name: (normal_form(stem), extension.lower())
                        for stem, extension, entry in files
                        if extension.lower() in TEXT_EXTENSIONS and _is_file(entry)
                    }
            except OSError:  # no such folder, in most cases
                texts = {}
            # Where two differ in case only, the small letters count.
            self._folders[folder] = {texts[name]: name for name in sorted(texts)}
        return self._folders[folder]


def walk_recordings(root: Path) -> Iterator[Path]:
    """All recordings below ``root`` in a fixed order; of those whose names differ in the extension only, one.

    That is the one that is read best: ``x.wav`` was made from ``x.m4a``, and would have its name in a run.
    """
    best: dict[tuple[Path, str], Path] = {}
    for path in walk_files(root):
        if is_audio(path.name):
            other = best.setdefault((path.parent, path.stem), path)
            if _preference(path.name) < _preference(other.name):
                best[path.parent, path.stem] = path
    yield from best.values()


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
