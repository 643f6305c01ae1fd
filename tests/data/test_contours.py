"""Pitch and energy of each frame, from the recording to the batch."""

from collections import Counter

import numpy as np
import pytest
import soundfile

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.data.contours import Scale
from finetune_tts.data.dataset import SpeechDataset
from finetune_tts.data.features import FeatureCache
from finetune_tts.data.preparing import PreparedData
from finetune_tts.data.split import SampleSplit
from finetune_tts.text.tokenizer import MissingReport


def test_a_scale_leaves_frames_without_voice_as_they_are():
    scale = Scale.of([np.array([0.0, 100.0, 0.0]), np.array([200.0, 300.0])])
    assert scale.mean == pytest.approx(200.0)
    assert scale.std == pytest.approx(np.std([100.0, 200.0, 300.0]))
    scaled = scale.scaled(np.array([0.0, 200.0, 300.0]))
    assert scaled == pytest.approx([0.0, 0.0, 100.0 / scale.std])
    assert scaled.dtype == np.float32


def test_a_scale_of_nothing_or_of_one_pitch_divides_by_one():
    assert Scale.of([np.zeros(3)]) == Scale(0.0, 1.0)
    assert Scale.of([np.full(3, 150.0)]) == Scale(150.0, 1.0)


def test_contours_are_computed_once_and_as_long_as_the_spectrogram(tmp_path, recorded, extractor):
    samples = recorded(2)
    cache = FeatureCache(tmp_path / "cache", extractor, contours=("pitch", "energy"))
    cache.precompute(samples)
    assert extractor.loads == 2
    for sample in samples:
        for name in ("pitch", "energy"):
            contour = cache.contour(sample, name)
            assert contour.shape == (cache.length(sample),)
            assert contour.dtype == np.float32
    assert extractor.loads == 2


def test_a_cache_that_lacks_contours_gets_them(tmp_path, recorded, extractor):
    samples = recorded(2)
    FeatureCache(tmp_path / "cache", extractor).precompute(samples)
    cache = FeatureCache(tmp_path / "cache", extractor, contours=("pitch",))
    cache.precompute(samples)
    loads = extractor.loads
    assert cache.contour(samples[0], "pitch").shape == (cache.length(samples[0]),)
    assert extractor.loads == loads == 4


def test_another_range_of_the_pitch_is_another_feature(tmp_path, recorded, audio):
    (sample,) = recorded(1)
    time = np.arange(8000) / 8000
    tone = sum(np.sin(2 * np.pi * 220 * k * time) / k for k in range(1, 6)).astype(np.float32)
    soundfile.write(sample.audio_file, 0.2 * tone, 8000)
    found = []
    for highest in (640.0, 150.0):
        settings = audio()
        settings.pitch_fmax = highest
        cache = FeatureCache(tmp_path / "cache", SpectrogramExtractor(settings), contours=("pitch",))
        found.append(cache.contour(sample, "pitch"))
        cache.mel(sample)
    assert np.median(found[0]) == pytest.approx(220, rel=0.01)
    assert not (found[1] > 150 * 1.1).any()


def test_energy_is_the_norm_of_a_frame(recorded, extractor):
    (sample,) = recorded(1)
    wav = extractor.load(sample.audio_file)
    energy = extractor.energy(wav)
    assert extractor.energy(2 * wav) == pytest.approx(2 * energy)
    assert extractor.energy(np.zeros_like(wav)) == pytest.approx(np.zeros_like(energy))


def test_a_batch_holds_contours_in_deviations_from_the_mean(tmp_path, recorded, tokenizer, extractor):
    samples = recorded(anna=1, bert=1)
    cache = FeatureCache(tmp_path / "cache", extractor, contours=("pitch", "energy"))
    scales = {"pitch": Scale(200.0, 50.0), "energy": Scale(1.0, 2.0)}
    dataset = SpeechDataset(samples, tokenizer, cache, scales=scales)
    batch = dataset.collate([dataset[0], dataset[1]])
    assert batch.pitch.shape == batch.energy.shape == (2, 1, batch.mels.shape[1])
    assert batch.mel_counts == tuple(batch.mel_lengths.tolist())
    energy = scales["energy"].scaled(cache.contour(samples[0], "energy"))
    np.testing.assert_array_equal(batch.energy[0, 0, : len(energy)].numpy(), energy)
    assert not batch.energy[0, 0, len(energy) :].any()


def test_a_batch_of_a_model_that_learns_none_holds_none(tmp_path, recorded, tokenizer, extractor):
    dataset = SpeechDataset(recorded(1), tokenizer, FeatureCache(tmp_path / "cache", extractor))
    batch = dataset.collate([dataset[0]])
    assert batch.pitch is None
    assert batch.energy is None


def test_contours_are_computed_by_several_processes_as_by_one(tmp_path, recorded, audio):
    samples = recorded(4)
    found = []
    for workers in (1, 2):
        extractor = SpectrogramExtractor(audio())
        cache = FeatureCache(tmp_path / f"cache{workers}", extractor, contours=("pitch", "energy"))
        cache.precompute(samples, workers=workers)
        assert len(list((tmp_path / f"cache{workers}").rglob("*.energy.npy"))) == 4
        found.append([cache.contour(sample, name) for sample in samples for name in ("pitch", "energy")])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_contours_are_measured_in_does_not_depend_on_the_split(tmp_path, recorded, extractor):
    samples = recorded(5)
    cache = FeatureCache(tmp_path / "cache", extractor, contours=("energy",))
    scales = [
        PreparedData(SampleSplit(train, held_out), None, cache, {}, MissingReport(0, Counter()), {}).scales()
        for train, held_out in ((samples[:4], samples[4:]), (samples[:0:-1], samples[:1]))
    ]
    assert scales[0] == scales[1]
    assert scales[0]["energy"].mean > 0
