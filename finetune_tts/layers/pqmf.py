"""Pseudo quadrature mirror filters: a waveform ↔ sub-bands at a fraction of its sample rate.

A low-pass prototype (a Kaiser window, Lin and Vaidyanathan 1998) is shifted to the centre of each band by a cosine;
the phases are such that what one band lets in of its neighbour is cancelled when the bands are put together again
(Nguyen 1994). A vocoder that generates the sub-bands, which are shorter, is fast.

Dimensions: B batch, N bands, T_wav samples.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.precision import in_float32


class PQMF(nn.Module):
    """The filter bank; nothing in it is trained, and it works in float32 in a network of lower precision too.

    The names of its buffers, and that they stand in a checkpoint, follow released ones.

    Args:
        num_bands: ``N``.
        taps: order of the prototype filter, an even number.
        cutoff: of the prototype, as a share of half the sample rate.
        beta: shape of the prototype's Kaiser window.
    """

    H: Tensor
    G: Tensor
    updown_filter: Tensor

    def __init__(self, num_bands: int = 4, *, taps: int = 62, cutoff: float = 0.15, beta: float = 9.0) -> None:
        super().__init__()
        self.num_bands = num_bands
        self.taps = taps
        analysis, synthesis = filters(num_bands, taps, cutoff, beta)
        self.register_buffer("H", analysis.unsqueeze(1).float())  # [N, 1, taps + 1]
        self.register_buffer("G", synthesis.unsqueeze(0).float())  # [1, N, taps + 1]
        # One band each at every N-th sample: what takes the rate down and up.
        updown = torch.zeros(num_bands, num_bands, num_bands)
        updown[range(num_bands), range(num_bands), 0] = 1.0
        self.register_buffer("updown_filter", updown)

    def analysis(self, x: Tensor) -> Tensor:
        """Split waveforms ``[B, 1, T_wav]`` into bands ``[B, N, T_wav / N]``, the lowest first."""
        return in_float32(self._analysis, x)

    def synthesis(self, bands: Tensor) -> Tensor:
        """Put bands ``[B, N, T_wav / N]`` together to waveforms ``[B, 1, T_wav]``."""
        return in_float32(self._synthesis, bands)

    def _analysis(self, x: Tensor) -> Tensor:
        bands = F.conv1d(x, self.H, padding=self.taps // 2)
        return F.conv1d(bands, self.updown_filter, stride=self.num_bands)

    def _synthesis(self, bands: Tensor) -> Tensor:
        # N - 1 of N samples are zeros then, so the rest has to be N times as loud.
        spread = F.conv_transpose1d(bands, self.updown_filter * self.num_bands, stride=self.num_bands)
        return F.conv1d(spread, self.G, padding=self.taps // 2)


def filters(num_bands: int, taps: int, cutoff: float, beta: float) -> tuple[Tensor, Tensor]:
    """Return the filters for analysis and synthesis, ``[N, taps + 1]`` each, in double precision."""
    time = torch.arange(taps + 1, dtype=torch.float64)
    prototype = low_pass(taps, cutoff, beta)
    band = torch.arange(num_bands, dtype=torch.float64).unsqueeze(1)  # [N, 1]
    carrier = (2 * band + 1) * math.pi / (2 * num_bands) * (time - (taps - 1) / 2)  # [N, taps + 1]
    phase = (1 - 2 * (band % 2)) * math.pi / 4
    return 2 * prototype * torch.cos(carrier + phase), 2 * prototype * torch.cos(carrier - phase)


def low_pass(taps: int, cutoff: float, beta: float) -> Tensor:
    """Return a windowed-sinc low-pass filter ``[taps + 1]`` that passes a constant unchanged."""
    centred = torch.arange(taps + 1, dtype=torch.float64) - taps / 2
    window = torch.kaiser_window(taps + 1, periodic=False, beta=beta, dtype=torch.float64)
    response = cutoff * torch.sinc(cutoff * centred) * window
    return response / response.sum()
