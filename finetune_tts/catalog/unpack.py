"""Unpacking an archive that comes from somebody else: plain files inside the folder, of a bounded size, or nothing."""

import gzip
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from finetune_tts.catalog.download import check_space
from finetune_tts.catalog.failure import AddressFailure, megabytes

#: an archive may unpack to this many times its size, or to the second number if that is more. Weights hardly shrink.
_MOST_GROWTH = 20
_ALWAYS_ALLOWED_BYTES = 200_000_000
_MOST_FILES = 10_000
_CHUNK = 1 << 20

_DRIVE = re.compile(r"[A-Za-z]:")
_CLUTTER = ("__MACOSX",)

_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    # a name that is a file in one place and a folder in another
    FileExistsError,
    NotADirectoryError,
)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip, tar or tar.gz into ``folder``; a folder that holds everything in the archive is left out.

    Args:
        archive: the downloaded file; its content decides what it is, not its name.
        folder: an empty folder, of no use after a failure.

    Raises:
        AddressFailure: it is no archive, it is cut off or damaged (the zip's checksums are compared), or it holds
            what a model has no use for: absolute paths, ``..``, links, devices, encrypted files, far too much.
        UserError: there is not enough space on the disk.
        OSError: a file cannot be written.
    """
    limit = max(_ALWAYS_ALLOWED_BYTES, _MOST_GROWTH * archive.stat().st_size)
    with archive.open("rb") as file:
        beginning = file.read(4)
    try:
        if beginning[:2] == b"PK":
            if not zipfile.is_zipfile(archive):
                raise AddressFailure("the zip is cut off: its end is missing")
            _unpack_zip(archive, folder, limit)
        elif beginning[:2] == b"\x1f\x8b" or tarfile.is_tarfile(archive):
            _unpack_tar(archive, folder, limit, compressed=beginning[:2] == b"\x1f\x8b")
        else:
            raise AddressFailure("it is neither a zip nor a tar archive")
    except _BROKEN as error:
        raise AddressFailure(f"the archive is cut off or damaged ({error})") from error
    _lift_single_folder(folder)


def _unpack_zip(archive: Path, folder: Path, limit: int) -> None:
    with zipfile.ZipFile(archive) as content:
        members = content.infolist()
        # A checkpoint is a zip, too: where the archive is cut behind one, its directory passes for the archive's own.
        if members and min(member.header_offset for member in members) != 0:
            raise AddressFailure("the zip is cut off: its end is missing")
        _check_sizes((member.file_size for member in members), limit)
        check_space(folder, sum(member.file_size for member in members), "Unpacking")
        taken: set[str] = set()
        for member in members:
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise AddressFailure(f"the zip holds a link or device: {member.filename!r}")
            if member.flag_bits & 0x1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise AddressFailure(f"the zip is encrypted or packed in a rare way: {member.filename!r}")
            target = _target(member.filename, folder, taken, is_folder=member.is_dir())
            if target is not None:
                with content.open(member) as source:
                    _write(source, target, member.file_size)


def _unpack_tar(archive: Path, folder: Path, limit: int, compressed: bool) -> None:
    taken: set[str] = set()
    sizes: list[int] = []
    with _tar_stream(archive, compressed) as stream:
        with tarfile.open(fileobj=stream, mode="r|") as content:
            for member in content:
                sizes.append(member.size)
                _check_sizes(sizes, limit)
                if not (member.isreg() or member.isdir()):
                    raise AddressFailure(f"the tar holds a link or device: {member.name!r}")
                target = _target(member.name, folder, taken, is_folder=member.isdir())
                source = content.extractfile(member)
                if target is not None and source is not None:
                    check_space(folder, member.size, "Unpacking")
                    _write(source, target, member.size)
        # gzip compares its checksum when the last byte has been read, which lies behind the tar's own end.
        rest = 0
        while chunk := stream.read(_CHUNK):
            rest += len(chunk)
            _check_sizes([*sizes, rest], limit)


@contextmanager
def _tar_stream(archive: Path, compressed: bool) -> Iterator[IO[bytes]]:
    with archive.open("rb") as file:
        if not compressed:
            yield file
            return
        with gzip.GzipFile(fileobj=file) as plain:
            # GzipFile reads and closes as the tar reader needs, without being declared an IO[bytes].
            yield plain  # type: ignore[misc]


def _check_sizes(sizes: Iterable[int], limit: int) -> None:
    all_sizes = list(sizes)
    if len(all_sizes) > _MOST_FILES:
        raise AddressFailure(f"the archive holds more than {_MOST_FILES} files")
    if sum(all_sizes) > limit:
        raise AddressFailure(f"the archive would unpack to more than {megabytes(limit)}, far too much for its size")


def _target(name: str, folder: Path, taken: set[str], is_folder: bool) -> Path | None:
    """Return where a member goes, None for folders and clutter."""
    path = PurePosixPath(name)
    if "\\" in name or "\0" in name or path.is_absolute() or ".." in path.parts or _DRIVE.match(name):
        raise AddressFailure(f"the archive holds a path that leads out of its folder: {name!r}")
    if is_folder or not path.parts or path.parts[0] in _CLUTTER or path.name == ".DS_Store":
        return None
    # Systems differ in whether letter case counts; two names that differ in nothing else would meet on some.
    key = str(path).lower()
    if key in taken:
        raise AddressFailure(f"the archive holds {name!r} twice")
    taken.add(key)
    target = folder.joinpath(*path.parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


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
    inside = list(folder.iterdir())
    while len(inside) == 1 and inside[0].is_dir():
        # Its name may be that of a file within it, so it steps aside first.
        single = inside[0].rename(folder / ".lifted")
        for path in single.iterdir():
            path.rename(folder / path.name)
        single.rmdir()
        inside = list(folder.iterdir())
