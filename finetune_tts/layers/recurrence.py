"""Recurrences that are trained fast: what does not depend on the step before is taken out of the loop.

A recurrent weight of a decoder is read in every step, and in a naive backward pass its gradient is written and added
up in every step too, which takes most of the time: the matrices are large, the batch is small. Here the steps only
note their inputs, and one large product at the end makes the gradient of all of them (:class:`LateProduct`,
:class:`LateContext`).

Legend: B batch, T steps, S positions of the memory, I inputs, O outputs, H hidden channels, D memory channels.
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


class _LateMemoryGradient(torch.autograd.Function):
    """Hands ``offsets [T, B, D]`` on; backwards, makes the memory's gradient of all steps in one product."""

    @staticmethod
    def forward(context: Any, memory: Tensor, offsets: Tensor, weights: list[Tensor]) -> Tensor:
        context.weights = weights
        return offsets.view_as(offsets)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = gradients
        weights = torch.stack(context.weights, dim=2)  # [B, S, T]
        return torch.bmm(weights, gradient.transpose(0, 1).to(weights.dtype)).to(gradient.dtype), None, None


class LateContext:
    """Weighted sums of a memory, one a step.

    Every step has to be asked for, once and in order.

    Args:
        memory: ``[B, S, D]``.
        steps: T; None where it is not known, as in inference, which needs no gradient.
    """

    def __init__(self, memory: Tensor, steps: int | None) -> None:
        self._memory = memory
        self._weights: list[Tensor] = []
        self._offsets: tuple[Tensor, ...] | None = None
        if steps is not None and torch.is_grad_enabled() and memory.requires_grad and by_hand("context"):
            zeros = memory.new_zeros(steps, memory.shape[0], memory.shape[2])
            self._offsets = _LateMemoryGradient.apply(memory, zeros, self._weights).unbind(0)
            self._memory = memory.detach()

    def __call__(self, weights: Tensor) -> Tensor:
        """Return ``[B, D]`` for ``weights [B, S]``."""
        weights = weights.to(self._memory.dtype)
        if self._offsets is None:
            return torch.bmm(weights.unsqueeze(1), self._memory).squeeze(1)
        offset = self._offsets[len(self._weights)]
        self._weights.append(weights.detach())
        return torch.baddbmm(offset.unsqueeze(1), weights.unsqueeze(1), self._memory).squeeze(1)
