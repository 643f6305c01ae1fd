import math
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from finetune_tts.audio.reading import write_waveform
from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.audio.statistics import ScaleStats
from finetune_tts.config.audio import AudioConfig
from finetune_tts.errors import UserError

MakeAudio = Callable[..., AudioConfig]


def make_stats(num_mels: int = 80, n_freq: int = 513, **audio_config: object) -> ScaleStats:
    mel, linear = np.ones(num_mels, dtype=np.float32), np.ones(n_freq, dtype=np.float32)
    return ScaleStats(-mel, mel, -linear, linear, audio_config)


@pytest.mark.parametrize("length", [1, 2, 255, 256, 511, 513, 3000])
def test_any_length_has_its_frames(make_audio: MakeAudio, length: int) -> None:
    extractor = SpectrogramExtractor(make_audio())
    wav = np.random.RandomState(0).standard_normal(length).astype(np.float32) * 0.1
    assert extractor.mel(wav).shape == (80, extractor.num_frames(length)) == (80, 1 + length // 256)
    assert np.isfinite(extractor.linear(wav)).all()


def test_frames_do_not_depend_on_the_blocks_they_are_computed_in(
    make_audio: MakeAudio, voice: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = SpectrogramExtractor(make_audio()).linear(voice)
    monkeypatch.setattr("finetune_tts.audio.spectrogram._FRAMES_AT_ONCE", 7)
    np.testing.assert_allclose(SpectrogramExtractor(make_audio()).linear(voice), whole, atol=1e-5)


def test_a_tone_stands_in_its_bin(make_audio: MakeAudio) -> None:
    extractor = SpectrogramExtractor(make_audio(clip_norm=False))
    tone = (0.5 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)).astype(np.float32)
    amplitudes = extractor.linear_amplitudes(extractor.linear(tone))[:, 20]
    assert amplitudes.argmax() == 64
    assert amplitudes[64] == pytest.approx(0.5 * extractor.window.sum() / 2, rel=1e-3)


def test_silence_is_finite_and_kept(make_audio: MakeAudio, tmp_path: Path) -> None:
    extractor = SpectrogramExtractor(
        make_audio(do_trim_silence=True, do_sound_norm=True, do_rms_norm=True, db_level=-27.0)
    )
    write_waveform(tmp_path / "silence.wav", np.zeros(16000), 16000)
    wav = extractor.load(tmp_path / "silence.wav")
    assert len(wav) > 15000
    np.testing.assert_array_equal(extractor.mel(wav), -4.0)


def test_load_does_what_the_config_asks(make_audio: MakeAudio, voice: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_waveform(path, np.concatenate([np.zeros(8000), voice, np.zeros(8000)]), 16000)
    assert len(SpectrogramExtractor(make_audio()).load(path)) == 32000
    assert len(SpectrogramExtractor(make_audio(do_trim_silence=True)).load(path)) < 18000
    assert len(SpectrogramExtractor(make_audio(sample_rate=8000, mel_fmax=4000)).load(path)) == 16000
    assert np.abs(SpectrogramExtractor(make_audio(do_sound_norm=True)).load(path)).max() == pytest.approx(0.95)
    levelled = SpectrogramExtractor(make_audio(do_rms_norm=True, db_level=-20.0)).load(path)
    assert np.sqrt(np.mean(levelled**2)) == pytest.approx(0.1, rel=1e-3)


def test_hop_and_window_come_from_milliseconds_where_samples_are_missing(make_audio: MakeAudio) -> None:
    extractor = SpectrogramExtractor(
        make_audio(hop_length=None, win_length=None, frame_shift_ms=12.5, frame_length_ms=50.0)
    )
    assert (extractor.win_length, extractor.hop_length) == (800, 200)


@pytest.mark.parametrize("kind", ["mel", "linear"])
@pytest.mark.parametrize(
    "fields",
    [{}, {"symmetric_norm": False, "max_norm": 1.0}, {"signal_norm": False, "log_func": "np.log", "spec_gain": 1},
     {"do_amp_to_db_mel": False, "do_amp_to_db_linear": False, "signal_norm": False}],
)  # fmt: skip
def test_amplitudes_come_back(make_audio: MakeAudio, voice: np.ndarray, kind: str, fields: dict[str, object]) -> None:
    extractor = SpectrogramExtractor(make_audio(**fields))
    plain = SpectrogramExtractor(make_audio(do_amp_to_db_mel=False, do_amp_to_db_linear=False, signal_norm=False))
    features = getattr(extractor, kind)(voice)
    amplitudes = getattr(extractor, f"{kind}_amplitudes")(features)
    expected = getattr(plain, kind)(voice)
    heard = (expected > 2e-4) & (expected < 9)  # the default range clips at -80 and 20 dB
    assert heard.mean() > 0.5
    np.testing.assert_allclose(amplitudes[heard], expected[heard], rtol=1e-3)


def test_linear_amplitudes_from_mel_have_that_mel(make_audio: MakeAudio, voice: np.ndarray) -> None:
    extractor = SpectrogramExtractor(make_audio())
    mel = extractor.mel_amplitudes(extractor.mel(voice))
    linear = extractor.mel_to_linear(mel)
    assert linear.dtype == np.float32
    assert linear.min() >= np.float32(1e-10)
    assert np.linalg.norm(extractor.mel_filters @ linear - mel) < 0.02 * np.linalg.norm(mel)


def test_statistics_go_before_signal_norm(make_audio: MakeAudio, voice: np.ndarray) -> None:
    audio = make_audio(signal_norm=False)
    plain = SpectrogramExtractor(audio).mel(voice)
    np.testing.assert_allclose(SpectrogramExtractor(audio, make_stats()).mel(voice), plain + 1, rtol=1e-5)


def test_statistics_of_other_settings_are_refused(make_audio: MakeAudio) -> None:
    with pytest.raises(UserError, match="80 mel and 257 linear channels"):
        SpectrogramExtractor(make_audio(), make_stats(n_freq=257))
    with pytest.raises(UserError, match=r"audio\.hop_length was 200 and is 256; audio\.log_func was np\.log and"):
        SpectrogramExtractor(make_audio(), make_stats(hop_length=200, log_func="np.log", sample_rate=1, ref_level_db=0))
    SpectrogramExtractor(make_audio(mel_fmin=0.0, mel_fmax=None), make_stats(mel_fmin=None, mel_fmax=None))


def test_contradictions_are_named_together(make_audio: MakeAudio) -> None:
    with pytest.raises(UserError) as error:
        SpectrogramExtractor(
            make_audio(win_length=2048, hop_length=0, log_func="np.log2", stft_pad_mode="mirror", mel_fmax=9000.0,
                       min_level_db=0, spec_gain=0, do_rms_norm=True)
        )  # fmt: skip
    for field in ("win_length", "hop_length", "log_func", "stft_pad_mode", "mel_fmax", "min_level_db", "spec_gain",
                  "do_rms_norm"):  # fmt: skip
        assert f"audio.{field}" in str(error.value) or field == "mel_fmax"
    with pytest.raises(UserError, match="frame_shift_ms"):
        SpectrogramExtractor(make_audio(hop_length=None))


@pytest.mark.parametrize(
    ("field", "value"),
    [("trim_db", 30), ("do_trim_silence", True), ("hop_length", 200), ("mel_fmax", 7000.0), ("preemphasis", 0.97),
     ("log_func", "np.log"), ("max_norm", 1.0), ("clip_norm", False), ("sample_rate", 22050)],
)  # fmt: skip
def test_fingerprint_changes_with_what_changes_features(make_audio: MakeAudio, field: str, value: object) -> None:
    assert (
        SpectrogramExtractor(make_audio(**{field: value})).fingerprint()
        != SpectrogramExtractor(make_audio()).fingerprint()
    )


def test_fingerprint_stays_where_features_stay(make_audio: MakeAudio, monkeypatch: pytest.MonkeyPatch) -> None:
    fingerprint = SpectrogramExtractor(make_audio()).fingerprint()
    for field, value in (("griffin_lim_iters", 7), ("power", 1.0), ("pitch_fmax", 500.0), ("resample", True)):
        assert SpectrogramExtractor(make_audio(**{field: value})).fingerprint() == fingerprint
    equal = make_audio(hop_length=None, win_length=None, frame_shift_ms=16.0, frame_length_ms=64.0)
    assert SpectrogramExtractor(equal).fingerprint() == fingerprint
    assert SpectrogramExtractor(make_audio(), make_stats()).fingerprint() != fingerprint
    monkeypatch.setattr("finetune_tts.audio.spectrogram.FEATURE_VERSION", math.inf)
    assert SpectrogramExtractor(make_audio()).fingerprint() != fingerprint


def test_an_extractor_travels_to_worker_processes(make_audio: MakeAudio, voice: np.ndarray) -> None:
    extractor = SpectrogramExtractor(make_audio(), make_stats())
    copy = pickle.loads(pickle.dumps(extractor))
    np.testing.assert_array_equal(copy.mel(voice), extractor.mel(voice))
    assert copy.fingerprint() == extractor.fingerprint()
