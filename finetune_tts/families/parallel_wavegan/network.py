"""Parallel WaveGAN's generator: noise and mel spectrogram → waveform (Yamamoto, Song and Kim 2020).

A WaveNet that is not autoregressive: stacks of gated, dilated convolutions turn white noise into a waveform, with the
mel spectrogram, stretched to the sample rate, as condition at every layer. https://arxiv.org/abs/1910.11480

Dimensions: B batch, C channels, T frames, T_wav samples.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.dropout import dropout
from finetune_tts.layers.precision import at_least_float32, in_float32
from finetune_tts.layers.resampling import Stretch
from finetune_tts.layers.weight_norm import WeightNormConv1d, WeightNormConv2d, fold_weight_norm

#: Factor of the residual stream. The paper has the square root of 0.5, which keeps the variance; the released
#: models were trained with this one.
RESIDUAL_SCALE = 0.25


class GatedResidualBlock(nn.Module):
    """A gated, dilated convolution with a residual and a skip output.

    Args:
        kernel_size: odd kernel length.
        res_channels: channels of the residual stream.
        gate_channels: channels of the convolution, half of them for the gate.
        skip_channels: channels of the skip output.
        aux_channels: channels of the condition; 0 for none.
        dropout: probability with which an input is dropped.
        dilation: of the convolution.
        bias: whether the convolutions have one.
    """

    def __init__(
        self,
        *,
        kernel_size: int = 3,
        res_channels: int = 64,
        gate_channels: int = 128,
        skip_channels: int = 64,
        aux_channels: int = 80,
        dropout: float = 0.0,
        dilation: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.conv = WeightNormConv1d(
            res_channels,
            gate_channels,
            kernel_size,
            padding=(kernel_size - 1) // 2 * dilation,
            dilation=dilation,
            bias=bias,
        )
        if aux_channels > 0:
            self.conv1x1_aux = WeightNormConv1d(aux_channels, gate_channels, 1, bias=False)
        self.conv1x1_out = WeightNormConv1d(gate_channels // 2, res_channels, 1, bias=bias)
        self.conv1x1_skip = WeightNormConv1d(gate_channels // 2, skip_channels, 1, bias=bias)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the residual stream ``[B, res_channels, T_wav]`` and the skip output ``[B, skip_channels, T_wav]``.

        Args:
            x: ``[B, res_channels, T_wav]``.
            condition: ``[B, aux_channels, T_wav]`` or None.
        """
        gate = self.conv(dropout(x, self.dropout, self.training))  # [B, gate_channels, T_wav]
        if condition is not None:
            gate = gate + self.conv1x1_aux(condition)
        filtered, gated = gate.chunk(2, dim=1)
        hidden = torch.tanh(filtered) * torch.sigmoid(gated)
        return (self.conv1x1_out(hidden) + x) * RESIDUAL_SCALE, self.conv1x1_skip(hidden)


class StretchAndSmooth(nn.Module):
    """Repetition by each factor, and a convolution along time, the same for all bands, that smooths the steps."""

    def __init__(self, upsample_factors: Sequence[int]) -> None:
        super().__init__()
        self.up_layers = nn.ModuleList()
        for factor in upsample_factors:
            self.up_layers.append(Stretch(factor))
            self.up_layers.append(WeightNormConv2d(1, 1, (1, 2 * factor + 1), padding=(0, factor), bias=False))

    def forward(self, condition: Tensor) -> Tensor:
        """Stretch ``condition [B, C, T]`` to ``[B, C, T_wav]``."""
        x = condition.unsqueeze(1)  # [B, 1, C, T]
        for layer in self.up_layers:
            x = layer(x)
        return x.squeeze(1)


class ConditionUpsampling(nn.Module):
    """A mel spectrogram ``[B, C, T]`` at the sample rate, ``[B, C, T_wav]``."""

    def __init__(self, channels: int, upsample_factors: Sequence[int]) -> None:
        super().__init__()
        self.conv_in = WeightNormConv1d(channels, channels, 1, bias=False)
        self.upsample = StretchAndSmooth(upsample_factors)

    def forward(self, mel: Tensor) -> Tensor:
        """Stretch ``mel [B, C, T]``."""
        return self.upsample(self.conv_in(mel))


class ParallelWaveganGenerator(nn.Module):
    """The generator.

    Args:
        in_channels: channels of the noise.
        out_channels: waveforms that come out.
        kernel_size: odd kernel length of the dilated convolutions.
        num_res_blocks: gated convolutions, in all stacks together.
        stacks: within a stack each dilation is twice the one before.
        res_channels, gate_channels, skip_channels: see :class:`GatedResidualBlock`.
        aux_channels: mel bands.
        dropout: see :class:`GatedResidualBlock`.
        bias: whether the dilated convolutions have one.
        upsample_factors: their product is the hop length.
        inference_padding: frames that :meth:`inference` repeats at both ends.

    Raises:
        ValueError: ``num_res_blocks`` is no multiple of ``stacks``, or the kernel is even.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        out_channels: int = 1,
        kernel_size: int = 3,
        num_res_blocks: int = 30,
        stacks: int = 3,
        res_channels: int = 64,
        gate_channels: int = 128,
        skip_channels: int = 64,
        aux_channels: int = 80,
        dropout: float = 0.0,
        bias: bool = True,
        upsample_factors: Sequence[int] = (4, 4, 4, 4),
        inference_padding: int = 2,
    ) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size {kernel_size} is even; an odd one is needed to keep the length.")
        self.in_channels = in_channels
        self.hop_length = math.prod(upsample_factors)
        self.inference_padding = inference_padding
        self.first_conv = WeightNormConv1d(in_channels, res_channels, 1)
        self.upsample_net = ConditionUpsampling(aux_channels, upsample_factors)
        self.conv_layers = nn.ModuleList(
            GatedResidualBlock(
                kernel_size=kernel_size,
                res_channels=res_channels,
                gate_channels=gate_channels,
                skip_channels=skip_channels,
                aux_channels=aux_channels,
                dropout=dropout,
                dilation=dilation,
                bias=bias,
            )
            for dilation in stacked_dilations(num_res_blocks, stacks)
        )
        self.last_conv_layers = nn.ModuleList(
            [
                nn.ReLU(),
                WeightNormConv1d(skip_channels, skip_channels, 1),
                nn.ReLU(),
                WeightNormConv1d(skip_channels, out_channels, 1),
            ]
        )

    def forward(self, mel: Tensor, noise: Tensor | None = None) -> Tensor:
        """Generate waveforms.

        Args:
            mel: ``[B, aux_channels, T]``.
            noise: ``[B, in_channels, T_wav]``, standard normal; None draws it.

        Returns:
            ``[B, out_channels, T_wav]``.
        """
        if noise is None:
            shape = (mel.shape[0], self.in_channels, mel.shape[2] * self.hop_length)
            noise = torch.randn(shape, device=mel.device, dtype=mel.dtype)
        condition = self.upsample_net(mel)
        x = self.first_conv(noise)
        x = sum_of_skips(self.conv_layers, x, condition)
        *layers, projection = self.last_conv_layers
        for layer in layers:
            x = layer(x)
        # A waveform is heard to sixteen bits, bfloat16 has eight.
        return in_float32(projection, x)

    @torch.no_grad()
    def inference(self, mel: Tensor, noise: Tensor | None = None) -> Tensor:
        """Generate waveforms of ``mel [B, aux_channels, T]`` with the frames at both ends repeated.

        Args:
            mel: ``[B, aux_channels, T]``.
            noise: as in :meth:`forward`, as long as what is returned.

        Returns:
            ``[B, out_channels, T_wav]``, longer than the spectrogram by ``2 * inference_padding`` frames.
        """
        return self(F.pad(mel, (self.inference_padding, self.inference_padding), "replicate"), noise)

    def prepare_for_inference(self) -> None:
        """Fold weight norm, in place."""
        fold_weight_norm(self)


def stacked_dilations(num_layers: int, stacks: int) -> list[int]:
    """Return the dilation of each layer: powers of two that start again in every stack.

    Raises:
        ValueError: the layers cannot be shared out evenly.
    """
    if stacks < 1 or num_layers % stacks:
        raise ValueError(f"{num_layers} layers cannot be shared out evenly among {stacks} stacks.")
    per_stack = num_layers // stacks
    return [2 ** (index % per_stack) for index in range(num_layers)]


def sum_of_skips(blocks: nn.ModuleList, x: Tensor, condition: Tensor | None = None) -> Tensor:
    """Run gated blocks one after the other and return the sum of their skip outputs, at the variance of one."""
    total: Tensor | float = 0.0
    for block in blocks:
        x, skip = block(x, condition)
        # In bfloat16 a long sum would round away what is added last.
        total = total + at_least_float32(skip)
    assert isinstance(total, Tensor)
    return total * math.sqrt(1.0 / len(blocks))
