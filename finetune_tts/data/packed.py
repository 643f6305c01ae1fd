"""Many small values in few large arrays: what a worker reads of half a million samples costs it no memory of its own.

A worker is a copy of its parent that shares the parent's memory until one of them writes to it. Python writes to each
object that it looks at (it counts who uses it), so that what lies in objects is soon copied, page by page, in every
worker. What lies in an array is not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np


class PackedTexts(Sequence[str]):
    """Texts in one row of bytes.

    Args:
        texts: any; half characters, as names of files may hold, are kept.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        self._ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
        self._bytes = np.frombuffer(b"".join(encoded), dtype=np.uint8)

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        return bytes(self._bytes[self._ends[place] : self._ends[place + 1]]).decode("utf-8", "surrogatepass")


class PackedArrays(Sequence[np.ndarray]):
    """Arrays of one dimension in one row of numbers.

    Args:
        arrays: all of one type.
        dtype: of the row.
    """

    def __init__(self, arrays: Iterable[np.ndarray], dtype: np.dtype | type) -> None:
        listed = list(arrays)
        self._ends = np.cumsum([0, *map(len, listed)], dtype=np.int64)
        self._row = np.concatenate([np.empty(0, dtype=dtype), *listed]).astype(dtype, copy=False)

    def __len__(self) -> int:
        return len(self._ends) - 1

    @property
    def lengths(self) -> np.ndarray:
        """How long each array is, ``[N]`` int64."""
        return np.diff(self._ends)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[np.ndarray]: ...
    def __getitem__(self, index: int | slice) -> np.ndarray | Sequence[np.ndarray]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        return self._row[self._ends[place] : self._ends[place + 1]]


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording whose features are known.

    Attributes:
        file: where it is.
        digest: hash of its content.
        frames: of its mel spectrogram.
        name: of its sample.
    """

    file: str
    digest: str
    frames: int
    name: str

    @property
    def audio_file(self) -> Path:
        """Where it is."""
        return Path(self.file)


class PackedRecordings(Sequence[Recording]):
    """Recordings whose features are known.

    Args:
        files, digests, frames, names: of each of them, see :class:`Recording`.
    """

    def __init__(
        self, files: Iterable[str], digests: Iterable[str], frames: Sequence[int], names: Iterable[str]
    ) -> None:
        self._files, self._digests, self._names = PackedTexts(files), PackedTexts(digests), PackedTexts(names)
        self.frames = np.asarray(frames, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._files)

    @overload
    def __getitem__(self, index: int) -> Recording: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Recording]: ...
    def __getitem__(self, index: int | slice) -> Recording | Sequence[Recording]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        return Recording(self._files[index], self._digests[index], int(self.frames[index]), self._names[index])
