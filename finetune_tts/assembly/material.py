"""What a run is made of, for the two kinds of models: those that read text, and vocoders."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from finetune_tts.assembly.request import Request
from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.checkpoints.report import RestoreReport
from finetune_tts.config.audio import AudioConfig
from finetune_tts.config.base import Config
from finetune_tts.config.changes import Change, apply_changes
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.data.content import CACHE_NAME
from finetune_tts.data.sample import Sample
from finetune_tts.data.split import SampleSplit
from finetune_tts.data.tokenizing import TokenCache
from finetune_tts.data.training_data import TrainingData
from finetune_tts.errors import UserError
from finetune_tts.families.registry import family_of
from finetune_tts.files import expanded
from finetune_tts.machine.distributed import World
from finetune_tts.runs.creation import RunAsset
from finetune_tts.runs.record import DataFacts


class Prepared(Protocol):
    """Recordings that were read, filtered and split."""

    @property
    def split(self) -> SampleSplit: ...
    @property
    def dropped(self) -> Mapping[str, Sequence[Sample]]: ...
    @property
    def durations(self) -> Mapping[Path, float]: ...
    @property
    def seconds(self) -> float: ...


@dataclass(frozen=True)
class Heard:
    """What is heard of a run.

    Attributes:
        speak: synthesises test sentences, or generates recordings again, with the network as it is.
        speaker: who speaks test sentences, for a model of several speakers: the one with most of the recordings.
        language: of test sentences that name none, likewise.
    """

    speak: Any
    speaker: str | None = None
    language: str | None = None


class Material(ABC):
    """Recordings, pre-trained weights and network of a run, in the order in which :func:`assemble` asks for them.

    Args:
        request: what the run is asked for.
        chosen: names of the fields that the user set, and of those that follow from them.
        device: of the run.
        world: its processes, which share the work on recordings.

    Attributes:
        extractor: of the run's audio settings, once :meth:`prepare` was called.
    """

    extractor: SpectrogramExtractor

    def __init__(self, request: Request, chosen: frozenset[str], device: torch.device, world: World) -> None:
        self.request, self.chosen, self.device, self.world = request, chosen, device, world
        self.config: Any = request.config
        self.family = family_of(request.config.model)

    def change(self, changes: Iterable[Change]) -> None:
        """Make changes that have to be, whatever the user set."""
        apply_changes(self.config, changes)

    @property
    def cache_folder(self) -> Path:
        """Where features are kept."""
        return expanded(self.config.output_path) / CACHE_NAME

    @property
    @abstractmethod
    def base(self) -> Path | None:
        """The weights that the run starts from; None from scratch."""

    @property
    def base_config(self) -> Config | None:
        """Their config, where it is known."""
        return None

    @property
    def audio(self) -> AudioConfig | None:
        """The audio settings that they were trained with, likewise."""
        return None

    @property
    def reading(self) -> SpeechConfig | None:
        """The config that says how they read text; None for a vocoder."""
        return None

    @property
    def symbols(self) -> tuple[str, ...] | None:
        """Their alphabet; None for a vocoder."""
        return None

    @property
    def tokens(self) -> TokenCache | None:
        """The texts of the recordings; None for a vocoder."""
        return None

    @abstractmethod
    def read_base(self) -> None:
        """Read the pre-trained weights, and make config and weights agree."""

    @abstractmethod
    def early_settings(self) -> list[Change]:
        """Settings that are chosen before the recordings are read."""

    @abstractmethod
    def prepare(self) -> Prepared:
        """Read, filter and split the recordings, and compute their features."""

    def batch_size(self) -> int | None:
        """What the number of clips does not decide."""
        return int(self.config.batch_size) if "batch_size" in self.chosen else None

    @abstractmethod
    def build(self) -> nn.Module:
        """Build the network, with fresh weights."""

    @abstractmethod
    def restore(self, network: nn.Module) -> RestoreReport:
        """Copy the pre-trained weights into the network."""

    @abstractmethod
    def lacks_discriminator(self, network: nn.Module) -> bool:
        """Whether the discriminator begins fresh, as the weights hold none."""

    def forget_weights(self) -> None:
        """Give back the memory of the pre-trained weights, once the network has them."""
        return

    def forget_texts(self) -> None:
        """Give back the memory of the texts, once the data sets have them."""
        return

    @abstractmethod
    def hear(self, network: nn.Module, weights: Path | None) -> Heard:
        """Make what is heard of the run.

        Args:
            network: of the run.
            weights: that it starts from, or the folder of a run that is resumed.
        """

    @abstractmethod
    def dataset(self, samples: Sequence[Sample], *, training: bool) -> TrainingData:
        """The samples as arrays."""

    @abstractmethod
    def assets(self) -> list[RunAsset]:
        """Files that the model needs beside its weights."""

    def ended(self, folder: Path, best: Path | None) -> None:
        """Do what is left when the run has ended, in its folder: nothing, for most."""
        return

    @abstractmethod
    def facts(self) -> DataFacts:
        """What the run folder is to tell about the recordings."""


def require_recordings(config: Any, flag: str) -> None:
    """Refuse a run without recordings.

    Raises:
        UserError: no data set has a path.
    """
    if not any(dataset.path for dataset in config.datasets):
        raise UserError(f"Where are the recordings? Give --dataset_path DIR, or --coqpit.{flag} DIR.")
