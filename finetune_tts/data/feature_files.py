"""Features of recordings, each in a file of its own."""

import io
import logging
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from finetune_tts.data.content import cannot_write
from finetune_tts.files import replacing

logger = logging.getLogger(__name__)

_CHECKSUM_BYTES = 4


def as_bytes(feature: np.ndarray) -> bytes:
    """An array as the content of a ``.npy`` file."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(feature), allow_pickle=False)
    return buffer.getvalue()


def from_bytes(content: bytes) -> np.ndarray:
    """The array that :func:`as_bytes` was given; only for bytes whose checksum holds."""
    feature: np.ndarray = np.load(io.BytesIO(content), allow_pickle=False)
    return feature


class FeatureFiles:
    """Features as ``.npy`` files in 256 folders, named after the digest of the recording and the kind of feature.

    Args:
        folder: of the settings of the features.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, digest: str, kind: str) -> bool:
        """Whether there is such a file; whether it is intact shows when it is read."""
        return self._path(digest, kind).exists()

    def read(self, digest: str, kind: str) -> np.ndarray | None:
        """The feature, None if there is none; a damaged one counts as none, with a warning."""
        path = self._path(digest, kind)
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError:
            raw = b""
        content, checksum = raw[:-_CHECKSUM_BYTES], raw[-_CHECKSUM_BYTES:]
        if zlib.crc32(content).to_bytes(_CHECKSUM_BYTES, "little") == checksum:
            return from_bytes(content)
        logger.warning("%s is damaged and is computed again.", path)
        return None

    def write(self, digest: str, features: Mapping[str, np.ndarray]) -> None:
        """Write features of one recording, by kind, each with a checksum after it, which numpy passes over.

        Raises:
            CacheFailure: the folder cannot be written.
        """
        for kind, feature in features.items():
            path, content = self._path(digest, kind), as_bytes(feature)
            try:
                path.parent.mkdir(exist_ok=True)
                with replacing(path) as file:
                    file.write(content)
                    file.write(zlib.crc32(content).to_bytes(_CHECKSUM_BYTES, "little"))
            except OSError as error:
                raise cannot_write(path, error) from error

    def complete(self, kinds: Sequence[str]) -> set[str]:
        """Digests of which there are all of ``kinds``: quicker than to ask for each of many files."""
        found: set[str] = set()
        ending = f".{kinds[0]}.npy"
        for folder in self._folder.glob("[0-9a-f][0-9a-f]"):
            names = set(os.listdir(folder))
            digests = (name.removesuffix(ending) for name in names if name.endswith(ending))
            found.update(digest for digest in digests if all(f"{digest}.{kind}.npy" in names for kind in kinds[1:]))
        return found

    def _path(self, digest: str, kind: str) -> Path:
        return self._folder / digest[:2] / f"{digest}.{kind}.npy"
