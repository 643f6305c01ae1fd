"""A layer of a WaveNet over packed frames, with a forward and a backward pass of its own.

What a layer computes and keeps is bound by memory where it is not a product of matrices, so nothing is copied, masked
or added up twice: the two halves of a gate are separate tensors, and the sums of residuals and skips are taken by the
matrix products themselves.

Legend: B batch, C channels, N rows, P points and n tiles of :mod:`~finetune_tts.layers.quick_convolution`.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from finetune_tts.layers import quick_convolution
from finetune_tts.layers.dropout import random_factors
from finetune_tts.layers.packed_frames import PackedFrames


@dataclass(frozen=True)
class Gate:
    """What a layer is beside its weights."""

    frames: PackedFrames
    dropout: float
    """Probability with which an input of the gate is dropped."""


def gated_layer(
    x: Tensor | None,
    skips: Tensor | None,
    weights: tuple[Tensor, Tensor, Tensor, Tensor],
    shift: Tensor | None,
    gate: Gate,
) -> tuple[Tensor | None, Tensor]:
    """Run a layer.

    Args:
        x: ``[N, C]`` with blank rows of zeros.
        skips: ``[N, C]``, the sum of the skip connections before; None for the first layer.
        weights: ``[2C, C, 5]`` and bias of the convolution; ``[2C, C]``, or ``[C, C]`` for the last layer, and bias of
            what follows the gate.
        shift: ``[B, 2C]``, the condition of each sequence, added before the gate; or None.
        gate: frames and dropout.

    Returns:
        the input of the next layer, None behind the last, and the sum of the skip connections, whose blank rows hold
        anything.
    """
    result: tuple[Tensor | None, Tensor] = _GatedLayer.apply(x, skips, *weights, shift, gate)
    return result


class _GatedLayer(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any,
        x: Tensor,
        skips: Tensor | None,
        weight: Tensor,
        bias: Tensor,
        mixing: Tensor,
        mixing_bias: Tensor,
        shift: Tensor | None,
        gate: Gate,
    ) -> tuple[Tensor | None, Tensor]:
        frames, channels = gate.frames, x.shape[1]
        values, taps = quick_convolution.inputs_at_points(x), quick_convolution.weight_at_points(weight)
        halves, factors = [], []
        for index in range(2):
            part = slice(index * channels, (index + 1) * channels)
            half = quick_convolution.outputs(torch.bmm(values, taps[:, part].transpose(1, 2)), bias[part])
            if gate.dropout:
                factors.append(random_factors(half.shape, gate.dropout, half.dtype))
                half *= factors[-1]
            if shift is not None:
                half += shift[:, part].index_select(0, frames.sequence)
            halves.append(half.tanh_() if index == 0 else half.sigmoid_())
        filtered, gated = halves
        mixed = frames.clear_(filtered * gated)  # [N, C]
        of_residual, of_skip = (mixing[:channels], mixing[channels:]) if len(mixing) > channels else (None, mixing)
        bias_of_skip = mixing_bias[-channels:]
        if skips is None:
            skips = torch.addmm(bias_of_skip, mixed, of_skip.t())
        else:
            skips = torch.addmm(skips, mixed, of_skip.t()).add_(bias_of_skip)
        following = None
        if of_residual is not None:
            following = torch.addmm(x, mixed, of_residual.t()).add_(mixing_bias[:channels])
            frames.clear_(following)
        context.gate = gate
        context.save_for_backward(values, weight, mixing, filtered, gated, mixed, *factors)
        return following, skips

    @staticmethod
    def backward(context: Any, *gradients: Any) -> tuple[Tensor | None, ...]:
        values, weight, mixing, filtered, gated, mixed, *factors = context.saved_tensors
        frames, channels = context.gate.frames, mixed.shape[1]
        of_following, of_skips = gradients
        of_x, _, of_weight, of_bias, of_mixing, of_mixing_bias, of_shift, _ = context.needs_input_grad
        # The blank rows of what comes back count for nothing: those of ``mixed`` are zero, those of the rest cleared.
        incoming = [of_skips] if of_following is None else [of_following, of_skips]
        parts = mixing.split(channels)
        of_mixed = incoming[0] @ parts[0]
        for gradient, part in zip(incoming[1:], parts[1:], strict=True):
            of_mixed.addmm_(gradient, part)
        mixing_gradient = torch.cat([gradient.t() @ mixed for gradient in incoming]) if of_mixing else None
        mixing_bias_gradient = (
            torch.cat([gradient.t() @ frames.inside for gradient in incoming]) if of_mixing_bias else None
        )
        frames.clear_(of_mixed)
        # Each half of the gate: what comes back before its function, its shift and its dropout.
        halves = [
            torch.ops.aten.tanh_backward(of_mixed * gated, filtered),
            torch.ops.aten.sigmoid_backward(of_mixed.mul_(filtered), gated),
        ]
        shift_gradient = torch.cat([frames.total(half) for half in halves], dim=1) if of_shift else None
        for half, factor in zip(halves, factors, strict=False):
            half *= factor
        bias_gradient = torch.cat([half.sum(dim=0) for half in halves]) if of_bias else None
        taps = quick_convolution.weight_at_points(weight)
        of_values, of_taps = None, torch.empty_like(taps) if of_weight else None
        for index, half in enumerate(halves):
            part = slice(index * channels, (index + 1) * channels)
            products = quick_convolution.gradient_of_products(half)
            if of_taps is not None:
                of_taps[:, part] = torch.bmm(products.transpose(1, 2), values)
            if of_x:
                if of_values is None:
                    of_values = torch.bmm(products, taps[:, part])
                else:
                    of_values.baddbmm_(products, taps[:, part])
        x_gradient = None
        if of_values is not None:
            x_gradient = quick_convolution.gradient_of_inputs(of_values)
            if of_following is not None:
                x_gradient += of_following
        weight_gradient = None if of_taps is None else quick_convolution.gradient_of_weight(of_taps)
        return (
            x_gradient,
            of_skips if context.needs_input_grad[1] else None,
            weight_gradient,
            bias_gradient,
            mixing_gradient,
            mixing_bias_gradient,
            shift_gradient,
            None,
        )
