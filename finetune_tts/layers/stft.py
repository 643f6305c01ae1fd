"""The short-time Fourier transform that losses and discriminators of vocoders hear through.

Dimensions: B batch, T samples, F frequencies, T_frames frames.
"""

import torch
from torch import Tensor, nn

FLOOR = 1e-8  # of the power, so that the square root has a gradient at silence


class MagnitudeSTFT(nn.Module):
    """Magnitudes of centred frames under a Hann window, differentiable.

    Args:
        fft_size, hop_length, win_length: in samples.
    """

    window: Tensor

    def __init__(self, fft_size: int, hop_length: int, win_length: int) -> None:
        super().__init__()
        self.fft_size = fft_size
        self.hop_length = hop_length
        self.win_length = win_length
        self.register_buffer("window", torch.hann_window(win_length))

    def forward(self, x: Tensor) -> Tensor:
        """Return magnitudes ``[B, F, T_frames]`` of waveforms ``x [B, T]``, T above half of ``fft_size``."""
        with torch.autocast(x.device.type, enabled=False):
            spectrum = torch.stft(
                x.float(),
                self.fft_size,
                self.hop_length,
                self.win_length,
                self.window,
                center=True,
                pad_mode="reflect",
                return_complex=True,
            )
            power = spectrum.real.square() + spectrum.imag.square()
            return torch.sqrt(torch.clamp(power, min=FLOOR))
