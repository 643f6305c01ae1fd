"""The fundamental frequency of speech by YIN (de Cheveigné, Kawahara 2002), for all frames at once.

Legend: T samples of a waveform, N frames, W samples that are compared, L lags.
"""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.ndimage import median_filter

LOWEST, HIGHEST = 60.0, 500.0
"""In Hz: below and above, no voice is looked for, unless the caller says otherwise."""
PITCH_VERSION = 1
"""Goes up whenever the same waveform gets another pitch, so that no cache serves the old one."""

_WINDOW_SECONDS = 0.025
_CLEAR = 0.15  # an aperiodicity below which the first dip is taken, so that no octave below it wins
_VOICED = 0.35  # beyond this aperiodicity a frame is no voice
_QUIET_DB = 40.0  # a frame so far below the loudest is no voice either
_WIDEST = 2.5  # times its median a voice goes up and down at most, in one recording
_MEDIAN = 5  # frames; lonely octave errors go


def fundamental_frequency(
    wav: np.ndarray, sample_rate: int, centres: np.ndarray, lowest: float = LOWEST, highest: float = HIGHEST
) -> np.ndarray:
    """Estimate the pitch around some samples of a waveform.

    Args:
        wav: ``[T]`` float32.
        sample_rate: in Hz.
        centres: ``[N]`` samples that the frames lie around.
        lowest, highest: range of the pitch, in Hz.

    Returns:
        ``[N]`` in Hz, 0 where there is no voice.
    """
    if not len(centres):
        return np.zeros(0)
    window = round(_WINDOW_SECONDS * sample_rate)
    longest, shortest = int(sample_rate / lowest), max(2, int(sample_rate / highest))
    span = window + longest + 2
    padded = np.pad(np.asarray(wav, dtype=np.float64), span)
    starts = np.asarray(centres) + span - (window + longest) // 2
    frames = padded[starts[:, None] + np.arange(span)]  # [N, W + L]
    difference = _differences(frames, window)  # [N, L]
    lags = np.arange(1, difference.shape[1])
    running = np.cumsum(difference[:, 1:], axis=1)
    aperiodicity = np.ones_like(difference)
    aperiodicity[:, 1:] = difference[:, 1:] * lags / np.maximum(running, 1e-12)
    best = _first_dip(aperiodicity, shortest, longest)
    rows = np.arange(len(frames))
    depth = aperiodicity[rows, best]
    level = np.mean(frames[:, :window] ** 2, axis=1)
    loud = level > max(float(level.max()), 1e-10) * 10.0 ** (-_QUIET_DB / 10.0)
    pitch = sample_rate / (best + _offset(aperiodicity, best))
    pitch = np.where((depth < _VOICED) & loud, pitch, 0.0)
    smooth = median_filter(pitch, _MEDIAN, mode="constant")
    # The median of a frame at the edge of a voice may be 0; what was found there stays.
    return np.where((pitch > 0) & (smooth > 0), smooth, 0.0)


def voice_pitch(pitch: np.ndarray) -> np.ndarray:
    """Remove what is no voice's from a recording's pitch ``[N]``: what is far from its median, as noise and hum are."""
    voiced = pitch[pitch > 0]
    middle = float(np.median(voiced)) if len(voiced) else 0.0
    return np.where((pitch > middle / _WIDEST) & (pitch < middle * _WIDEST), pitch, 0.0)


def _differences(frames: np.ndarray, window: int) -> np.ndarray:
    """Sum of squares of ``x[j] - x[j + lag]`` over the window, for each lag: ``[N, span]`` to ``[N, L]``."""
    span = frames.shape[1]
    lags = span - window
    size = next_fast_len(span + window, real=True)
    spectrum = rfft(frames, size) * np.conj(rfft(frames[:, :window], size))
    products = irfft(spectrum, size)[:, :lags]
    squares = np.cumsum(np.pad(frames**2, ((0, 0), (1, 0))), axis=1)
    energy = squares[:, window : window + lags] - squares[:, :lags]
    return np.maximum(energy[:, :1] + energy - 2.0 * products, 0.0)


def _first_dip(aperiodicity: np.ndarray, shortest: int, longest: int) -> np.ndarray:
    """The lag of the first local minimum below the threshold, else of the lowest one: ``[N]``."""
    inner = aperiodicity[:, shortest : longest + 1]
    before, after = aperiodicity[:, shortest - 1 : longest], aperiodicity[:, shortest + 1 : longest + 2]
    dips = (inner <= before) & (inner < after) & (inner < _CLEAR)
    found = dips.any(axis=1)
    return shortest + np.where(found, dips.argmax(axis=1), inner.argmin(axis=1))


def _offset(aperiodicity: np.ndarray, best: np.ndarray) -> np.ndarray:
    """Where the parabola through a minimum and its neighbours is lowest, from -0.5 to 0.5 lags: ``[N]``."""
    rows = np.arange(len(best))
    left, middle, right = (aperiodicity[rows, best + step] for step in (-1, 0, 1))
    curvature = left - 2.0 * middle + right
    safe = np.where(np.abs(curvature) > 1e-12, curvature, 1.0)
    return np.clip(np.where(np.abs(curvature) > 1e-12, 0.5 * (left - right) / safe, 0.0), -0.5, 0.5)
