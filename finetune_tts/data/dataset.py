"""The data set that a loader draws from: samples as arrays."""

from collections.abc import Sequence

import numpy as np
import torch

from finetune_tts.data.batch import Collate, Item
from finetune_tts.data.contours import Scales
from finetune_tts.data.d_vectors import DVectors
from finetune_tts.data.features import FeatureCache, aligned
from finetune_tts.data.packed import PackedArrays, PackedRecordings, PackedTexts, Recording
from finetune_tts.data.sample import Sample
from finetune_tts.data.speakers import LanguageNames, SpeakerNames
from finetune_tts.data.tokenizing import TokenCache
from finetune_tts.data.training_data import TrainingData
from finetune_tts.errors import UserError
from finetune_tts.text.tokenizer import Tokenizer

NOISE_LEVEL = 1 / 32768
"""Standard deviation of the noise of ``use_noise_augment``: one step of 16-bit audio, as large as in 🐸TTS."""


class SpeechDataset(TrainingData):
    """Samples as token ids and spectrograms, and waveforms where the cache keeps them.

    Ids, names and vectors are looked up when it is made, so that a fault shows before training, and workers carry
    numbers alone.

    Args:
        samples: the samples, filtered.
        tokenizer: the model's tokenizer, or a cache of what it gave.
        cache: the features.
        speakers: rows of the speaker embedding, for a model that has one.
        d_vectors: speaker vectors, for a model that takes them.
        languages: rows of the language embedding, for a model that has one.
        noise_seed: if given, noise from this seed is added to the recordings, another one in each epoch; their
            features then come from the recording each time and not from the cache.
        frames_per_step: T_mel of a batch becomes a multiple of it.
        scales: what the contours that the cache keeps are measured in, by name.
        mels: read mel spectrograms; else each is ``[0, T_mel]``, for a model that makes its own of the waveforms.

    Raises:
        UserError: no samples, an unknown speaker or language, or a sample without d-vector.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        tokenizer: Tokenizer | TokenCache,
        cache: FeatureCache,
        *,
        speakers: SpeakerNames | None = None,
        d_vectors: DVectors | None = None,
        languages: LanguageNames | None = None,
        noise_seed: int | None = None,
        frames_per_step: int = 1,
        mels: bool = True,
        scales: Scales | None = None,
    ) -> None:
        if not samples:
            raise UserError("There are no samples to make batches of.")
        tokens = tokenizer if isinstance(tokenizer, TokenCache) else TokenCache(tokenizer)
        self.samples = list(samples)
        self.collate = Collate(tokens.pad_id, frames_per_step)
        self._cache = cache
        self._has_mels = mels
        self._scales = dict(scales or {})
        self._packed: PackedRecordings | None = None
        self._texts = PackedTexts(sample.text for sample in self.samples)
        self._token_ids = PackedArrays(map(tokens.ids, self.samples), np.int32)
        self._speaker_ids = _rows(speakers, [sample.speaker for sample in self.samples])
        self._d_vectors = d_vectors.of_samples(self.samples) if d_vectors is not None else [None] * len(self.samples)
        self._language_ids = _rows(languages, [sample.language for sample in self.samples])
        self._noise_seed = noise_seed
        # Shared memory: workers that live longer than an epoch read the current one.
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Item:
        recording = self._recording(index)
        if self._noise_seed is None:
            mel = self._cache.mel(recording) if self._has_mels else _without_bands(self._cache.length(recording))
            linear = self._cache.linear(recording) if self._cache.has_linear else None
            waveform = self._cache.waveform(recording) if self._cache.has_waveforms else None
        else:
            wav, extractor = self._noisy_waveform(recording, index, self._noise_seed), self._cache.extractor
            mel = extractor.mel(wav) if self._has_mels else _without_bands(extractor.num_frames(len(wav)))
            linear = extractor.linear(wav) if self._cache.has_linear else None
            waveform = aligned(wav, mel.shape[1], extractor.hop_length) if self._cache.has_waveforms else None
        return Item(
            token_ids=self._token_ids[index].astype(np.int64),
            mel=mel,
            name=recording.name,
            text=self._texts[index],
            speaker_id=int(self._speaker_ids[index]) if self._speaker_ids is not None else None,
            d_vector=self._d_vectors[index],
            language_id=int(self._language_ids[index]) if self._language_ids is not None else None,
            linear=linear,
            waveform=waveform,
            codes=self._cache.codes(recording) if self._cache.codec is not None else None,
            pitch=self._contour(recording, "pitch"),
            energy=self._contour(recording, "energy"),
        )

    def pack(self) -> None:
        """Put what workers read of the recordings into arrays (raises as ``FeatureCache.mel``)."""
        if self._packed is None:
            self._packed = self._cache.pack(self.samples)

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes, so that noise differs between epochs and is the same after a resume."""
        self._epoch[0] = epoch

    def token_lengths(self) -> list[int]:
        """Number of tokens of each sample."""
        lengths: list[int] = self._token_ids.lengths.tolist()
        return lengths

    def mel_lengths(self) -> list[int]:
        """Number of mel frames of each sample (raises as ``FeatureCache.mel``)."""
        return [self._cache.length(sample) for sample in self.samples]

    def _recording(self, index: int) -> Sample | Recording:
        return self._packed[index] if self._packed is not None else self.samples[index]

    def _contour(self, recording: Sample | Recording, name: str) -> np.ndarray | None:
        """The contour as the network learns it; noise too faint to be heard does not change it."""
        scale = self._scales.get(name)
        return scale.scaled(self._cache.contour(recording, name)) if scale is not None else None

    def _noisy_waveform(self, recording: Sample | Recording, index: int, seed: int) -> np.ndarray:
        wav = self._cache.extractor.load(recording.audio_file)
        random = np.random.default_rng([seed, int(self._epoch[0]), index])
        return wav + np.float32(NOISE_LEVEL) * random.standard_normal(wav.shape, dtype=np.float32)


def _rows(names: SpeakerNames | LanguageNames | None, of_samples: Sequence[str]) -> np.ndarray | None:
    """The row of each sample's name, ``[N]``; None for a model that knows no names."""
    return np.array(list(map(names.id, of_samples)), dtype=np.int64) if names is not None else None


def _without_bands(frames: int) -> np.ndarray:
    return np.empty((0, frames), dtype=np.float32)
