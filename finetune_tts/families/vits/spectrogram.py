"""Spectrograms of waveforms on their own device, with gradients: what VITS reads, and what it is compared by.

Computed in float32 whatever the precision of the run: a bfloat16 spectrogram has three digits.

Dimensions: B batch, F bins, n_mels mel bands, T_spec frames, T_wav samples.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

POWER_FLOOR = 1e-6
MEL_FLOOR = 1e-5


class SpectrogramFront(nn.Module):
    """Linear and log-mel spectrograms.

    A clip is padded by ``(fft_size - hop_length) / 2`` samples, reflected, so that it has ``T_wav // hop_length``
    frames.

    Args:
        fft_size, win_length, hop_length: of the frames, in samples.
        filters: ``[n_mels, F]`` the mel filters.
    """

    window: Tensor
    filters: Tensor

    def __init__(self, *, fft_size: int, win_length: int, hop_length: int, filters: Tensor) -> None:
        super().__init__()
        self.fft_size = fft_size
        self.win_length = win_length
        self.hop_length = hop_length
        self.register_buffer("window", torch.hann_window(win_length), persistent=False)
        self.register_buffer("filters", filters, persistent=False)

    def linear(self, waveforms: Tensor) -> Tensor:
        """Magnitudes of ``waveforms [B, T_wav]``: ``[B, F, T_spec]``."""
        padding = (self.fft_size - self.hop_length) // 2
        with torch.autocast(waveforms.device.type, enabled=False):
            spectrum = torch.stft(
                self._padded(waveforms.float(), padding),
                self.fft_size,
                self.hop_length,
                self.win_length,
                self.window,
                center=False,
                return_complex=True,
            )
            return torch.sqrt(torch.view_as_real(spectrum).square().sum(dim=-1) + POWER_FLOOR)

    def log_mel(self, linear: Tensor) -> Tensor:
        """Log-mel spectrogram ``[B, n_mels, T_spec]`` of a linear one ``[B, F, T_spec]``."""
        with torch.autocast(linear.device.type, enabled=False):
            return torch.log((self.filters @ linear.float()).clamp(min=MEL_FLOOR))

    def mel(self, waveforms: Tensor) -> Tensor:
        """Log-mel spectrogram of ``waveforms [B, T_wav]``."""
        return self.log_mel(self.linear(waveforms))

    def _padded(self, waveforms: Tensor, padding: int) -> Tensor:
        # What is shorter than its own reflection, or than a frame with it, is made longer by silence first.
        missing = max(padding + 1, self.fft_size - 2 * padding) - waveforms.shape[-1]
        if missing > 0:
            waveforms = F.pad(waveforms, (0, missing))
        return F.pad(waveforms.unsqueeze(1), (padding, padding), "reflect").squeeze(1)
