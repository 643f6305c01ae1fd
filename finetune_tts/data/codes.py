"""Codes of recordings: rows of whole numbers that stand for the sound, for networks that read these."""

from typing import Protocol

import numpy as np


class Codec(Protocol):
    """Makes codes of recordings. It does not learn, so that they are computed once and kept."""

    def fingerprint(self) -> str:
        """A hash of everything that decides which codes a recording gets."""
        ...

    def close(self) -> None:
        """Give the memory of the network back; it is loaded again when it is asked next."""
        ...

    def codes(self, waveform: np.ndarray) -> np.ndarray:
        """The codes ``[T_codes]`` int64 of a recording ``[T_wav]`` float32, at the rate of the features."""
        ...
