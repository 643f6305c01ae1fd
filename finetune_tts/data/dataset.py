"""The data set that a loader draws from: samples as arrays."""

from collections.abc import Sequence

import numpy as np
import torch

from finetune_tts.data.batch import Collate, Item
from finetune_tts.data.contours import Scales
from finetune_tts.data.d_vectors import DVectors
from finetune_tts.data.features import FeatureCache, aligned
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
        self._token_ids = [tokens.ids(sample) for sample in self.samples]
        self._speaker_ids = [speakers.id(sample.speaker) if speakers is not None else None for sample in self.samples]
        self._d_vectors = d_vectors.of_samples(self.samples) if d_vectors is not None else [None] * len(self.samples)
        self._language_ids = [
            languages.id(sample.language) if languages is not None else None for sample in self.samples
        ]
        self._noise_seed = noise_seed
        # Shared memory: workers that live longer than an epoch read the current one.
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Item:
        sample = self.samples[index]
        if self._noise_seed is None:
            mel = self._cache.mel(sample) if self._has_mels else _without_bands(self._cache.length(sample))
            linear = self._cache.linear(sample) if self._cache.has_linear else None
            waveform = self._cache.waveform(sample) if self._cache.has_waveforms else None
        else:
            wav, extractor = self._noisy_waveform(sample, index, self._noise_seed), self._cache.extractor
            mel = extractor.mel(wav) if self._has_mels else _without_bands(extractor.num_frames(len(wav)))
            linear = extractor.linear(wav) if self._cache.has_linear else None
            waveform = aligned(wav, mel.shape[1], extractor.hop_length) if self._cache.has_waveforms else None
        return Item(
            token_ids=self._token_ids[index],
            mel=mel,
            name=sample.name,
            text=sample.text,
            speaker_id=self._speaker_ids[index],
            d_vector=self._d_vectors[index],
            language_id=self._language_ids[index],
            linear=linear,
            waveform=waveform,
            codes=self._cache.codes(sample) if self._cache.codec is not None else None,
            pitch=self._contour(sample, "pitch"),
            energy=self._contour(sample, "energy"),
        )

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes, so that noise differs between epochs and is the same after a resume."""
        self._epoch[0] = epoch

    def token_lengths(self) -> list[int]:
        """Number of tokens of each sample."""
        return [len(ids) for ids in self._token_ids]

    def mel_lengths(self) -> list[int]:
        """Number of mel frames of each sample (raises as ``FeatureCache.mel``)."""
        return [self._cache.length(sample) for sample in self.samples]

    def _contour(self, sample: Sample, name: str) -> np.ndarray | None:
        """The contour as the network learns it; noise too faint to be heard does not change it."""
        scale = self._scales.get(name)
        return scale.scaled(self._cache.contour(sample, name)) if scale is not None else None

    def _noisy_waveform(self, sample: Sample, index: int, seed: int) -> np.ndarray:
        wav = self._cache.extractor.load(sample.audio_file)
        random = np.random.default_rng([seed, int(self._epoch[0]), index])
        return wav + np.float32(NOISE_LEVEL) * random.standard_normal(wav.shape, dtype=np.float32)


def _without_bands(frames: int) -> np.ndarray:
    return np.empty((0, frames), dtype=np.float32)
