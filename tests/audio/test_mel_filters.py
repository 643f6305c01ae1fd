import numpy as np
import pytest

from finetune_tts.audio.mel_filters import hertz_to_mel, mel_filter_bank, mel_to_hertz


@pytest.mark.slow  # librosa takes seconds to import
@pytest.mark.parametrize(
    ("sample_rate", "fft_size", "num_mels", "fmin", "fmax"),
    [(22050, 1024, 80, 0.0, 11025.0), (16000, 800, 40, 50.0, 7600.0), (48000, 2048, 60, 20.0, 6000.0)],
)
def test_filters_are_those_of_librosa(sample_rate: int, fft_size: int, num_mels: int, fmin: float, fmax: float) -> None:
    import librosa

    ours = mel_filter_bank(sample_rate, fft_size, num_mels, fmin, fmax)
    theirs = librosa.filters.mel(sr=sample_rate, n_fft=fft_size, n_mels=num_mels, fmin=fmin, fmax=fmax)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-9)


def test_filters_have_unit_area_and_stay_between_their_edges() -> None:
    filters = mel_filter_bank(16000, 8192, 40, 300.0, 7000.0)
    hertz_per_bin = 16000 / 8192
    assert filters.shape == (40, 4097)
    assert filters.dtype == np.float32
    np.testing.assert_allclose(filters.sum(axis=1) * hertz_per_bin, 1.0, rtol=1e-3)
    heard = np.flatnonzero(filters.sum(axis=0)) * hertz_per_bin
    assert heard[0] == pytest.approx(300.0, abs=2 * hertz_per_bin)
    assert heard[-1] == pytest.approx(7000.0, abs=2 * hertz_per_bin)


def test_mel_scale_is_inverted() -> None:
    for hertz in (0.0, 440.0, 1000.0, 3000.0, 11025.0):
        assert mel_to_hertz(np.array([hertz_to_mel(hertz)]))[0] == pytest.approx(hertz)
    assert hertz_to_mel(1000.0) == pytest.approx(15.0)
    assert hertz_to_mel(6400.0) == pytest.approx(42.0)
