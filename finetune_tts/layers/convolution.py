"""Convolutional encoder blocks over ``[B, C, T]``."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.dropout import dropout
from finetune_tts.layers.normalization import ChannelNorm


class ConvPrenet(nn.Module):
    """Normalized convolutions whose projection is added to their input: the prenet of the Glow-TTS encoder.

    The projection starts at zero, so an untrained prenet passes its input on unchanged.
    """

    def __init__(self, channels: int, *, kernel_size: int = 5, num_layers: int = 3, dropout: float = 0.5) -> None:
        super().__init__()
        self.dropout = dropout
        self.conv_layers = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel_size, padding=kernel_size // 2) for _ in range(num_layers)
        )
        self.norm_layers = nn.ModuleList(ChannelNorm(channels) for _ in range(num_layers))
        self.proj = nn.Conv1d(channels, channels, 1)
        nn.init.zeros_(self.proj.weight)
        assert self.proj.bias is not None
        nn.init.zeros_(self.proj.bias)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Map ``x [B, C, T]`` under ``mask [B, 1, T]``."""
        hidden = x
        for conv, norm in zip(self.conv_layers, self.norm_layers, strict=True):
            hidden = norm(conv(hidden * mask) * mask)
            hidden = dropout(torch.relu(hidden), self.dropout, self.training)
        return (x + self.proj(hidden)) * mask


class GatedConvEncoder(nn.Module):
    """Residual convolutions with gated linear units (Dauphin et al. 2017)."""

    def __init__(self, channels: int, *, kernel_size: int, num_layers: int, dropout_p: float) -> None:
        super().__init__()
        self.dropout = dropout_p
        self.conv_layers = nn.ModuleList(
            nn.Conv1d(channels, 2 * channels, kernel_size, padding=kernel_size // 2) for _ in range(num_layers)
        )
        self.norm_layers = nn.ModuleList(ChannelNorm(2 * channels) for _ in range(num_layers))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Encode ``x [B, C, T]`` under ``mask [B, 1, T]``."""
        for conv, norm in zip(self.conv_layers, self.norm_layers, strict=True):
            hidden = dropout(x, self.dropout, self.training)
            x = x + F.glu(norm(conv(hidden * mask)), dim=1)
        return x


class ConvBatchNorm(nn.Module):
    """Convolution, zero padding to the input's length, ReLU and batch normalization, in this order."""

    def __init__(self, channels: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        padding = dilation * (kernel_size - 1)
        self.padding = (padding // 2, padding - padding // 2)
        self.conv1d = nn.Conv1d(channels, channels, kernel_size, dilation=dilation)
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x [B, C, T]``. A sequence shorter than the dilated kernel leaves nothing but padding."""
        steps, missing = x.shape[-1], sum(self.padding)
        if torch.onnx.is_in_onnx_export():  # an exported graph has no branches: what lies beyond the end is set to zero
            inside = torch.arange(steps, device=x.device) < steps - missing
            hidden = self.conv1d(F.pad(x, (0, missing))) * inside
            return self.norm(torch.relu(F.pad(hidden, (self.padding[0], 0))[..., :steps]))
        if steps <= missing:
            return self.norm(torch.zeros_like(x))
        return self.norm(torch.relu(F.pad(self.conv1d(x), self.padding)))


class ConvBatchNormStack(nn.Module):
    """Several :class:`ConvBatchNorm` in a row."""

    def __init__(self, channels: int, kernel_size: int, dilation: int, num_blocks: int) -> None:
        super().__init__()
        self.conv_bn_blocks = nn.Sequential(
            *(ConvBatchNorm(channels, kernel_size, dilation) for _ in range(num_blocks))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x [B, C, T]``."""
        return self.conv_bn_blocks(x)


class ResidualConvEncoder(nn.Module):
    """Residual stacks of dilated convolutions with batch normalization, as in SpeedySpeech (Vainer and Dušek 2020)."""

    def __init__(
        self,
        channels: int,
        *,
        kernel_size: int,
        dilations: Sequence[int],
        num_res_blocks: int,
        num_conv_blocks: int = 2,
    ) -> None:
        super().__init__()
        if len(dilations) != num_res_blocks:
            raise ValueError(f"{len(dilations)} dilations are given for {num_res_blocks} residual blocks.")
        self.res_blocks = nn.ModuleList(
            ConvBatchNormStack(channels, kernel_size, dilation, num_conv_blocks) for dilation in dilations
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Encode ``x [B, C, T]`` under ``mask [B, 1, T]``."""
        x = x * mask
        for block in self.res_blocks:
            x = (x + block(x)) * mask
        return x
