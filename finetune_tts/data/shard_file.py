"""A shard: a large file with the features of many recordings.

It is written by one process, from its beginning to its end: a mark, then records, then, when the process is done with
it, an index of these and a footer. A record is a header and the feature as the content of a ``.npy`` file. The header
says of which recording and kind the feature is, where it stands and how long it is, and has a checksum of the feature
and one of itself; the index repeats the headers. So a shard whose process was killed is read too, from header to header
up to the first one that does not hold. Where these are many, what was found is kept in a file beside the shard.
"""

import os
import secrets
import struct
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

import numpy as np

from finetune_tts.data.feature_files import as_bytes
from finetune_tts.files import replacing

EXTENSION = ".shard"
FIELDS = struct.Struct("<QQQQIIII")
"""Of an entry of the index: both halves of the digest, number of the kind, offset of the header, bytes and frames of
the feature, its checksum; and, in a file, the checksum of all of these, in memory the number of the shard."""
HEADER_BYTES = FIELDS.size
NUMBER = struct.Struct("<I")
KEPT_FROM = 1000
"""Records found one by one from which on they are kept in a file beside the shard."""

_BEGINNING = b"\x89TTSFT1\n"
_ENDING = b"\nTTSFTI\x89"
_FOOTER = struct.Struct("<8sQQI")  # mark, where the records end, how many there are, checksum of the index
_FOOTER_BYTES = _FOOTER.size + NUMBER.size
_BINARY = getattr(os, "O_BINARY", 0)  # Windows


class NoShard(Exception):
    """A file that does not begin as a shard does."""


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
            place = (*halves(digest), kind_number(kind), offset, len(content), feature.shape[-1])
            fields = FIELDS.pack(*place, zlib.crc32(content), 0)[: -NUMBER.size]
            headers.append(fields + NUMBER.pack(zlib.crc32(fields)))
            parts += [headers[-1], content]
            offset += HEADER_BYTES + len(content)
        self._write(b"".join(parts))
        self._headers += headers
        return headers

    def seal(self) -> None:
        """Write the index, and close the file. Without an index it is read too, only more slowly."""
        if not self.is_own or self._descriptor < 0:
            return
        with suppress(OSError):
            self._write(_index(b"".join(self._headers), self.size))
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


class ShardReader:
    """A shard that is open to be read.

    Args:
        path: of the file.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDONLY | _BINARY)

    def __del__(self) -> None:
        with suppress(OSError, AttributeError):  # the latter where it was never opened
            os.close(self._descriptor)

    def feature(self, offset: int, size: int, checksum: int) -> bytes | None:
        """The content of a feature whose header stands at ``offset``, None where it is damaged."""
        content = self._read(offset + HEADER_BYTES, size)
        return content if len(content) == size and zlib.crc32(content) == checksum else None

    def headers(self, start: int) -> tuple[bytes, int | None]:
        """The headers of records, and where to look for more; None where there will be no more.

        Args:
            start: where to look from; 0 for all. A shard with an index gives those before it too.

        Raises:
            NoShard: the file is none, or damaged at its beginning.
            OSError: it cannot be read.
        """
        end = os.fstat(self._descriptor).st_size
        first = max(start, len(_BEGINNING))
        if end < first:  # not even the mark is written
            return b"", start
        if start == 0 and self._read(0, len(_BEGINNING)) != _BEGINNING:
            raise NoShard
        sealed = _read_index(self._read, end)
        if sealed is not None and sealed[1] + len(sealed[0]) + _FOOTER_BYTES == end:
            return sealed[0], None
        return self._scanned(end) if start == 0 else self._scan(first, end)

    def _scanned(self, end: int) -> tuple[bytes, int]:
        """The headers of all records, and where these end."""
        beside, known, done = self._path.with_suffix(".index"), b"", len(_BEGINNING)
        with suppress(OSError):
            content = beside.read_bytes()
            found = _read_index(lambda offset, size: content[offset : offset + size], len(content))
            if found is not None and found[1] <= end:
                known, done = found
        headers, done = self._scan(done, end)
        if len(headers) >= KEPT_FROM * HEADER_BYTES:
            with suppress(OSError), replacing(beside) as file:
                file.write(_index(known + headers, done))
        return known + headers, done

    def _scan(self, start: int, end: int) -> tuple[bytes, int]:
        """The headers of the records from ``start`` on that are whole, and where these end."""
        headers: list[bytes] = []
        offset = start
        while (header := self._whole_header(offset, end)) is not None:
            headers.append(header)
            offset += HEADER_BYTES + FIELDS.unpack(header)[4]
        if headers:  # of the last one, a machine that went down may have kept the header alone
            _, _, _, last, size, _, checksum, _ = FIELDS.unpack(headers[-1])
            if self.feature(last, size, checksum) is None:
                headers.pop()
                offset = last
        return b"".join(headers), offset

    def _whole_header(self, offset: int, end: int) -> bytes | None:
        header = self._read(offset, HEADER_BYTES)
        fields, checksum = header[: -NUMBER.size], header[-NUMBER.size :]
        if len(header) < HEADER_BYTES or NUMBER.pack(zlib.crc32(fields)) != checksum:
            return None
        _, _, _, stated, size, _, _, _ = FIELDS.unpack(header)
        # An index that was not finished repeats headers, which stand elsewhere than they say.
        return header if stated == offset and offset + HEADER_BYTES + size <= end else None

    def _read(self, offset: int, size: int) -> bytes:
        """Bytes of the file, fewer where it ends."""
        if hasattr(os, "pread"):  # which others that share the open file do not disturb
            return os.pread(self._descriptor, size, offset)
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        return os.read(self._descriptor, size)


def _index(headers: bytes, end: int) -> bytes:
    """The index of records that end at ``end``, with its footer."""
    footer = _FOOTER.pack(_ENDING, end, len(headers) // HEADER_BYTES, zlib.crc32(headers))
    return headers + footer + NUMBER.pack(zlib.crc32(footer))


def _read_index(read: Callable[[int, int], bytes], end: int) -> tuple[bytes, int] | None:
    """The headers of the index with which a file of ``end`` bytes ends, and where its records end; None if it has none.

    Args:
        read: gives bytes of the file, by offset and size.
        end: size of the file.
    """
    footer = read(max(end - _FOOTER_BYTES, 0), _FOOTER_BYTES)
    fields = footer[: _FOOTER.size]
    if len(footer) < _FOOTER_BYTES or footer[_FOOTER.size :] != NUMBER.pack(zlib.crc32(fields)):
        return None
    mark, records_end, count, checksum = _FOOTER.unpack(fields)
    size = count * HEADER_BYTES
    if mark != _ENDING or size > end - _FOOTER_BYTES:
        return None
    headers = read(end - _FOOTER_BYTES - size, size)
    return (headers, records_end) if zlib.crc32(headers) == checksum else None


def halves(digest: str) -> tuple[int, int]:
    """A digest of 32 hexadecimal digits as two numbers of 64 bits."""
    return int(digest[:16], 16), int(digest[16:], 16)


@lru_cache
def kind_number(kind: str) -> int:
    """What stands for a kind of feature: 64 bits of the hash of its name."""
    return int.from_bytes(blake2b(kind.encode(), digest_size=8).digest(), "little")
