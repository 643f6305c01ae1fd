"""The triangular filters that turn a linear spectrogram into a mel spectrogram."""

import numpy as np

# Slaney's mel scale: linear up to 1 kHz (15 mel), logarithmic above, 27 mel for a factor of 6.4.
_HERTZ_PER_MEL = 200.0 / 3
_BREAK_HERTZ = 1000.0
_BREAK_MEL = _BREAK_HERTZ / _HERTZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


def hertz_to_mel(hertz: float) -> float:
    """Place of a frequency in Hz on Slaney's mel scale."""
    if hertz < _BREAK_HERTZ:
        return hertz / _HERTZ_PER_MEL
    return float(_BREAK_MEL + np.log(hertz / _BREAK_HERTZ) / _LOG_STEP)


def mel_to_hertz(mels: np.ndarray) -> np.ndarray:
    """Frequencies in Hz of places on Slaney's mel scale."""
    logarithmic = _BREAK_HERTZ * np.exp(_LOG_STEP * (np.maximum(mels, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mels < _BREAK_MEL, mels * _HERTZ_PER_MEL, logarithmic)


def mel_filter_bank(sample_rate: int, fft_size: int, num_mels: int, fmin: float, fmax: float) -> np.ndarray:
    """Filters with unit area in Hz, as ``librosa.filters.mel`` makes them by default.

    Written out here because importing librosa takes a second in every process that reads audio.

    Args:
        sample_rate: in Hz.
        fft_size: samples under one Fourier transform.
        num_mels: number of filters.
        fmin: lower edge of the first filter in Hz.
        fmax: upper edge of the last filter in Hz.

    Returns:
        ``[num_mels, fft_size // 2 + 1]`` float32.
    """
    bins = np.linspace(0.0, sample_rate / 2, fft_size // 2 + 1)
    edges = mel_to_hertz(np.linspace(hertz_to_mel(fmin), hertz_to_mel(fmax), num_mels + 2))
    lower, centre, upper = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (bins - lower) / (centre - lower)
    falling = (upper - bins) / (upper - centre)
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return (triangles * 2.0 / (upper - lower)).astype(np.float32)
