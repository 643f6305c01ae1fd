"""The WaveNet-like stack of gated, dilated convolutions inside coupling layers and posterior encoders."""

import torch
from torch import Tensor, nn

from finetune_tts.layers.dropout import dropout
from finetune_tts.layers.gated_layer import Gate, gated_layer
from finetune_tts.layers.packed_frames import PackedFrames
from finetune_tts.layers.quick_convolution import KERNEL
from finetune_tts.layers.recomputing import Recomputing
from finetune_tts.layers.torch_layers import by_hand
from finetune_tts.layers.weight_norm import WeightNormConv1d, is_plain


class WaveNet(Recomputing):
    """Gated convolutions with residual and skip connections, not causal (van den Oord et al. 2016).

    Args:
        channels: width ``C`` of input, output and residual stream.
        kernel_size: odd kernel length.
        dilation_rate: layer ``i`` is dilated by ``dilation_rate ** i``.
        num_layers: number of gated convolutions.
        condition_channels: width of the global condition (a speaker vector); 0 for none.
        dropout: probability with which the input of a gate is dropped.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int,
        *,
        dilation_rate: int = 1,
        num_layers: int,
        condition_channels: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size {kernel_size} is even; a WaveNet stack needs an odd one to keep the length.")
        self.channels = channels
        self.can_pack = kernel_size == KERNEL and (dilation_rate == 1 or num_layers == 1) and dropout < 1.0
        self.num_layers = num_layers
        self.dropout = dropout
        self.in_layers = nn.ModuleList()
        self.res_skip_layers = nn.ModuleList()
        if condition_channels > 0:
            self.cond_layer = WeightNormConv1d(condition_channels, 2 * channels * num_layers, 1)
        for index in range(num_layers):
            dilation = dilation_rate**index
            padding = dilation * (kernel_size - 1) // 2
            self.in_layers.append(
                WeightNormConv1d(channels, 2 * channels, kernel_size, dilation=dilation, padding=padding)
            )
            # The last layer feeds no further one, so it has only a skip half.
            last = index == num_layers - 1
            self.res_skip_layers.append(WeightNormConv1d(channels, channels if last else 2 * channels, 1))

    def forward(self, x: Tensor, mask: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return the sum of the skip connections.

        Args:
            x: ``[B, C, T]``.
            mask: ``[B, 1, T]``, 1 inside the sequence.
            condition: ``[B, condition_channels, 1]`` or None.

        Returns:
            ``[B, C, T]``, masked.
        """
        if self.packs(x):
            frames = PackedFrames(mask.to(x.dtype))
            return frames.unpack(self.over_rows(frames.pack(x), frames, condition))
        output = torch.zeros_like(x)
        shifts = self.cond_layer(condition).chunk(self.num_layers, dim=1) if condition is not None else None
        for index, (gate_layer, res_skip_layer) in enumerate(zip(self.in_layers, self.res_skip_layers, strict=True)):
            shift = shifts[index] if shifts is not None else None
            res_skip = self.through(self._layer, gate_layer, res_skip_layer, x, shift)
            if index < self.num_layers - 1:
                residual, skip = res_skip.chunk(2, dim=1)
                x = (x + residual) * mask
                output = output + skip
            else:
                output = output + res_skip
        return output * mask

    def packs(self, x: Tensor) -> bool:
        """Whether training goes over packed frames here, which is faster on a CPU; see :meth:`over_rows`.

        A number may differ from torch's by a few more roundings, so that nobody but training has it so.
        """
        return (
            self.can_pack
            and self.training
            and torch.is_grad_enabled()
            and x.device.type == "cpu"
            and x.dtype in (torch.float32, torch.float64)
            and not torch.is_autocast_enabled("cpu")
            and by_hand("wavenet")
            and all(map(is_plain, (*self.in_layers, *self.res_skip_layers)))
        )

    def over_rows(self, x: Tensor, frames: PackedFrames, condition: Tensor | None = None) -> Tensor:
        """:meth:`forward` over ``x [N, C]``, rows of ``frames``, whose blank ones are zero; those returned are not."""
        shifts = self.cond_layer(condition).squeeze(2).chunk(self.num_layers, dim=1) if condition is not None else None
        skips = None
        for index, (gate_layer, res_skip_layer) in enumerate(zip(self.in_layers, self.res_skip_layers, strict=True)):
            shift = shifts[index] if shifts is not None else None
            x, skips = self.through(self._packed_layer, gate_layer, res_skip_layer, x, skips, shift, frames)
        assert skips is not None
        return skips

    def _packed_layer(
        self,
        gate_layer: WeightNormConv1d,
        res_skip_layer: WeightNormConv1d,
        x: Tensor,
        skips: Tensor | None,
        shift: Tensor | None,
        frames: PackedFrames,
    ) -> tuple[Tensor | None, Tensor]:
        assert gate_layer.bias is not None
        assert res_skip_layer.bias is not None
        mixing = res_skip_layer.effective_weight().squeeze(2)
        weights = (gate_layer.effective_weight(), gate_layer.bias, mixing, res_skip_layer.bias)
        return gated_layer(x, skips, weights, shift, Gate(frames, self.dropout))

    def _layer(self, gate_layer: nn.Module, res_skip_layer: nn.Module, x: Tensor, shift: Tensor | None) -> Tensor:
        """What a layer adds to ``x [B, C, T]`` and to the skips, ``[B, 2C, T]``; the last one only the latter."""
        gate = dropout(gate_layer(x), self.dropout, self.training)
        if shift is not None:
            gate = gate + shift
        filtered, gated = gate.chunk(2, dim=1)  # two times [B, C, T]
        mixed: Tensor = res_skip_layer(torch.tanh(filtered) * torch.sigmoid(gated))
        return mixed
