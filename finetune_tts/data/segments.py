"""What a vocoder learns from: pieces of recordings with the mel spectrogram of the same moment.

Legend: B batch, T_seg frames of a segment, P frames of context on each side, T_wav = ``hop_length * T_seg`` samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from finetune_tts.data.batch import TensorGroup
from finetune_tts.data.dataset import NOISE_LEVEL
from finetune_tts.data.features import FeatureCache, aligned
from finetune_tts.data.forced_features import ForcedFeatures
from finetune_tts.data.packed import PackedRecordings, Recording
from finetune_tts.data.sample import Sample
from finetune_tts.data.training_data import TrainingData
from finetune_tts.errors import UserError

HELD_OUT_SEGMENTS = 4
"""Pieces of each held-out recording, evenly spread."""


@dataclass(frozen=True)
class Segment:
    """One piece of a recording.

    Attributes:
        mel: ``[n_mels, T_seg + 2 P]`` float32.
        waveform: ``[T_wav]`` float32.
        name: unique name of the recording.
    """

    mel: np.ndarray
    waveform: np.ndarray
    name: str


@dataclass(frozen=True)
class SegmentBatch(TensorGroup):
    """Pieces of one length.

    Attributes:
        mels: ``[B, n_mels, T_seg + 2 P]`` float32, as the vocoder takes them.
        waveforms: ``[B, 1, T_wav]`` float32.
        names: of the recordings.
    """

    mels: Tensor
    waveforms: Tensor
    names: list[str]

    def __len__(self) -> int:
        return len(self.names)


def collate_segments(segments: Sequence[Segment]) -> SegmentBatch:
    """Stack segments to a batch."""
    return SegmentBatch(
        mels=torch.from_numpy(np.stack([segment.mel for segment in segments])),
        waveforms=torch.from_numpy(np.stack([segment.waveform for segment in segments])).unsqueeze(1),
        names=[segment.name for segment in segments],
    )


class SegmentDataset(TrainingData):
    """Pieces of recordings: random ones in training, another of each recording in every epoch; fixed ones held out.

    Which piece it is follows from the seed, the epoch and the number of the recording, so that a resumed run meets the
    same ones. A recording shorter than a segment is filled up with silence.

    Args:
        samples: the recordings.
        cache: their features, waveforms among them.
        seq_len: samples of a segment.
        pad_short: samples that a short recording gets beyond a segment, so that its pieces differ.
        conv_pad: ``P``.
        seed: decides the pieces, and the noise.
        training: random pieces; False gives fixed ones.
        noise: add a little noise to the waveforms of training.
        forced: mel spectrograms in place of the recordings' own.

    Raises:
        UserError: no recordings, or segments that are no whole number of frames.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        cache: FeatureCache,
        *,
        seq_len: int,
        pad_short: int = 0,
        conv_pad: int = 0,
        seed: int = 0,
        training: bool = True,
        noise: bool = False,
        forced: ForcedFeatures | None = None,
    ) -> None:
        if not samples:
            raise UserError("There are no recordings to make segments of.")
        self._hop = cache.extractor.hop_length
        if seq_len < self._hop or seq_len % self._hop:
            raise UserError(
                f"seq_len is {seq_len}: it must be a multiple of the hop, {self._hop} samples "
                f"(--coqpit.seq_len {max(round(seq_len / self._hop), 1) * self._hop})."
            )
        self.samples = list(samples)
        self._packed: PackedRecordings | None = None
        self.collate = collate_segments
        self._cache = cache
        self._frames = seq_len // self._hop
        self._pad_short = pad_short
        self._context = conv_pad
        self._seed = seed
        self._training = training
        self._noise = noise and training
        self._forced = forced
        self._pieces = 1 if training else HELD_OUT_SEGMENTS
        # Shared memory: workers that live longer than an epoch read the current one.
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()

    def __len__(self) -> int:
        return len(self.samples) * self._pieces

    def __getitem__(self, index: int) -> Segment:
        number, piece = divmod(index, self._pieces)
        recording = self._recording(number)
        mel, waveform = self._whole(recording)
        random = np.random.default_rng([self._seed, int(self._epoch[0]) if self._training else 0, index])
        room = mel.shape[1] - self._frames
        start = int(random.integers(room + 1)) if self._training else round(room * (piece + 0.5) / self._pieces)
        samples = slice(start * self._hop, (start + self._frames) * self._hop)
        segment = waveform[samples]
        if self._noise:
            segment = segment + np.float32(NOISE_LEVEL) * random.standard_normal(segment.shape, dtype=np.float32)
        return Segment(self._with_context(mel, start), np.ascontiguousarray(segment), recording.name)

    def pack(self) -> None:
        """Put what workers read of the recordings into arrays (raises as ``FeatureCache.mel``)."""
        if self._packed is None:
            self._packed = self._cache.pack(self.samples)

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes."""
        self._epoch[0] = epoch

    def mel_lengths(self) -> list[int]:
        """Frames of each item: all the same."""
        return [self._frames] * len(self)

    def _recording(self, number: int) -> Sample | Recording:
        return self._packed[number] if self._packed is not None else self.samples[number]

    def _whole(self, recording: Sample | Recording) -> tuple[np.ndarray, np.ndarray]:
        """Mel spectrogram ``[n_mels, T]`` and waveform ``[hop * T]`` of a recording, at least a segment long."""
        if self._forced is not None:
            mel = self._forced.mel(recording)
            waveform = aligned(self._cache.waveform(recording), mel.shape[1], self._hop)
        else:
            mel, waveform = self._cache.mel(recording), self._cache.waveform(recording)
        missing = self._frames - mel.shape[1]
        if missing <= 0:
            return mel, waveform
        frames = self._frames + self._pad_short // self._hop
        waveform = np.pad(waveform, (0, frames * self._hop - len(waveform)))
        # The spectrogram of silence is a matter of the audio settings, so it is computed and not guessed.
        silence = self._cache.extractor.mel(waveform)[:, mel.shape[1] : frames]
        return np.concatenate([mel, silence], axis=1), waveform

    def _with_context(self, mel: np.ndarray, start: int) -> np.ndarray:
        """Frames ``start - P`` to ``start + T_seg + P``; beyond the ends the outermost frame is repeated."""
        places = np.arange(start - self._context, start + self._frames + self._context)
        return np.ascontiguousarray(mel[:, np.clip(places, 0, mel.shape[1] - 1)])
