"""From spectrograms back to a waveform without a network: Griffin-Lim, on the CPU or a GPU.

A mel spectrogram says less than a linear one, and a linear one has no phases. Both are guessed together: the fast
Griffin-Lim iteration (Perraudin, Balazs, Søndergaard 2013) looks for phases on which overlapping frames agree, and
once they have settled, the amplitudes inside each mel band are those that the growing waveform has there, scaled until
the band has its level. ``docs/audio.md`` has the numbers.

Dimensions: ``T`` frames, ``T_wav = (T - 1) * hop_length`` samples, ``n_freq = fft_size // 2 + 1``.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.audio.waveform import deemphasise

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_MOMENTUM = 0.99
_SETTLING_ITERATIONS = 10  # amplitudes that random phases have led to are not worth following
_TINY = 1e-10


def waveform_from_mel(
    extractor: SpectrogramExtractor,
    mel: np.ndarray,
    device: "str | torch.device" = "cpu",
    iterations: int | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Generate the waveform of a mel spectrogram.

    Args:
        extractor: knows how the mel spectrogram was made.
        mel: ``[n_mels, T]``, normalised as a network gives it.
        device: where to compute; an Apple GPU, which lacks complex operations, is passed over for the CPU.
        iterations: of Griffin-Lim; by default ``audio.griffin_lim_iters``.
        seed: of the first phases; on the CPU the same seed gives the same waveform.

    Returns:
        ``[T_wav]`` float32, as loud as the spectrogram says.

    Raises:
        ValueError: the spectrogram has another number of channels, or values that are not finite.
    """
    import torch

    _check_shape(mel, len(extractor.mel_filters))
    device = _able_device(device)
    levels = _sharpen(extractor.mel_amplitudes(mel), extractor.audio.power)
    magnitude = torch.from_numpy(extractor.mel_to_linear(levels)).to(device)
    wanted = torch.from_numpy(levels).to(device)
    filters = torch.from_numpy(extractor.mel_filters).to(device)
    cover = filters.sum(dim=0).clamp(min=_TINY)[:, None]

    def bring_to_levels(amplitudes: "Tensor") -> "Tensor":
        return amplitudes * (filters.T @ (wanted / (filters @ amplitudes + _TINY))) / cover

    return _speak(extractor, magnitude, iterations, seed, bring_to_levels)


def waveform_from_linear(
    extractor: SpectrogramExtractor,
    linear: np.ndarray,
    device: "str | torch.device" = "cpu",
    iterations: int | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Generate the waveform of a linear spectrogram ``[n_freq, T]``, normalised as a network gives it.

    See :func:`waveform_from_mel`.
    """
    import torch

    _check_shape(linear, extractor.fft_size // 2 + 1)
    amplitudes = _sharpen(extractor.linear_amplitudes(linear), extractor.audio.power)
    return _speak(extractor, torch.from_numpy(amplitudes).to(_able_device(device)), iterations, seed)


def griffin_lim(
    magnitude: "Tensor",
    window: "Tensor",
    hop_length: int,
    iterations: int,
    seed: int = 0,
    refine: "Callable[[Tensor], Tensor] | None" = None,
) -> "Tensor":
    """Find a waveform whose short-time Fourier transform has given amplitudes.

    Args:
        magnitude: ``[n_freq, T]``, at least 0, with ``T`` at least 2.
        window: ``[fft_size]`` of the transform, on the same device.
        hop_length: samples from one frame to the next.
        iterations: how often the phases are improved.
        seed: of the random phases at the start.
        refine: after the first iterations, makes the wanted amplitudes ``[n_freq, T]`` from those that the waveform
            has; by default ``magnitude`` stays wanted.

    Returns:
        ``[T_wav]``.
    """
    import torch

    fft_size = len(window)
    length = (magnitude.shape[1] - 1) * hop_length

    def to_waveform(spectrum: "Tensor") -> "Tensor":
        return torch.istft(spectrum, fft_size, hop_length, window=window, length=length)

    def to_spectrum(wav: "Tensor") -> "Tensor":
        return torch.stft(wav, fft_size, hop_length, window=window, pad_mode="constant", return_complex=True)

    # Drawn on the CPU, so that every device starts from the same phases.
    angles = torch.rand(magnitude.shape, generator=torch.Generator().manual_seed(seed)).to(magnitude) * (2 * math.pi)
    spectrum = torch.polar(magnitude, angles)
    previous = torch.zeros_like(spectrum)
    for iteration in range(iterations):
        rebuilt = to_spectrum(to_waveform(spectrum))
        if refine is not None and iteration >= _SETTLING_ITERATIONS:
            magnitude = refine(rebuilt.abs())
        ahead = rebuilt - previous * (_MOMENTUM / (1 + _MOMENTUM))
        spectrum = ahead * (magnitude / (ahead.abs() + _TINY))
        previous = rebuilt
    return to_waveform(spectrum)


def _able_device(device: "str | torch.device") -> "torch.device":
    import torch

    device = torch.device(device)
    return torch.device("cpu") if device.type == "mps" else device


def _check_shape(spectrogram: np.ndarray, channels: int) -> None:
    if spectrogram.ndim != 2 or spectrogram.shape[0] != channels:
        raise ValueError(f"a spectrogram of this config is [{channels}, T], not {list(spectrogram.shape)}.")
    if not np.isfinite(spectrogram).all():
        raise ValueError("the spectrogram holds values that are not finite (NaN or infinite).")


def _sharpen(amplitudes: np.ndarray, power: float) -> np.ndarray:
    """Raise amplitudes to ``power`` (``audio.power``) without a change of the loudest one."""
    loudest = amplitudes.max(initial=0.0)
    if power == 1.0 or loudest == 0.0:
        return amplitudes
    return np.power(amplitudes / loudest, np.float32(power)) * loudest


def _speak(
    extractor: SpectrogramExtractor,
    magnitude: "Tensor",
    iterations: int | None,
    seed: int,
    refine: "Callable[[Tensor], Tensor] | None" = None,
) -> np.ndarray:
    """Griffin-Lim and de-emphasis as the config asks: ``[n_freq, T]`` on any device to ``[T_wav]`` float32."""
    import torch

    if magnitude.shape[1] < 2:
        return np.zeros(0, dtype=np.float32)
    if iterations is None:
        iterations = extractor.audio.griffin_lim_iters
    window = torch.from_numpy(extractor.window).to(magnitude)
    wav = griffin_lim(magnitude, window, extractor.hop_length, iterations, seed, refine).cpu().numpy()
    return deemphasise(wav, extractor.audio.preemphasis) if extractor.audio.preemphasis else wav
