"""Recurrences that are trained fast: what does not depend on the step before is taken out of the loop.

A recurrent weight of a decoder is read in every step, and in a naive backward pass its gradient is written and added
up in every step too, which takes most of the time: the matrices are large, the batch is small. Here the steps only
note their inputs, and one large product at the end makes the gradient of all of them (:class:`LateProduct`).

Legend: B batch, T steps, I inputs, O outputs.
"""

from typing import Any

import torch
from torch import Tensor

from finetune_tts.layers.torch_layers import by_hand


class _LateWeightGradient(torch.autograd.Function):
    """Hands ``offsets [T, B, O]`` on; backwards, makes the weight's gradient of all steps in one product."""

    @staticmethod
    def forward(context: Any, weight: Tensor, offsets: Tensor, inputs: list[Tensor]) -> Tensor:
        context.inputs, context.dtype = inputs, weight.dtype
        return offsets.view_as(offsets)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        (gradient,) = gradients
        inputs = torch.stack(context.inputs)  # [T, B, I]
        weight = gradient.flatten(0, 1).t() @ inputs.flatten(0, 1).to(gradient.dtype)
        return weight.to(context.dtype), gradient, None


class LateProduct:
    """``offset_t + x_t W^T``, where ``x_t`` is known only when step ``t`` comes.

    Every step has to be asked for, once and in order.

    Args:
        weight: ``[O, I]``.
        offsets: ``[T, B, O]``: bias, and whatever of the product was known beforehand; they decide the precision.
    """

    def __init__(self, weight: Tensor, offsets: Tensor) -> None:
        self._inputs: list[Tensor] = []
        self._records = torch.is_grad_enabled() and weight.requires_grad and by_hand("product")
        self._transposed = (weight.detach() if self._records else weight).to(offsets.dtype).t()
        if self._records:
            offsets = _LateWeightGradient.apply(weight, offsets, self._inputs)
        self._offsets = offsets.unbind(0)

    def __call__(self, step: int, x: Tensor) -> Tensor:
        """Return the product of this step, ``[B, O]``, for ``x [B, I]``."""
        x = x.to(self._transposed.dtype)
        if self._records:
            self._inputs.append(x.detach())
        return torch.addmm(self._offsets[step], x, self._transposed)
