"""Features of many recordings in a few large files.

A shard is written by one process, from its beginning to its end: a mark, then records, then, when the process is done
with it, an index of these and a footer. A record is a header and the feature as the content of a ``.npy`` file. The
header says of which recording and kind the feature is, where it stands and how long it is, and has a checksum of the
feature and one of itself; the index repeats the headers. So a shard whose process was killed is read too, from header
to header up to the first one that does not hold; a reader with the index needs no header.
"""

import logging
import os
import secrets
import struct
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import numpy as np

from finetune_tts.data.content import cannot_write
from finetune_tts.data.feature_files import as_bytes, from_bytes

logger = logging.getLogger(__name__)

EXTENSION = ".shard"
LARGEST = 2**32
"""Bytes from which on a process begins another shard."""
MOST_OPEN = 64
"""Shards that a process holds open to read."""

_BEGINNING = b"\x89TTSFT1\n"
_ENDING = b"\nTTSFTI\x89"

_ENTRY = np.dtype(
    [
        ("high", "<u8"),  # the first half of the digest
        ("low", "<u8"),
        ("kind", "<u8"),
        ("offset", "<u8"),  # of the header
        ("size", "<u4"),  # of the feature, in bytes
        ("frames", "<u4"),
        ("checksum", "<u4"),  # of the feature
        ("shard", "<u4"),  # in a file: checksum of all before it
    ]
)
_FIELDS = struct.Struct("<QQQQIIII")
_HEADER_BYTES = _FIELDS.size
_NUMBER = struct.Struct("<I")
_FOOTER = struct.Struct("<8sQQI")  # mark, where the index begins, how many entries, their checksum
_FOOTER_BYTES = _FOOTER.size + _NUMBER.size

_SEALED = -1
_BINARY = getattr(os, "O_BINARY", 0)  # Windows


class ShardWriter:
    """A shard that this process writes; nobody else does.

    Args:
        folder: of the shards, made if missing.

    Attributes:
        path: of the file.
        size: of what is written whole.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{secrets.token_hex(8)}{EXTENSION}"
        self.size = 0
        self._process = os.getpid()
        self._headers: list[bytes] = []
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
        self._write(_BEGINNING)

    @property
    def is_own(self) -> bool:
        """Whether this process made it, and not the one that it was forked from."""
        return self._process == os.getpid()

    def append(self, digest: str, features: Mapping[str, np.ndarray]) -> list[bytes]:
        """Write features of one recording, by kind, at once.

        Returns:
            The header of each.

        Raises:
            OSError: the file cannot be written; it then ends with the recording before.
        """
        headers, parts, offset = [], [], self.size
        for kind, feature in features.items():
            content = as_bytes(feature)
            place = (*_halves(digest), _kind_number(kind), offset, len(content), feature.shape[-1])
            fields = _FIELDS.pack(*place, zlib.crc32(content), 0)[: -_NUMBER.size]
            headers.append(fields + _NUMBER.pack(zlib.crc32(fields)))
            parts += [headers[-1], content]
            offset += _HEADER_BYTES + len(content)
        self._write(b"".join(parts))
        self._headers += headers
        return headers

    def seal(self) -> None:
        """Write the index, and close the file. Without an index it is read too, only more slowly."""
        if not self.is_own or self._descriptor < 0:
            return
        index = b"".join(self._headers)
        footer = _FOOTER.pack(_ENDING, self.size, len(self._headers), zlib.crc32(index))
        with suppress(OSError):
            self._write(index + footer + _NUMBER.pack(zlib.crc32(footer)))
            os.fsync(self._descriptor)
        self.drop()

    def drop(self) -> None:
        """Close the file as it is."""
        with suppress(OSError):
            os.close(self._descriptor)
        self._descriptor = -1

    def _write(self, content: bytes) -> None:
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self.size)
                os.lseek(self._descriptor, self.size, os.SEEK_SET)
            raise
        self.size += len(content)


class _ShardFile:
    """A shard that is open to be read."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | _BINARY)

    def __del__(self) -> None:
        with suppress(OSError, AttributeError):  # the latter where it was never opened
            os.close(self._descriptor)

    def read(self, offset: int, size: int) -> bytes:
        """Bytes of the file, fewer where it ends."""
        if hasattr(os, "pread"):  # which others that share the open file do not disturb
            return os.pread(self._descriptor, size, offset)
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        return os.read(self._descriptor, size)


class FeatureShards:
    """The shards of a folder: any number of processes read them, and each writes its own.

    The index is one sorted array, which processes that are forked share. What others write after it was read is known
    after :meth:`refresh`. A feature may stand in several shards; one that is intact is found.

    Args:
        folder: of the shards; it need not be there before something is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: list[str] = []
        self._numbers: dict[str, int] = {}
        self._read_up_to: list[int] = []
        """How far each shard has been read; ``_SEALED`` for one of which all is known."""
        self._entries = np.empty(0, dtype=_ENTRY)
        self._keys = np.empty(0, dtype=np.uint64)
        self._written: dict[tuple[str, str], bytes] = {}
        """Entries of this process that are not in the array yet."""
        self._writer: ShardWriter | None = None
        self._at_end: Finalize | None = None
        self._open: OrderedDict[int, _ShardFile] = OrderedDict()
        self.refresh()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_writer": None, "_at_end": None, "_open": OrderedDict()}

    def __len__(self) -> int:
        """How many features are known."""
        return len(self._entries) + len(self._written)

    @property
    def names(self) -> list[str]:
        """Names of the shards that are known."""
        return list(self._names)

    def has(self, digest: str, kind: str) -> bool:
        """Whether a feature is known; whether it is intact shows when it is read."""
        return next(self._places(digest, kind), None) is not None

    def frames(self, digest: str, kind: str) -> int | None:
        """Length of the last axis of a feature, None if it is not known."""
        place = next(self._places(digest, kind), None)
        return int(place[5]) if place is not None else None

    def read(self, digest: str, kind: str) -> np.ndarray | None:
        """A feature, None if it is not known; a damaged one counts as none, with a warning."""
        content, damaged = self._intact(digest, kind)
        if content is None and damaged is not None:
            self.refresh()  # another process may have met it before, and computed it again
            content, damaged = self._intact(digest, kind)
        if content is not None:
            return from_bytes(content)
        if damaged is not None:
            shard, offset = damaged
            path = self._folder / self._names[shard]
            logger.warning("%s: a feature (%s, at byte %d) is damaged and is computed again.", path, kind, offset)
        return None

    def _intact(self, digest: str, kind: str) -> tuple[bytes | None, tuple[int, int] | None]:
        """The content of a feature, and where a damaged one stands: shard and offset."""
        damaged = None
        for _, _, _, offset, size, _, checksum, shard in self._places(digest, kind):
            content = self._content(shard, offset + _HEADER_BYTES, size)
            if len(content) == size and zlib.crc32(content) == checksum:
                return content, None
            damaged = shard, offset
        return None, damaged

    def write(self, digest: str, features: Mapping[str, np.ndarray]) -> None:
        """Write features of one recording, by kind, into this process's shard.

        Raises:
            CacheFailure: it cannot be written.
        """
        try:
            writer = self._own_writer()
            headers = writer.append(digest, features)
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        shard = _NUMBER.pack(self._number(writer.path.name))
        for kind, header in zip(features, headers, strict=True):
            self._written[digest, kind] = header[: -_NUMBER.size] + shard
        if writer.size >= LARGEST:
            self.seal()

    def seal(self) -> None:
        """Be done with the shard of this process; what is written later goes into another one."""
        if self._at_end is not None:
            self._at_end()
        self._writer = self._at_end = None

    def refresh(self, names: Iterable[str] = ()) -> None:
        """Take over what others have written.

        Args:
            names: of shards that are there, though a file system that machines share may not list them yet.
        """
        known = set(names)
        with suppress(OSError):
            known.update(name for name in os.listdir(self._folder) if name.endswith(EXTENSION))
        found = [np.frombuffer(b"".join(self._written.values()), dtype=_ENTRY)]
        for name in sorted(known):
            number = self._number(name, read_up_to=0)
            if self._read_up_to[number] != _SEALED:
                found.append(self._entries_of(number))
        new = np.concatenate(found)
        self._written = {}
        if len(new):
            self._entries = np.concatenate([self._entries, new])
            order = np.argsort(_keys(self._entries), kind="stable")
            self._entries = self._entries[order]
            self._keys = _keys(self._entries)

    def complete(self, kinds: Sequence[str]) -> Mapping[str, int]:
        """Length of the first of ``kinds``, by digest, wherever all of them are known."""
        first = self._entries[self._entries["kind"] == _kind_number(kinds[0])]
        has_all = np.ones(len(first), dtype=bool)
        for kind in kinds[1:]:
            wanted = first["high"] ^ np.uint64(_kind_number(kind))
            places = np.searchsorted(self._keys, wanted)
            found = self._entries[np.minimum(places, max(len(self._entries) - 1, 0))]
            same = (found["high"] == first["high"]) & (found["low"] == first["low"])
            has_all &= same & (found["kind"] == _kind_number(kind))
        whole = first[has_all]
        digests = np.stack([whole["high"], whole["low"]], axis=1).astype(">u8").tobytes().hex()
        return {digests[32 * at : 32 * at + 32]: frames for at, frames in enumerate(whole["frames"].tolist())}

    def _places(self, digest: str, kind: str) -> Iterator[tuple[int, ...]]:
        """The entries of a feature."""
        written = self._written.get((digest, kind))
        if written is not None:
            yield _FIELDS.unpack(written)
        wanted = (*_halves(digest), _kind_number(kind))
        key = wanted[0] ^ wanted[2]
        for at in range(int(np.searchsorted(self._keys, np.uint64(key))), len(self._keys)):
            entry: tuple[int, ...] = self._entries[at].item()
            if entry[:3] == wanted:
                yield entry
            elif entry[0] ^ entry[2] != key:
                return

    def _number(self, name: str, read_up_to: int = _SEALED) -> int:
        """The number of a shard; one that is new has been read so far."""
        if name not in self._numbers:
            self._numbers[name] = len(self._names)
            self._names.append(name)
            self._read_up_to.append(read_up_to)
        return self._numbers[name]

    def _own_writer(self) -> ShardWriter:
        if self._writer is not None and not self._writer.is_own:
            self._writer.drop()  # the descriptor of this process; that of the parent stays open
            self._writer = None
        if self._writer is None:
            self._writer = ShardWriter(self._folder)
            # Also at the end of a process that works for another one, where atexit calls nothing.
            self._at_end = Finalize(self, self._writer.seal, exitpriority=10)
        return self._writer

    def _content(self, shard: int, offset: int, size: int) -> bytes:
        """Bytes of a shard; fewer where it has no more, or cannot be read."""
        try:
            file = self._open.pop(shard, None)
            if file is None:
                file = _ShardFile(self._folder / self._names[shard])
            self._open[shard] = file
            if len(self._open) > MOST_OPEN:
                self._open.popitem(last=False)
            return file.read(offset, size)
        except OSError:
            return b""

    def _entries_of(self, shard: int) -> np.ndarray:
        """What is new in a shard."""
        path, start = self._folder / self._names[shard], self._read_up_to[shard]
        try:
            end = path.stat().st_size
        except OSError:
            return np.empty(0, dtype=_ENTRY)
        if start == 0:
            beginning = self._content(shard, 0, len(_BEGINNING))
            if len(beginning) < len(_BEGINNING):  # nothing is written yet
                return np.empty(0, dtype=_ENTRY)
            if beginning != _BEGINNING:
                logger.warning("%s: is damaged at its beginning and is not used.", path)
                self._read_up_to[shard] = _SEALED
                return np.empty(0, dtype=_ENTRY)
            start = len(_BEGINNING)
        index = self._index(shard, end)
        if index is not None:
            self._read_up_to[shard] = _SEALED
            headers = index
        else:
            headers, self._read_up_to[shard] = self._scan(shard, start, end)
        entries = np.frombuffer(headers, dtype=_ENTRY).copy()
        entries["shard"] = shard
        kept: np.ndarray = entries[entries["offset"] >= start]
        return kept

    def _index(self, shard: int, end: int) -> bytes | None:
        """The index of a shard that has one."""
        footer = self._content(shard, max(end - _FOOTER_BYTES, 0), _FOOTER_BYTES)
        fields = footer[: _FOOTER.size]
        if len(footer) < _FOOTER_BYTES or footer[_FOOTER.size :] != _NUMBER.pack(zlib.crc32(fields)):
            return None
        mark, offset, count, checksum = _FOOTER.unpack(fields)
        if mark != _ENDING or offset + count * _HEADER_BYTES + _FOOTER_BYTES != end:
            return None
        index = self._content(shard, offset, count * _HEADER_BYTES)
        return index if zlib.crc32(index) == checksum else None

    def _scan(self, shard: int, start: int, end: int) -> tuple[bytes, int]:
        """The headers of the records from ``start`` on that are whole, and where these end."""
        headers: list[bytes] = []
        offset = start
        while (header := self._whole_header(shard, offset, end)) is not None:
            headers.append(header)
            offset += _HEADER_BYTES + _FIELDS.unpack(header)[4]
        if headers:  # of the last one, a machine that went down may have kept the header alone
            _, _, _, last, size, _, checksum, _ = _FIELDS.unpack(headers[-1])
            if zlib.crc32(self._content(shard, last + _HEADER_BYTES, size)) != checksum:
                headers.pop()
                offset = last
        return b"".join(headers), offset

    def _whole_header(self, shard: int, offset: int, end: int) -> bytes | None:
        header = self._content(shard, offset, _HEADER_BYTES)
        fields, checksum = header[: -_NUMBER.size], header[-_NUMBER.size :]
        if len(header) < _HEADER_BYTES or _NUMBER.pack(zlib.crc32(fields)) != checksum:
            return None
        _, _, _, stated, size, _, _, _ = _FIELDS.unpack(header)
        # An index that was not finished repeats headers, which stand elsewhere than they say.
        return header if stated == offset and offset + _HEADER_BYTES + size <= end else None


def _halves(digest: str) -> tuple[int, int]:
    return int(digest[:16], 16), int(digest[16:], 16)


@lru_cache
def _kind_number(kind: str) -> int:
    return int.from_bytes(blake2b(kind.encode(), digest_size=8).digest(), "little")


def _keys(entries: np.ndarray) -> np.ndarray:
    """What entries are sorted by, ``[N]`` uint64: nearly unique, as it is made of hashes."""
    keys: np.ndarray = entries["high"] ^ entries["kind"]
    return keys
