"""What a loader and a run need of a data set, whatever its items are."""

from abc import abstractmethod
from typing import Any

from torch.utils.data import Dataset

from finetune_tts.data.sample import Sample


class TrainingData(Dataset[Any]):
    """Samples as arrays.

    Attributes:
        samples: the recordings.
        collate: makes a batch of items.
    """

    samples: list[Sample]
    collate: Any

    @abstractmethod
    def __len__(self) -> int:
        """Number of items."""

    def pack(self) -> None:
        """Put what workers read into arrays, which they share, before they begin (see ``data.packed``)."""
        return

    @abstractmethod
    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes, so that what is random differs between epochs and is the same after a resume."""

    @abstractmethod
    def mel_lengths(self) -> list[int]:
        """Number of mel frames of each item."""
