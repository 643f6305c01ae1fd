"""What a check says of the pitch of recordings, for models that learn it."""

import numpy as np
import pytest
import soundfile

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.check.finding import Severity
from finetune_tts.check.pitch_checks import check_pitch
from finetune_tts.config.audio import AudioConfig
from finetune_tts.data.features import FeatureCache
from finetune_tts.data.sample import Sample

RATE = 8000


def voice(hertz, seconds=1.0):
    phase = np.cumsum(np.full(int(RATE * seconds), 1.0) * hertz) / RATE
    return (0.1 * sum(np.sin(2 * np.pi * k * phase) / k for k in range(1, 8))).astype(np.float32)


def noise(seconds):
    return (0.1 * np.random.default_rng(0).normal(size=int(RATE * seconds))).astype(np.float32)


@pytest.fixture
def look(tmp_path):
    def look(*wavs, **settings):
        audio = AudioConfig(
            sample_rate=RATE, fft_size=256, win_length=256, hop_length=64, num_mels=20, do_trim_silence=False,
            pitch_fmin=1.0, **{"pitch_fmax": 640.0, **settings},
        )  # fmt: skip
        samples = []
        for number, wav in enumerate(wavs):
            path = tmp_path / f"{number}.wav"
            soundfile.write(path, wav, RATE)
            samples.append(Sample("a text", path, "anna", "en", f"#{number}"))
        cache = FeatureCache(tmp_path / "cache", SpectrogramExtractor(audio), contours=("pitch",))
        return {finding.id: finding for finding in check_pitch(samples, cache, audio)}

    return look


def test_the_range_of_a_voice_is_told_and_nothing_is_wrong_with_it(look):
    found = look(voice(120), voice(np.linspace(110, 150, RATE)))
    assert {finding.severity for finding in found.values()} == {Severity.FINE}
    assert "around 12" in found["pitch"].title
    assert "2 recordings" in found["pitch"].title or "2 clips" in found["pitch"].title


def test_recordings_without_any_voice_stop_a_run(look):
    found = look(noise(1.0))
    assert found["pitch"].severity is Severity.STOPS


def test_a_clip_with_hardly_any_voice_is_named(look):
    found = look(voice(120), np.concatenate([noise(1.9), voice(120, 0.1)]))
    assert [clip.name for clip in found["unvoiced"].clips] == ["#1"]


def test_a_clip_whose_pitch_jumps_is_named(look):
    jumping = np.concatenate([voice(hertz, 0.1) for hertz in (120, 240) * 6])
    found = look(voice(120), jumping)
    assert [clip.name for clip in found["octave_jumps"].clips] == ["#1"]


def test_a_range_that_cuts_the_voice_off_is_told_with_the_field(look):
    rising = voice(np.linspace(160, 205, RATE))
    assert "pitch_range" not in look(rising)
    found = look(rising, pitch_fmax=200.0)
    assert "audio.pitch_fmax" in found["pitch_range"].title
