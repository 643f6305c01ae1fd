"""What is known about files by their content: hashes of recordings, and indices of what was computed from them."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from finetune_tts.errors import UserError

CACHE_NAME = "feature_cache"
"""Folder below ``output_path`` where all runs keep what they computed from recordings."""


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
        for line in lines:
            try:
                key, value = json.loads(line) if line else (None, None)
            except (ValueError, TypeError, RecursionError):
                continue
            if isinstance(key, str):
                self._values[key] = value

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
        if self._values.get(key) == value:
            return
        self._values[key] = value
        if not write:
            return
        line = b"\n" + json.dumps([key, value]).encode() + b"\n"
        try:
            # One write to a file that is open for appending: lines of several processes do not mix.
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            try:
                os.write(descriptor, line)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise cannot_write(self._path, error) from error


class Digests:
    """Hashes of recordings, each file read once as long as its path, size and time of change stay.

    Args:
        folder: of the cache; it holds the index.
    """

    def __init__(self, folder: Path) -> None:
        self._index = Index(folder / "files.jsonl")

    def known(self, path: Path) -> str | None:
        """The hash of a file if it needs no reading (raises as :meth:`of`)."""
        digest = self._index.get(_file_key(path))
        return digest if isinstance(digest, str) else None

    def of(self, path: Path) -> str:
        """The hash of a file's content.

        Raises:
            UserError: it cannot be read, or the index cannot be written.
        """
        key = _file_key(path)
        known = self._index.get(key)
        if isinstance(known, str):
            return known
        hasher = hashlib.sha256()
        try:
            with open(path, "rb") as file:
                while block := file.read(2**20):
                    hasher.update(block)
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
        digest = hasher.hexdigest()[:32]
        self._index.remember(key, digest)
        return digest

    def note(self, path: Path, digest: str) -> None:
        """Take over a hash that another process has found and written."""
        self._index.remember(_file_key(path), digest, write=False)


def cannot_write(path: Path, error: OSError) -> CacheFailure:
    """What to raise where a file of the cache cannot be written."""
    return CacheFailure(
        f"{path}: the feature cache cannot be written ({error.strerror}). Make room, or choose another folder "
        "with --output_path."
    )


def _file_key(path: Path) -> str:
    try:
        status = os.stat(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
    return f"{os.path.abspath(path)}|{status.st_size}|{status.st_mtime_ns}"
