from collections.abc import Callable

import numpy as np
import pytest
import torch

from finetune_tts.audio.griffin_lim import griffin_lim, waveform_from_linear, waveform_from_mel
from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.config.audio import AudioConfig

MakeAudio = Callable[..., AudioConfig]


@pytest.mark.parametrize(
    "fields",
    [{}, {"preemphasis": 0.97}, {"win_length": 800, "hop_length": 200},
     {"log_func": "np.log", "spec_gain": 1, "signal_norm": False}],
)  # fmt: skip
def test_the_waveform_has_the_mel_spectrogram_that_was_asked_for(
    make_audio: MakeAudio, voice: np.ndarray, fields: dict[str, object]
) -> None:
    extractor = SpectrogramExtractor(make_audio(power=1.0, **fields))
    mel = extractor.mel(voice)
    wav = waveform_from_mel(extractor, mel)
    assert wav.dtype == np.float32
    assert wav.shape == ((mel.shape[1] - 1) * extractor.hop_length,)
    assert np.linalg.norm(extractor.mel(wav) - mel) < 0.05 * np.linalg.norm(mel)


def test_the_waveform_has_the_linear_spectrogram_that_was_asked_for(make_audio: MakeAudio, voice: np.ndarray) -> None:
    extractor = SpectrogramExtractor(make_audio(power=1.0, clip_norm=False))
    amplitudes = extractor.linear_amplitudes(extractor.linear(voice))
    found = extractor.linear_amplitudes(extractor.linear(waveform_from_linear(extractor, extractor.linear(voice))))
    assert np.linalg.norm(found - amplitudes) < 0.1 * np.linalg.norm(amplitudes)


def test_more_iterations_come_closer(make_audio: MakeAudio, voice: np.ndarray) -> None:
    extractor = SpectrogramExtractor(make_audio(power=1.0, griffin_lim_iters=60))
    mel = extractor.mel(voice)
    errors = [
        np.linalg.norm(extractor.mel(waveform_from_mel(extractor, mel, iterations=iterations)) - mel)
        for iterations in (0, 20, None)
    ]
    assert errors[0] > errors[1] > errors[2]


def test_the_same_seed_speaks_the_same(make_audio: MakeAudio, voice: np.ndarray) -> None:
    extractor = SpectrogramExtractor(make_audio())
    mel = extractor.mel(voice)
    first = waveform_from_mel(extractor, mel, iterations=3, seed=1)
    torch.manual_seed(99)
    np.testing.assert_array_equal(waveform_from_mel(extractor, mel, iterations=3, seed=1), first)
    assert not np.array_equal(waveform_from_mel(extractor, mel, iterations=3, seed=2), first)


def test_power_sharpens_without_a_change_of_the_loudest(make_audio: MakeAudio, voice: np.ndarray) -> None:
    plain = SpectrogramExtractor(make_audio(power=1.0))
    sharp = SpectrogramExtractor(make_audio(power=1.5))
    mel = plain.mel(voice)
    ours, theirs = (e.mel(waveform_from_mel(e, mel)) for e in (sharp, plain))
    assert ours.max() == pytest.approx(theirs.max(), abs=0.1)
    assert ours.mean() < theirs.mean() - 0.2


@pytest.mark.parametrize("frames", [0, 1, 2, 3])
def test_very_short_spectrograms_are_spoken(make_audio: MakeAudio, frames: int) -> None:
    extractor = SpectrogramExtractor(make_audio())
    wav = waveform_from_mel(extractor, np.zeros((80, frames), dtype=np.float32), iterations=12)
    assert wav.shape == (max(frames - 1, 0) * 256,)
    assert np.isfinite(wav).all()


def test_silence_stays_silent(make_audio: MakeAudio) -> None:
    extractor = SpectrogramExtractor(make_audio())
    assert np.abs(waveform_from_mel(extractor, np.full((80, 20), -4.0, dtype=np.float32))).max() < 1e-3


def test_a_network_that_has_gone_astray_is_survived(make_audio: MakeAudio) -> None:
    for fields in ({}, {"signal_norm": False, "log_func": "np.log", "spec_gain": 1}):
        extractor = SpectrogramExtractor(make_audio(**fields))
        mel = np.random.RandomState(0).standard_normal((80, 20)).astype(np.float32) * 1e6
        assert np.isfinite(waveform_from_mel(extractor, mel, iterations=12)).all()


@pytest.mark.parametrize("speak", [waveform_from_mel, waveform_from_linear])
def test_what_is_no_spectrogram_is_refused(make_audio: MakeAudio, speak: Callable[..., np.ndarray]) -> None:
    extractor = SpectrogramExtractor(make_audio())
    with pytest.raises(ValueError, match=r"\[20, 7\]"):
        speak(extractor, np.zeros((20, 7)))
    channels = 80 if speak is waveform_from_mel else 513
    with pytest.raises(ValueError, match="not finite"):
        speak(extractor, np.full((channels, 7), np.nan))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_speaks_as_well(make_audio: MakeAudio, voice: np.ndarray) -> None:
    extractor = SpectrogramExtractor(make_audio(power=1.0))
    mel = extractor.mel(voice)
    wav = waveform_from_mel(extractor, mel, device="cuda")
    assert np.linalg.norm(extractor.mel(wav) - mel) < 0.05 * np.linalg.norm(mel)


def test_phases_of_a_waveform_with_all_its_amplitudes_are_found(voice: np.ndarray) -> None:
    window = torch.hann_window(1024)
    wav = torch.from_numpy(voice[: 62 * 256].copy())
    magnitude = torch.stft(wav, 1024, 256, window=window, pad_mode="constant", return_complex=True).abs()
    rebuilt = griffin_lim(magnitude, window, 256, iterations=100)
    found = torch.stft(rebuilt, 1024, 256, window=window, pad_mode="constant", return_complex=True).abs()
    assert (found - magnitude).norm() < 0.05 * magnitude.norm()
