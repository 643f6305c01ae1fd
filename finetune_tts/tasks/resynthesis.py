"""What a vocoder in training sounds like: held-out recordings made again from their spectrograms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import nn
from trainer.logging import BaseDashboardLogger

from finetune_tts.data.features import FeatureCache
from finetune_tts.data.forced_features import ForcedFeatures
from finetune_tts.data.sample import Sample
from finetune_tts.tasks.spoken_samples import SpokenSample

RECORDED = "recorded"


class Vocodes(Protocol):
    """What turns spectrograms into waveforms (``finetune_tts.synthesis.vocoder.Vocoder``)."""

    network: nn.Module

    @property
    def sample_rate(self) -> int: ...

    def vocode(self, mel: np.ndarray, *, pair: bool = True) -> np.ndarray: ...


@dataclass(frozen=True)
class Resynthesis:
    """Makes recordings again; called as what synthesises test sentences is.

    Attributes:
        vocoder: whose network is trained.
        samples: the recordings.
        cache: their features.
        forced: spectrograms in place of their own.
        clips: how many of the recordings.
        longest: seconds of each.
    """

    vocoder: Vocodes
    samples: Sequence[Sample]
    cache: FeatureCache
    forced: ForcedFeatures | None = None
    clips: int = 4
    longest: float = 10.0

    @property
    def names(self) -> list[str]:
        """Of the clips that are made again."""
        names = [sample.name for sample in self.samples[: self.clips]]
        short = [name.partition("#")[2] or name for name in names]
        return short if len(set(short)) == len(short) else names

    def __call__(self, network: nn.Module, name: str) -> SpokenSample:
        """Make one again with the network as it is."""
        mel = self._mel(name)
        waveform = self.vocoder.vocode(mel, pair=False)
        return SpokenSample(waveform, self.vocoder.sample_rate, mel.T)

    def recorded(self, name: str) -> SpokenSample:
        """The recording itself, as long as what is made again."""
        samples = self._mel(name).shape[1] * self.cache.extractor.hop_length
        return SpokenSample(self.cache.waveform(self._sample(name))[:samples], self.vocoder.sample_rate)

    def _sample(self, name: str) -> Sample:
        return self.samples[self.names.index(name)]

    def _mel(self, name: str) -> np.ndarray:
        sample = self._sample(name)
        mel = self.forced.mel(sample) if self.forced is not None else self.cache.mel(sample)
        return mel[:, : int(self.longest * self.vocoder.sample_rate / self.cache.extractor.hop_length)]


def resynthesised(speak: Any) -> dict[str, SpokenSample]:
    """The clips made again and the recordings, by name; nothing where nothing is to be heard."""
    if not isinstance(speak, Resynthesis):
        return {}
    samples = {}
    for name in speak.names:
        samples[name] = speak(speak.vocoder.network, name)
        samples[f"{name} {RECORDED}"] = speak.recorded(name)
    return samples


def log_resynthesis(samples: Mapping[str, SpokenSample], logger: BaseDashboardLogger, steps: int) -> None:
    """Show what was made on the dashboard."""
    for name, sample in samples.items():
        waveform = sample.waveform / max(1.0, float(np.abs(sample.waveform).max(initial=0.0)))
        logger.test_audios(steps, {name: waveform}, sample.sample_rate)
