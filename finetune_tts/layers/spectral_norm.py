"""Convolutions with spectral normalization under the names that released checkpoints use.

Spectral norm divides a weight by its largest singular value, which keeps a discriminator from growing steep
(Miyato et al. 2018). That value comes from power iteration, one step each training pass, whose two vectors are
buffers: releases call them ``weight_u`` and ``weight_v``, and the weight before the division ``weight_orig``.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EPSILON = 1e-12  # the least norm that a vector is divided by


class SpectralNormed(nn.Module):
    """A convolution whose weight has the spectral norm 1, seen as the matrix ``[out_channels, all the rest]``.

    Args:
        initial: gives the first values of weight and bias.
    """

    weight_u: Tensor
    weight_v: Tensor

    def __init__(self, initial: nn.Conv1d | nn.Conv2d) -> None:
        super().__init__()
        self.bias = None if initial.bias is None else nn.Parameter(initial.bias.detach())
        self.weight_orig = nn.Parameter(initial.weight.detach())
        rows, columns = self.weight_orig.flatten(1).shape
        self.register_buffer("weight_u", F.normalize(torch.randn(rows), dim=0, eps=EPSILON))
        self.register_buffer("weight_v", F.normalize(torch.randn(columns), dim=0, eps=EPSILON))

    def effective_weight(self) -> Tensor:
        """Return the weight that the convolution uses; in training mode the singular value is brought up to date."""
        matrix = self.weight_orig.flatten(1)  # [rows, columns]
        with torch.autocast(matrix.device.type, enabled=False):  # iterated, so rounding would add up
            if self.training:
                with torch.no_grad():
                    self.weight_v.copy_(F.normalize(matrix.t().mv(self.weight_u), dim=0, eps=EPSILON))
                    self.weight_u.copy_(F.normalize(matrix.mv(self.weight_v), dim=0, eps=EPSILON))
            # Copies, as a second pass before the backward one changes the buffers in place.
            u, v = self.weight_u.clone(), self.weight_v.clone()
            return self.weight_orig / torch.dot(u, matrix.mv(v))


class SpectralNormConv1d(SpectralNormed):
    """1-D convolution with spectral norm: ``[B, in_channels, T]`` to ``[B, out_channels, T']``."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        padding: int = 0,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(nn.Conv1d(in_channels, out_channels, kernel_size, groups=groups, bias=bias))
        self.stride = stride
        self.dilation = dilation
        self.padding = padding
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        """Convolve ``x [B, in_channels, T]``."""
        return F.conv1d(
            x, self.effective_weight(), self.bias, self.stride, self.padding, self.dilation, groups=self.groups
        )


class SpectralNormConv2d(SpectralNormed):
    """2-D convolution with spectral norm: ``[B, in_channels, H, W]`` to ``[B, out_channels, H', W']``."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, int],
        *,
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
        bias: bool = True,
    ) -> None:
        super().__init__(nn.Conv2d(in_channels, out_channels, kernel_size, bias=bias))
        self.stride = stride
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        """Convolve ``x [B, in_channels, H, W]``."""
        return F.conv2d(x, self.effective_weight(), self.bias, self.stride, self.padding)
