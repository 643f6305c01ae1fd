"""The mel spectrograms that XTTS hears: power, HTK's scale with filters of equal area, logarithm, bands evened out.

Two of its parts listen: the autoencoder that makes codes, in short windows, and the conditioning encoder, in long ones.
Both divide each band by the same number, ``mel_stats``, which comes with the release.

Dimensions: B batch, T_wav samples, T frames, n_freq Fourier bins, n_mels mel bands.
"""

import math

import torch
from torch import Tensor, nn

SAMPLE_RATE = 22050
NUM_MELS = 80
HIGHEST_HERTZ = 8000.0
_SMALLEST_POWER = 1e-5


def mel_filters(fft_size: int) -> Tensor:
    """Triangles that are equally wide on HTK's mel scale, each with an area of 1 Hz: ``[n_freq, n_mels]``."""
    bins = torch.linspace(0, SAMPLE_RATE // 2, fft_size // 2 + 1, dtype=torch.float64).unsqueeze(1)
    highest = 2595 * math.log10(1 + HIGHEST_HERTZ / 700)
    edges = 700 * (10 ** (torch.linspace(0, highest, NUM_MELS + 2, dtype=torch.float64) / 2595) - 1)
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    triangles = torch.minimum((bins - lower) / (centre - lower), (upper - bins) / (upper - centre)).clamp(min=0)
    return (triangles * 2 / (upper - lower)).float()


class LogMel(nn.Module):
    """Waveforms at 22,050 Hz to mel spectrograms, in float32 whatever the precision around it.

    Args:
        fft_size: samples of a Fourier transform.
        hop_length: samples from frame to frame.
        win_length: samples of the window.
    """

    filters: Tensor
    window: Tensor

    def __init__(self, *, fft_size: int, hop_length: int, win_length: int) -> None:
        super().__init__()
        self.fft_size, self.hop_length, self.win_length = fft_size, hop_length, win_length
        self.register_buffer("window", torch.hann_window(win_length), persistent=False)
        self.register_buffer("filters", mel_filters(fft_size), persistent=False)

    @property
    def shortest(self) -> int:
        """Samples that a waveform has to have: its ends are mirrored."""
        return self.fft_size // 2 + 1

    def forward(self, waveform: Tensor, mel_stats: Tensor) -> Tensor:
        """Listen.

        Args:
            waveform: ``[B, T_wav]``, at least ``shortest`` samples.
            mel_stats: ``[n_mels]``, by which the bands are divided.

        Returns:
            ``[B, n_mels, T_wav / hop_length + 1]``.
        """
        with torch.autocast(waveform.device.type, enabled=False):
            spectrum = torch.stft(
                waveform.float(), self.fft_size, self.hop_length, self.win_length, self.window, return_complex=True
            )
            power = spectrum.real.square() + spectrum.imag.square()  # [B, n_freq, T]
            mel = (power.transpose(1, 2) @ self.filters).transpose(1, 2)
            return mel.clamp(min=_SMALLEST_POWER).log() / mel_stats.float().unsqueeze(1)


def code_mel() -> LogMel:
    """The spectrogram that codes are made of."""
    return LogMel(fft_size=1024, hop_length=256, win_length=1024)


def conditioning_mel(*, perceiver: bool) -> LogMel:
    """The spectrogram that the conditioning encoder hears: of v2, with a perceiver, or of v1.1."""
    if perceiver:
        return LogMel(fft_size=2048, hop_length=256, win_length=1024)
    return LogMel(fft_size=4096, hop_length=1024, win_length=4096)
