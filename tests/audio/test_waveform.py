import numpy as np
import pytest

from finetune_tts.audio.waveform import deemphasise, emphasise, normalise_peak, normalise_rms, trim_silence


def test_trim_finds_the_sound_between_silences(voice: np.ndarray) -> None:
    quiet = np.zeros(8000, dtype=np.float32)
    loud = np.full(4000, 0.3, dtype=np.float32)
    trimmed = trim_silence(np.concatenate([quiet, loud, quiet]), 45, 1024, 256, margin=160)
    assert len(loud) <= len(trimmed) <= len(loud) + 2 * 1024
    assert np.count_nonzero(trimmed) == len(loud)


def test_trim_cuts_what_librosa_cuts(voice: np.ndarray) -> None:
    # Start and end as librosa.effects.trim gave them once; calling it here would compile for many seconds.
    from_librosa = {20: (2048, 17664), 45: (1792, 18176)}
    padded = np.concatenate([voice[:2000] * 0, voice, voice[:5000] * 0])
    for top_db, (start, end) in from_librosa.items():
        np.testing.assert_array_equal(trim_silence(padded, top_db, 1024, 256, margin=160), padded[160:-160][start:end])


@pytest.mark.parametrize("length", [0, 1, 319, 320, 321, 700])
def test_trim_of_silence_or_of_very_little_leaves_something(length: int) -> None:
    silence = np.zeros(length, dtype=np.float32)
    assert (len(trim_silence(silence, 45, 1024, 256, margin=160)) > 0) == (length > 0)


@pytest.mark.parametrize("length", [4096, 4097])
def test_trim_leaves_something_where_only_the_very_end_is_loud(length: int) -> None:
    wav = np.zeros(length, dtype=np.float32)
    wav[-1] = 1.0
    trimmed = trim_silence(wav, top_db=45, frame_length=256, hop_length=256, margin=0)
    assert 0 < len(trimmed) <= 256


def test_trim_keeps_a_waveform_of_equal_loudness() -> None:
    tone = np.sin(np.arange(16000) / 10).astype(np.float32)
    np.testing.assert_array_equal(trim_silence(tone, 45, 1024, 256, margin=0), tone)


def test_levels_are_set_and_silence_stays(voice: np.ndarray) -> None:
    silence = np.zeros(100, dtype=np.float32)
    assert np.abs(normalise_peak(voice)).max() == pytest.approx(0.95, abs=1e-6)
    assert np.sqrt(np.mean(normalise_rms(voice, -27.0) ** 2)) == pytest.approx(10 ** (-27 / 20), rel=1e-4)
    np.testing.assert_array_equal(normalise_peak(silence), silence)
    np.testing.assert_array_equal(normalise_rms(silence, -27.0), silence)
    assert normalise_peak(silence[:0]).shape == (0,)
    assert normalise_rms(voice, -27.0).dtype == np.float32


def test_deemphasis_undoes_preemphasis(voice: np.ndarray) -> None:
    emphasised = emphasise(voice, 0.97)
    assert emphasised[0] == voice[0]
    assert emphasised[7] == pytest.approx(voice[7] - 0.97 * voice[6], abs=1e-6)
    np.testing.assert_allclose(deemphasise(emphasised, 0.97), voice, atol=1e-5)
