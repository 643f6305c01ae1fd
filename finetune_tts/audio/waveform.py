"""What is done to a waveform before its spectrogram is taken. All waveforms are float32 ``[T]`` in [-1, 1]."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

_SILENCE = 1e-10  # power below which librosa's decibels stop falling


def trim_silence(wav: np.ndarray, top_db: float, frame_length: int, hop_length: int, margin: int) -> np.ndarray:
    """Cut silence from both ends.

    First ``margin`` samples go from each end (the click of a recorder's button), then what lies more than ``top_db``
    below the loudest frame. The rule of ``librosa.effects.trim``, whose first call compiles for many seconds.
    Nothing is cut from a waveform that is silent throughout or no longer than the margins.

    Args:
        wav: ``[T]``.
        top_db: frames that are this many dB below the loudest are silence.
        frame_length: samples in a frame.
        hop_length: samples between frames.
        margin: samples cut from each end in any case.

    Returns:
        ``[T']``, a view with ``0 < T' <= T`` (0 only for an empty ``wav``).
    """
    if len(wav) <= 2 * margin:
        return wav
    inner = wav[margin : len(wav) - margin]
    padded = np.pad(inner, frame_length // 2)
    frames = sliding_window_view(padded, frame_length)[::hop_length]
    power = np.einsum("tn,tn->t", frames, frames) / frame_length
    loud = np.flatnonzero(np.maximum(power, _SILENCE) > max(float(power.max()), _SILENCE) * 10.0 ** (-top_db / 10.0))
    # The last frame is centred on the end: where it alone is loud, a click there, one sample is left.
    start = min(loud[0] * hop_length, len(inner) - 1)
    return inner[start : (loud[-1] + 1) * hop_length]


def normalise_peak(wav: np.ndarray, peak: float = 0.95) -> np.ndarray:
    """Scale so that the largest sample has the size ``peak``; silence stays as it is."""
    largest = float(np.abs(wav).max(initial=0.0))
    return wav if largest == 0.0 else wav * np.float32(peak / largest)


def normalise_rms(wav: np.ndarray, level_db: float) -> np.ndarray:
    """Scale so that the root of the mean square is ``level_db`` (dB below full scale); silence stays as it is."""
    power = float(np.mean(np.square(wav, dtype=np.float64))) if len(wav) else 0.0
    return wav if power == 0.0 else wav * np.float32(10.0 ** (level_db / 20.0) / np.sqrt(power))


def emphasise(wav: np.ndarray, coefficient: float) -> np.ndarray:
    """Pre-emphasis: ``y[t] = x[t] - coefficient * x[t - 1]``."""
    emphasised = wav.copy()
    emphasised[1:] -= np.float32(coefficient) * wav[:-1]
    return emphasised


def deemphasise(wav: np.ndarray, coefficient: float) -> np.ndarray:
    """The inverse of :func:`emphasise`."""
    from scipy.signal import lfilter  # takes half a second to import, and only a few models need it

    return lfilter([1.0], [1.0, -coefficient], wav.astype(np.float64)).astype(np.float32)
