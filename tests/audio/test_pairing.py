import numpy as np
import pytest

from finetune_tts.audio.pairing import Pairing
from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.audio.statistics import ScaleStats
from finetune_tts.config.audio import AudioConfig
from finetune_tts.errors import UserError

SIZES = {"sample_rate": 8000, "fft_size": 256, "win_length": 256, "hop_length": 64, "num_mels": 20}


def extractor(stats=None, **fields):
    return SpectrogramExtractor(AudioConfig(**{**SIZES, "do_trim_silence": False, **fields}), stats)


def statistics(mean, std):
    return ScaleStats(
        np.full(20, mean, np.float32), np.full(20, std, np.float32), np.zeros(129, np.float32), np.ones(129, np.float32)
    )


@pytest.fixture
def wav():
    time = np.arange(8000) / 8000
    return (0.5 * np.sin(2 * np.pi * (200 + 300 * time) * time)).astype(np.float32)


@pytest.mark.parametrize(
    ("model", "vocoder"),
    [
        ({}, {}),
        ({"signal_norm": False}, {}),
        ({"symmetric_norm": False, "max_norm": 1.0}, {"max_norm": 2.0}),
        ({"stats": statistics(-20, 7)}, {"signal_norm": False}),
        ({"clip_norm": False}, {"stats": statistics(-30, 11)}),
        ({"stats": statistics(-20, 7)}, {"stats": statistics(-30, 11)}),
        ({"clip_norm": False}, {"log_func": "np.log", "spec_gain": 1, "signal_norm": False}),
        ({"log_func": "np.log", "spec_gain": 1, "signal_norm": False}, {"stats": statistics(-30, 11)}),
        ({"signal_norm": False}, {"do_amp_to_db_mel": False, "signal_norm": False}),
    ],
)
def test_a_spectrogram_becomes_the_one_that_the_vocoder_would_have_computed_itself(wav, model, vocoder):
    first, second = extractor(**model), extractor(**vocoder)
    pairing = Pairing(first, second)
    assert pairing.misfits() == []
    np.testing.assert_allclose(pairing.bring(first.mel(wav)), second.mel(wav), atol=2e-3)
    lines = pairing.lines()
    if "do_amp_to_db_mel" in vocoder:
        assert lines is None
        return
    numbers = 3 * first.mel(wav)  # beyond the bounds, too
    expected = pairing.bring(numbers)
    for line in lines:
        numbers = line.factor * np.clip(numbers, line.lowest, line.highest) + line.offset
    np.testing.assert_allclose(numbers, expected, rtol=1e-3, atol=1e-3)


def test_frames_are_interpolated_to_the_vocoders_rate():
    pairing = Pairing(extractor(), extractor(sample_rate=9600, mel_fmax=4000.0))
    assert pairing.stretch == pytest.approx(1.2)
    assert pairing.misfits() == []
    assert pairing.lines() is None
    mel = np.tile(np.linspace(-1, 1, 100, dtype=np.float32), (20, 1))
    brought = pairing.bring(mel)
    assert brought.shape == (20, 120)
    assert np.all(np.diff(brought[0]) >= -1e-6)
    assert Pairing(extractor(), extractor(hop_length=32)).bring(mel).shape == (20, 200)


@pytest.mark.parametrize(
    ("vocoder", "reason"),
    [
        ({"num_mels": 30}, "20 mel bands and the vocoder 30"),
        ({"mel_fmax": 3000.0}, "from 0 to 4000 Hz and those of the vocoder from 0 to 3000"),
        ({"mel_fmin": 300.0}, "from 300 to 4000"),
        ({"hop_length": 20}, "125.0 frames a second and the vocoder 400.0"),
    ],
)
def test_a_pair_that_cannot_fit_is_refused_with_the_reason(vocoder, reason):
    with pytest.raises(UserError, match=f"--vocoder_name x: .*{reason}.*Griffin-Lim"):
        Pairing(extractor(), extractor(**vocoder)).require_fit("--vocoder_name x")


def test_ranges_that_releases_mix_fit():
    assert Pairing(extractor(), extractor(mel_fmin=50.0, mel_fmax=3800.0)).misfits() == []
