"""The front end of a speaker encoder: from a waveform to mel power, on any device and with gradients.

Legend: B batch, T_wav samples, T frames, n_freq Fourier bins, n_mels mel channels.
Buffer names are those of released 🐸TTS encoders: ``0.filter``, ``1.spectrogram.window``, ``1.mel_scale.fb``.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PreEmphasis(nn.Module):
    """``y[t] = x[t] - coefficient * x[t - 1]``, the waveform mirrored at its start."""

    filter: Tensor

    def __init__(self, coefficient: float) -> None:
        super().__init__()
        self.register_buffer("filter", torch.tensor([-coefficient, 1.0]).reshape(1, 1, 2))

    def forward(self, waveform: Tensor) -> Tensor:
        """``[B, T_wav]`` to ``[B, T_wav]``."""
        mirrored = F.pad(waveform.unsqueeze(1), (1, 0), mode="reflect")  # [B, 1, 1 + T_wav]
        return F.conv1d(mirrored, self.filter).squeeze(1)


class PowerSpectrogram(nn.Module):
    """Squared magnitudes of the short-time Fourier transform under a Hamming window."""

    window: Tensor

    def __init__(self, *, fft_size: int, win_length: int, hop_length: int) -> None:
        super().__init__()
        self.fft_size = fft_size
        self.win_length = win_length
        self.hop_length = hop_length
        self.register_buffer("window", torch.hamming_window(win_length))

    def forward(self, waveform: Tensor) -> Tensor:
        """``[B, T_wav]`` to ``[B, n_freq, T]``."""
        spectrum = torch.stft(
            waveform, self.fft_size, self.hop_length, self.win_length, self.window, return_complex=True
        )
        # Not abs(), whose gradient is not defined in silence.
        return spectrum.real.square() + spectrum.imag.square()


class MelScale(nn.Module):
    """Triangular filters on the mel scale of the HTK toolkit, each with a peak of 1."""

    fb: Tensor

    def __init__(self, *, sample_rate: int, fft_size: int, num_mels: int) -> None:
        super().__init__()
        self.register_buffer("fb", mel_filters(sample_rate, fft_size, num_mels))

    def forward(self, spectrogram: Tensor) -> Tensor:
        """``[B, n_freq, T]`` to ``[B, n_mels, T]``."""
        return (spectrogram.transpose(1, 2) @ self.fb).transpose(1, 2)


class MelPower(nn.Module):
    """The mel spectrogram, power and not decibels."""

    def __init__(self, *, sample_rate: int, fft_size: int, win_length: int, hop_length: int, num_mels: int) -> None:
        super().__init__()
        self.spectrogram = PowerSpectrogram(fft_size=fft_size, win_length=win_length, hop_length=hop_length)
        self.mel_scale = MelScale(sample_rate=sample_rate, fft_size=fft_size, num_mels=num_mels)

    def forward(self, waveform: Tensor) -> Tensor:
        """``[B, T_wav]`` to ``[B, n_mels, T]``."""
        return self.mel_scale(self.spectrogram(waveform))


class WaveformToMel(nn.Sequential):
    """Pre-emphasis and mel power, in float32 whatever the precision around it.

    Args:
        sample_rate: of the waveforms, in Hz.
        fft_size: samples of a Fourier transform.
        win_length: samples of the window.
        hop_length: samples from frame to frame.
        num_mels: ``n_mels``.
        preemphasis: coefficient; 0 passes the waveform through.
    """

    def __init__(
        self,
        *,
        sample_rate: int = 16000,
        fft_size: int = 512,
        win_length: int = 400,
        hop_length: int = 160,
        num_mels: int = 64,
        preemphasis: float = 0.97,
    ) -> None:
        super().__init__(
            PreEmphasis(preemphasis),
            MelPower(
                sample_rate=sample_rate,
                fft_size=fft_size,
                win_length=win_length,
                hop_length=hop_length,
                num_mels=num_mels,
            ),
        )
        self.hop_length = hop_length
        #: Two frames, which the normalisation after it needs, and more than the mirrored ends of a frame.
        self.shortest = max(fft_size // 2 + 1, hop_length)

    def forward(self, waveform: Tensor) -> Tensor:
        """``[B, T_wav]``, at least ``shortest`` samples, to ``[B, n_mels, T]``."""
        # Half precision has too few digits for powers that span ten decades.
        with torch.autocast(waveform.device.type, enabled=False):
            mel = waveform.float()
            for module in self:
                mel = module(mel)
        return mel


def mel_filters(sample_rate: int, fft_size: int, num_mels: int) -> Tensor:
    """Filters from 0 Hz to half the sample rate, equally wide on the HTK mel scale: ``[n_freq, n_mels]``."""
    highest = sample_rate // 2
    bins = torch.linspace(0, highest, fft_size // 2 + 1, dtype=torch.float64).unsqueeze(1)  # [n_freq, 1]
    mels = torch.linspace(0, 2595 * math.log10(1 + highest / 700), num_mels + 2, dtype=torch.float64)
    edges = 700 * (10 ** (mels / 2595) - 1)  # [n_mels + 2] Hz
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins - lower) / (centre - lower)
    falling = (upper - bins) / (upper - centre)
    return torch.minimum(rising, falling).clamp(min=0).float()
