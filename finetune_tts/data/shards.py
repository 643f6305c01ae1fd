"""Features of many recordings in a few large files, with one index in memory."""

import logging
import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import numpy as np

from finetune_tts.data.content import cannot_write
from finetune_tts.data.feature_files import from_bytes
from finetune_tts.data.shard_file import (
    EXTENSION,
    FIELDS,
    NUMBER,
    NoShard,
    ShardReader,
    ShardWriter,
    halves,
    kind_number,
)

logger = logging.getLogger(__name__)

LARGEST = 2**32
"""Bytes from which on a process begins another shard."""
MOST_OPEN = 64
"""Shards that a process holds open to read."""

_ENTRY = np.dtype(
    [
        ("high", "<u8"),
        ("low", "<u8"),
        ("kind", "<u8"),
        ("offset", "<u8"),
        ("size", "<u4"),
        ("frames", "<u4"),
        ("checksum", "<u4"),
        ("shard", "<u4"),
    ]
)
"""``shard_file.FIELDS`` in an array."""
_SEALED = -1


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
        self._open: OrderedDict[int, ShardReader] = OrderedDict()
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
            content = None
            with suppress(OSError):
                content = self._reader(shard).feature(offset, size, checksum)
            if content is not None:
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
        shard = NUMBER.pack(self._number(writer.path.name))
        for kind, header in zip(features, headers, strict=True):
            self._written[digest, kind] = header[: -NUMBER.size] + shard
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
                found.append(self._new_entries(number))
        self._written = {}
        if any(map(len, found)):
            entries = np.concatenate([self._entries, *found])
            self._entries = entries[np.argsort(_keys(entries), kind="stable")]
            self._keys = _keys(self._entries)

    def complete(self, kinds: Sequence[str]) -> Mapping[str, int]:
        """Length of the first of ``kinds``, by digest, wherever all of them are known."""
        first = self._entries[self._entries["kind"] == kind_number(kinds[0])]
        has_all = np.ones(len(first), dtype=bool)
        for kind in kinds[1:]:
            wanted = first["high"] ^ np.uint64(kind_number(kind))
            places = np.searchsorted(self._keys, wanted)
            found = self._entries[np.minimum(places, max(len(self._entries) - 1, 0))]
            same = (found["high"] == first["high"]) & (found["low"] == first["low"])
            has_all &= same & (found["kind"] == kind_number(kind))
        whole = first[has_all]
        digests = np.stack([whole["high"], whole["low"]], axis=1).astype(">u8").tobytes().hex()
        return {digests[32 * at : 32 * at + 32]: frames for at, frames in enumerate(whole["frames"].tolist())}

    def _places(self, digest: str, kind: str) -> Iterator[tuple[int, ...]]:
        """The entries of a feature."""
        written = self._written.get((digest, kind))
        if written is not None:
            yield FIELDS.unpack(written)
        wanted = (*halves(digest), kind_number(kind))
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

    def _reader(self, shard: int) -> ShardReader:
        """A shard, open; those that were not read for the longest are closed."""
        reader = self._open.pop(shard, None) or ShardReader(self._folder / self._names[shard])
        self._open[shard] = reader
        if len(self._open) > MOST_OPEN:
            self._open.popitem(last=False)
        return reader

    def _new_entries(self, shard: int) -> np.ndarray:
        """What has been added to a shard."""
        start = self._read_up_to[shard]
        try:
            self._open.pop(shard, None)  # what another machine has written shows in a file that is opened again
            headers, end = self._reader(shard).headers(start)
        except NoShard:
            logger.warning("%s: is damaged at its beginning and is not used.", self._folder / self._names[shard])
            headers, end = b"", None
        except OSError:
            headers, end = b"", start
        self._read_up_to[shard] = _SEALED if end is None else end
        entries = np.frombuffer(headers, dtype=_ENTRY).copy()
        entries["shard"] = shard
        new: np.ndarray = entries[entries["offset"] >= start]
        return new


def _keys(entries: np.ndarray) -> np.ndarray:
    """What entries are sorted by, ``[N]`` uint64: nearly unique, as it is made of hashes."""
    keys: np.ndarray = entries["high"] ^ entries["kind"]
    return keys
