"""Normalization over the channels of ``[B, C, T]`` tensors."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ChannelNorm(nn.Module):
    """Layer normalization over the channel axis of ``[B, C, T]`` (Ba et al. 2016).

    Statistics are taken over ``C`` at each time step, so padding does not leak into real frames. Parameters are
    named ``gamma`` and ``beta`` with shape ``[1, C, 1]``, as released checkpoints have them.
    """

    def __init__(self, channels: int, eps: float = 1e-4) -> None:
        super().__init__()
        self.eps = eps
        self.gamma = nn.Parameter(torch.ones(1, channels, 1))
        self.beta = nn.Parameter(torch.zeros(1, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Normalize ``x [B, C, T]``."""
        variance, mean = torch.var_mean(x, dim=1, keepdim=True, correction=0)
        return (x - mean) * torch.rsqrt(variance + self.eps) * self.gamma + self.beta


class FlatChannelNorm(nn.Module):
    """The same with parameters of shape ``[C]`` and a smaller constant."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.channels = channels
        self.eps = eps
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalize ``x [B, C, T]``."""
        x = F.layer_norm(x.transpose(1, 2), (self.channels,), self.gamma, self.beta, self.eps)  # [B, T, C]
        # As convolutions want it; what stands between in another order, forwards or backwards, is slow on a CPU.
        return x.transpose(1, 2).contiguous()
