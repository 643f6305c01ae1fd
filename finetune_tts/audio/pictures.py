"""Spectrograms and alignments as small PNG pictures: a palette of few colours, so that a page can hold many."""

from io import BytesIO

import numpy as np

_COLOURS = 48
_HEIGHT = 96  # pixels of a spectrogram
_WIDTH = 420  # most pixels of a spectrogram, and of an alignment
_RANGE_DB = 70.0  # from the loudest to what is drawn as silence


def spectrogram_picture(amplitudes: np.ndarray) -> bytes:
    """Draw mel amplitudes in decibels, low channels below.

    Args:
        amplitudes: ``[n_mels, T]``, at least 0.

    Returns:
        a PNG file, 96 pixels high and at most 420 wide.
    """
    loudest = max(float(np.max(amplitudes, initial=0.0)), 1e-8)
    decibels = 20.0 * np.log10(np.maximum(amplitudes, 1e-8) / loudest)
    unit = np.clip(1.0 + decibels / _RANGE_DB, 0.0, 1.0)
    return _png(unit[::-1], width=min(_WIDTH, unit.shape[1]), height=_HEIGHT)


def alignment_picture(alignment: np.ndarray) -> bytes:
    """Draw how much each frame listens to each token: frames from left to right, tokens from below.

    Args:
        alignment: ``[T_mel, T_text]``, 0 to 1.

    Returns:
        a PNG file.
    """
    unit = np.clip(np.nan_to_num(alignment.T[::-1]), 0.0, 1.0)
    return _png(unit, width=min(_WIDTH, unit.shape[1]), height=unit.shape[0])


def _png(unit: np.ndarray, *, width: int, height: int) -> bytes:
    """A picture of values from 0 to 1, ``[rows, columns]``, the first row on top."""
    import matplotlib
    from PIL import Image

    levels = np.round(unit * (_COLOURS - 1)).astype(np.uint8)
    picture = Image.fromarray(np.ascontiguousarray(levels))
    picture = picture.resize((max(width, 1), max(height, 1)), Image.Resampling.BOX)
    colours = matplotlib.colormaps["magma"](np.linspace(0.0, 1.0, _COLOURS))[:, :3]
    picture.putpalette(np.round(colours * 255).astype(np.uint8).tobytes())
    content = BytesIO()
    picture.save(content, format="PNG", optimize=True)
    return content.getvalue()
