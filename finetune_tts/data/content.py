"""What is known about files by their content: hashes of recordings, and indices of what was computed from them."""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from finetune_tts.errors import UserError

CACHE_NAME = "feature_cache"
"""Folder below ``output_path`` where all runs keep what they computed from recordings."""


_LINES_AT_ONCE = 10_000


class CacheFailure(UserError):
    """The cache cannot be written: no fault of a recording, and the same for all that are to come."""


class Index:
    """A dictionary in a file of JSON lines that is only appended to.

    A line begins with a line break, so a line that a crash cut off spoils no later one; lines that cannot be read
    are passed over, and what they said is found out again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, Any] = {}
        try:
            lines = path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        except OSError as error:
            raise UserError(f"{path}: the feature cache cannot be read ({error.strerror}).") from error
        for start in range(0, len(lines), _LINES_AT_ONCE):
            self._values.update(_entries(lines[start : start + _LINES_AT_ONCE]))

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: str) -> Any:
        """The value of a key, None if there is none."""
        return self._values.get(key)

    def items(self) -> list[tuple[str, Any]]:
        """All keys and values."""
        return list(self._values.items())

    def remember(self, key: str, value: Any, write: bool = True) -> None:
        """Keep a value.

        Args:
            key: of the value.
            value: plain values.
            write: false where another process has written it.

        Raises:
            CacheFailure: the file cannot be written.
        """
        self.remember_all([(key, value)], write)

    def remember_all(self, entries: Iterable[tuple[str, Any]], write: bool = True) -> None:
        """Keep many values, as :meth:`remember` does."""
        new = [entry for entry in entries if self._values.get(entry[0]) != entry[1]]
        self._values.update(new)
        if not new or not write:
            return
        lines = b"".join(b"\n" + json.dumps(entry).encode() + b"\n" for entry in new)
        try:
            # One write to a file that is open for appending: lines of several processes do not mix.
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            try:
                os.write(descriptor, lines)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise cannot_write(self._path, error) from error


def _entries(lines: Sequence[bytes]) -> list[tuple[str, Any]]:
    """The keys and values of lines; those that cannot be read are passed over."""
    lines = [line for line in lines if line]
    try:  # all at once, which takes a fifth of the time
        found = json.loads(b"[" + b",".join(lines) + b"]")
        if len(found) == len(lines):  # a line that was cut off may join with the next one
            return [(key, value) for key, value in found if isinstance(key, str)]
    except (ValueError, TypeError, RecursionError):
        pass
    if len(lines) < 2:
        return []
    middle = len(lines) // 2
    return _entries(lines[:middle]) + _entries(lines[middle:])


class Digests:
    """Hashes of recordings, each file read once as long as its path, size and time of change stay.

    Within a process each file is looked at once: a recording that is changed while a run goes on counts at the next
    start.

    Args:
        folder: of the cache; it holds the index, and need not be there before something is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._index = Index(folder / "files.jsonl")
        self._seen: dict[Path, str] = {}

    def known(self, path: Path) -> str | None:
        """The hash of a file if it needs no reading (raises as :meth:`of`)."""
        if path in self._seen:
            return self._seen[path]
        digest = self._index.get(file_key(path))
        if not isinstance(digest, str):
            return None
        self._seen[path] = digest
        return digest

    def note_key(self, path: Path, key: str) -> None:
        """Take over what :func:`file_key` says of a file, where somebody has asked it already."""
        digest = self._index.get(key)
        if isinstance(digest, str):
            self._seen[path] = digest

    def of(self, path: Path) -> str:
        """The hash of a file's content.

        Raises:
            UserError: it cannot be read, or the index cannot be written.
        """
        known = self.known(path)
        if known is not None:
            return known
        key = file_key(path)
        hasher = hashlib.sha256()
        try:
            with open(path, "rb") as file:
                while block := file.read(2**20):
                    hasher.update(block)
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
        digest = hasher.hexdigest()[:32]
        self._index.remember(key, digest)
        self._seen[path] = digest
        return digest

    def note(self, path: Path, digest: str) -> None:
        """Take over a hash that another process has found and written."""
        self._index.remember(file_key(path), digest, write=False)
        self._seen[path] = digest


def cannot_write(path: Path, error: OSError) -> CacheFailure:
    """What to raise where a file of the cache cannot be written."""
    return CacheFailure(
        f"{path}: the feature cache cannot be written ({error.strerror}). Make room, or choose another folder "
        "with --output_path."
    )


def file_key(path: Path) -> str:
    """What a file is known by as long as nobody changes it: its path, its size and its time of change.

    Raises:
        UserError: it is not there.
    """
    text = str(path)
    try:
        status = os.stat(text)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
    if text[:1] == "/":  # nothing changes where a file is that is named from the root, so folders are remembered
        folder, _, name = text.rpartition("/")
        place = _from_root(folder)
    else:
        place, name = os.path.join(os.path.abspath(os.path.dirname(text)), ""), os.path.basename(text)
    return f"{place}{name}|{status.st_size}|{status.st_mtime_ns}"


@lru_cache(maxsize=1024)
def _from_root(folder: str) -> str:
    return os.path.join(os.path.abspath(folder or "/"), "")
