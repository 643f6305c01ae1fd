"""Convolutions over signals whose channels lie side by side in memory, as a CPU's kernels want them.

torch's 1-D convolution brings every input into the order of its shape, ``[B, C, T]``, and its kernels take that apart
again: of long signals with few channels that costs a third of the time. A 2-D convolution over an axis of length 1
takes a signal as it lies. So a network calls :func:`channels_last` where it begins; what is computed element by
element keeps the order, and :func:`conv1d` and :func:`conv_transpose1d` follow it. Shapes stay ``[B, C, T]``.
"""

from torch import Tensor, nn
from torch.jit._trace import is_tracing
from torch.nn import functional as F

from finetune_tts.layers.torch_layers import by_hand


def channels_last(x: Tensor) -> Tensor:
    """Lay the channels of ``x [B, C, T]`` side by side, where that is of use: on a CPU."""
    if x.device.type != "cpu" or is_tracing() or not by_hand("channels_last"):
        return x
    return x.transpose(1, 2).contiguous().transpose(1, 2)


def conv1d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Tensor:
    """``F.conv1d`` that leaves channels where they lie: ``[B, in_channels, T]`` to ``[B, out_channels, T']``."""
    if not _is_channels_last(x) or groups > 1:
        return F.conv1d(x, weight, bias, stride, padding, dilation, groups)
    y = F.conv2d(x.unsqueeze(2), weight.unsqueeze(2), bias, (1, stride), (0, padding), (1, dilation))
    return y.squeeze(2)


def conv_transpose1d(
    x: Tensor, weight: Tensor, bias: Tensor | None, *, stride: int = 1, padding: int = 0, output_padding: int = 0
) -> Tensor:
    """``F.conv_transpose1d`` that leaves channels where they lie."""
    if not _is_channels_last(x):
        return F.conv_transpose1d(x, weight, bias, stride, padding, output_padding)
    y = F.conv_transpose2d(x.unsqueeze(2), weight.unsqueeze(2), bias, (1, stride), (0, padding), (0, output_padding))
    return y.squeeze(2)


class Conv1d(nn.Conv1d):
    """torch's layer, leaving channels where they lie."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve ``x [B, in_channels, T]``."""
        (stride,), (dilation,) = self.stride, self.dilation
        assert isinstance(self.padding, tuple)
        (padding,) = self.padding
        return conv1d(x, self.weight, self.bias, stride=stride, padding=padding, dilation=dilation, groups=self.groups)


def _is_channels_last(x: Tensor) -> bool:
    return x.device.type == "cpu" and x.shape[1] > 1 and x.stride(1) == 1
