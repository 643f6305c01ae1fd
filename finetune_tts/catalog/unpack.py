"""Unpacking an archive that comes from somebody else: plain files inside the folder, of a bounded size, or nothing."""

import gzip
import os
import re
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from finetune_tts.catalog.download import check_space
from finetune_tts.catalog.failure import AddressFailure, megabytes
from finetune_tts.errors import UserError

#: an archive may unpack to this many times its size, or to the second number if that is more. Weights hardly shrink.
_MOST_GROWTH = 20
ALLOWED_BYTES = 200_000_000
MOST_FILES = 10_000
_CHUNK = 1 << 20

_DRIVE = re.compile(r"[A-Za-z]:")
_CLUTTER = ("__MACOSX",)

#: what a system allows a name at most, in bytes, less some for the names of temporary files.
_LONGEST_NAME = 240
_LONGEST_PATH = 1000
#: bytes of headers that may stand before one member of a tar: its name and a few attributes.
_LONGEST_HEADER = 1 << 20
_TAR_BLOCK = 512


def unpack(archive: Path, folder: Path, *, allowed_bytes: int = ALLOWED_BYTES, most_files: int = MOST_FILES) -> None:
    """Unpack a zip, tar or tar.gz into ``folder``; a folder that holds everything in the archive is left out.

    Args:
        archive: the downloaded file; its content decides what it is, not its name.
        folder: an empty folder, of no use after a failure.
        allowed_bytes: what any archive may unpack to, however small it is.
        most_files: how many files it may hold.

    Raises:
        AddressFailure: it is no archive, it is cut off or damaged (the zip's checksums are compared), or it holds
            what a model has no use for: absolute paths, ``..``, links, devices, encrypted files, far too much.
        UserError: there is not enough space on the disk.
        OSError: a file cannot be written.
    """
    budget = _Budget(max(allowed_bytes, _MOST_GROWTH * archive.stat().st_size), most_files)
    with archive.open("rb") as file:
        beginning = file.read(_TAR_BLOCK)
    with _damage_named():
        if beginning[:2] == b"PK":
            if not zipfile.is_zipfile(archive):
                raise AddressFailure("the zip is cut off: its end is missing")
            _unpack_zip(archive, folder, budget)
        elif beginning[:2] == b"\x1f\x8b" or _begins_a_tar(beginning):
            _unpack_tar(archive, folder, budget, compressed=beginning[:2] == b"\x1f\x8b")
        else:
            raise AddressFailure("it is neither a zip nor a tar archive")
    _lift_single_folder(folder)


@contextmanager
def _damage_named() -> Iterator[None]:
    """Say of whatever a damaged archive makes its readers fail with that it is damaged."""
    try:
        yield
    except (AddressFailure, UserError):
        raise
    # gzip's own error, and a name that is a file in one place and a folder in another, are no errors of the disk.
    except OSError as error:
        if not isinstance(error, (gzip.BadGzipFile, FileExistsError, NotADirectoryError)):
            raise
        raise _damaged(error) from error
    except Exception as error:  # which ones there are is documented for neither format
        raise _damaged(error) from error


def _damaged(error: Exception) -> AddressFailure:
    # Messages may quote the archive's bytes.
    reason = "".join(letter if letter.isprintable() else " " for letter in str(error)[:200])
    return AddressFailure(f"the archive is cut off or damaged ({reason or type(error).__name__})")


def _begins_a_tar(block: bytes) -> bool:
    """Whether this is the header of a tar's first member, by its checksum; nothing behind it is read."""
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        return False
    return True


class _Budget:
    """Counts what an archive unpacks to."""

    def __init__(self, limit: int, most_files: int) -> None:
        self._limit = limit
        self._most_files = most_files
        self._files = 0
        self._bytes = 0

    def take(self, size: int, files: int = 1) -> None:
        """Take a member, or some bytes beside the members, off what is allowed."""
        if size < 0:
            raise AddressFailure("the archive is damaged (a file with a size below 0)")
        self._files += files
        self._bytes += size
        if self._files > self._most_files:
            raise AddressFailure(f"the archive holds more than {self._most_files} files")
        if self._bytes > self._limit:
            raise AddressFailure(
                f"the archive would unpack to more than {megabytes(self._limit)}, far too much for its size"
            )


def _unpack_zip(archive: Path, folder: Path, budget: _Budget) -> None:
    with zipfile.ZipFile(archive) as content:
        members = content.infolist()
        # A checkpoint is a zip, too: where the archive is cut behind one, its directory passes for the archive's own.
        if members and min(member.header_offset for member in members) != 0:
            raise AddressFailure("the zip is cut off: its end is missing")
        for member in members:
            budget.take(member.file_size)
        check_space(folder, sum(member.file_size for member in members), "Unpacking")
        taken: set[str] = set()
        for member in members:
            name = member.filename
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise AddressFailure(f"the zip holds a link or device: {_shown(name)}")
            if member.flag_bits & 0x1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise AddressFailure(f"the zip is encrypted or packed in a rare way: {_shown(name)}")
            target = _target(name, folder, taken, is_folder=name.endswith("/"))
            if target is not None:
                with content.open(member) as source:
                    _write(source, target, member.file_size)


def _unpack_tar(archive: Path, folder: Path, budget: _Budget, compressed: bool) -> None:
    taken: set[str] = set()
    with _tar_stream(archive, compressed) as stream:
        headers = _Headers(stream)
        with tarfile.open(fileobj=headers, mode="r|") as content:  # type: ignore[call-overload]
            for member in content:
                budget.take(member.size)
                if not (member.isreg() or member.isdir()):
                    raise AddressFailure(f"the tar holds a link or device: {_shown(member.name)}")
                headers.allow(member.size)
                target = _target(member.name, folder, taken, is_folder=member.isdir())
                source = content.extractfile(member)
                if target is not None and source is not None:
                    check_space(folder, member.size, "Unpacking")
                    _write(source, target, member.size)
        # gzip compares its checksum when the last byte has been read, which lies behind the tar's own end.
        while chunk := stream.read(_CHUNK):
            budget.take(len(chunk), files=0)


class _Headers:
    """A tar's bytes, of which no more are given than a member and the header of the next one need.

    The reader of a tar takes a header into memory as a whole, however long it says that it is.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._left = _LONGEST_HEADER

    def allow(self, size: int) -> None:
        """Let a member of this size and the next header through."""
        self._left = size + _LONGEST_HEADER

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise AddressFailure("the tar holds a header that is far too long")
        return data


@contextmanager
def _tar_stream(archive: Path, compressed: bool) -> Iterator[IO[bytes]]:
    with archive.open("rb") as file:
        if not compressed:
            yield file
            return
        with gzip.GzipFile(fileobj=file) as plain:
            # GzipFile reads and closes as the tar reader needs, without being declared an IO[bytes].
            yield plain  # type: ignore[misc]


def _target(name: str, folder: Path, taken: set[str], is_folder: bool) -> Path | None:
    """Return where a member goes, None for folders and clutter."""
    path = PurePosixPath(name)
    if "\\" in name or "\0" in name or path.is_absolute() or ".." in path.parts or _DRIVE.match(name):
        raise AddressFailure(f"the archive holds a path that leads out of its folder: {_shown(name)}")
    if not name or not name.isprintable():  # half of a surrogate pair stands for a byte that is not UTF-8
        raise AddressFailure(f"the archive holds an unusable name: {_shown(name)}")
    if len(name) > _LONGEST_PATH or any(len(part.encode()) > _LONGEST_NAME for part in path.parts):
        raise AddressFailure(f"the archive holds a name that is too long: {_shown(name)}")
    if is_folder or not path.parts or path.parts[0] in _CLUTTER or path.name == ".DS_Store":
        return None
    # Systems differ in whether letter case counts; two names that differ in nothing else would meet on some.
    key = str(path).lower()
    if key in taken:
        raise AddressFailure(f"the archive holds {_shown(name)} twice")
    taken.add(key)
    target = folder.joinpath(*path.parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _shown(name: str) -> str:
    """A name for a message: without control characters, and not too long."""
    return repr(name) if len(name) <= 100 else f"{name[:99]!r}…"


def _write(source: IO[bytes], target: Path, size: int) -> None:
    written = 0
    with target.open("xb") as out:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > size:
                raise AddressFailure(f"{target.name} is longer than the archive says")
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    if written != size:
        raise AddressFailure(f"{target.name} is shorter than the archive says")


def _lift_single_folder(folder: Path) -> None:
    while True:
        inside = list(folder.iterdir())
        if len(inside) != 1 or not inside[0].is_dir():
            return
        # Its name may be that of a file within it, so it steps aside first: out of the folder, where no name is taken.
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpacking-") as aside:
            single = inside[0].rename(Path(aside) / "single")
            for path in single.iterdir():
                path.rename(folder / path.name)
