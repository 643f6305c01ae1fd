"""Resampling inside a network: on any device, with gradients.

Recordings that are read from files go through soxr (``audio/reading.py``), which is better and knows no gradients.
"""

import math
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.precision import in_float32
from finetune_tts.layers.torch_layers import by_hand

_ZERO_CROSSINGS = 6
_ROLL_OFF = 0.99  # of the lower Nyquist frequency


class Resampler(nn.Module):
    """Band-limited interpolation, in float32 at least, with a sinc under a Hann window.

    One filter for each phase between the two grids, all applied in one convolution (Smith and Gossett 1984, "A flexible
    sampling-rate conversion method").

    Args:
        source_rate: of what comes in, in Hz.
        target_rate: of what goes out, in Hz.
    """

    kernel: Tensor

    def __init__(self, *, source_rate: int, target_rate: int) -> None:
        super().__init__()
        divisor = math.gcd(source_rate, target_rate)
        self.step, self.phases = source_rate // divisor, target_rate // divisor
        cutoff = min(self.step, self.phases) * _ROLL_OFF
        self.reach = math.ceil(_ZERO_CROSSINGS * self.step / cutoff)
        places = torch.arange(-self.reach, self.reach + self.step, dtype=torch.float64) / self.step
        moments = torch.arange(self.phases, dtype=torch.float64) / self.phases
        # Distances in zero crossings of the filter: [phases, 2 reach + step]
        distance = ((places - moments.unsqueeze(1)) * cutoff).clamp(-_ZERO_CROSSINGS, _ZERO_CROSSINGS)
        window = torch.cos(distance * math.pi / (2 * _ZERO_CROSSINGS)).square()
        kernel = torch.sinc(distance) * window * cutoff / self.step
        self.register_buffer("kernel", kernel.float().unsqueeze(1), persistent=False)  # [phases, 1, 2 reach + step]

    def forward(self, waveform: Tensor) -> Tensor:
        """``[B, T]`` at the source's rate to ``[B, ceil(T * target / source)]``."""
        if self.step == self.phases:
            return waveform
        length = waveform.shape[1]
        padded = F.pad(waveform, (self.reach, self.reach + self.step)).unsqueeze(1)
        phases = in_float32(partial(F.conv1d, stride=self.step), padded, self.kernel)  # [B, phases, T / step]
        return phases.transpose(1, 2).flatten(1)[:, : math.ceil(length * self.phases / self.step)]


class Stretch(nn.Module):
    """Repeats every frame: ``[B, 1, C, T]`` to ``[B, 1, C, T * factor]``."""

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """Stretch the last axis of ``x``."""
        return x.repeat_interleave(self.factor, dim=-1)


def stretch_and_smooth(x: Tensor, weight: Tensor) -> Tensor:
    """Repeat every frame, then filter along time.

    On a CPU the repeated frames are never made: as the filter reaches from the middle over one factor to either side,
    it sees three different frames, each with a sum of its taps, and the sums follow from where it stands alone.

    Args:
        x: ``[B, 1, C, T]``.
        weight: ``[1, 1, 1, 2 * factor + 1]``.

    Returns:
        ``[B, 1, C, T * factor]``.
    """
    factor = weight.shape[-1] // 2
    if x.device.type != "cpu" or not by_hand("stretch"):
        return F.conv2d(x.repeat_interleave(factor, dim=-1), weight, padding=(0, factor))
    phase, tap = torch.arange(factor).unsqueeze(1), torch.arange(2 * factor + 1)
    frame = (phase + tap) // factor  # [factor, 2 * factor + 1]: 0 the one before, 1 the own, 2 the next
    sees = (frame.unsqueeze(0) == torch.arange(3).view(3, 1, 1)).to(weight.dtype)
    kernel = sees @ weight.flatten()  # [3, factor]
    neighbours = F.pad(x, (1, 1)).unfold(-1, 3, 1)  # [B, 1, C, T, 3]
    return (neighbours @ kernel).flatten(-2)
