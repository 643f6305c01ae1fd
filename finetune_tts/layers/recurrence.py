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
        self._transposed = weight.detach().to(offsets.dtype).t()
        self._inputs: list[Tensor] = []
        self._records = torch.is_grad_enabled() and weight.requires_grad
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
        if steps is not None and torch.is_grad_enabled() and memory.requires_grad:
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


class _LSTMStep(torch.autograd.Function):
    """The part of an LSTM cell after its products, with dropout of what it carries on."""

    @staticmethod
    def forward(
        context: Any, gates: Tensor, cell: Tensor, keep_hidden: Tensor | None, keep_cell: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        opened = gates.float()
        inward, forget, candidate, outward = opened.chunk(4, dim=1)
        inward, forget, outward = inward.sigmoid(), forget.sigmoid(), outward.sigmoid()
        candidate = candidate.tanh()
        new_cell = torch.addcmul(forget * cell, inward, candidate)
        squashed = new_cell.tanh()
        context.save_for_backward(inward, forget, candidate, outward, cell, squashed, keep_hidden, keep_cell)
        context.dtype = gates.dtype
        hidden = outward * squashed
        if keep_hidden is not None:
            hidden = hidden * keep_hidden
        if keep_cell is not None:
            new_cell = new_cell * keep_cell
        return hidden, new_cell

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        inward, forget, candidate, outward, cell, squashed, keep_hidden, keep_cell = context.saved_tensors
        d_hidden, d_cell = gradients
        if keep_hidden is not None:
            d_hidden = d_hidden * keep_hidden
        if keep_cell is not None:
            d_cell = d_cell * keep_cell
        d_cell = d_cell + d_hidden * outward * (1 - squashed * squashed)
        d_gates = torch.cat(
            [
                d_cell * candidate * (inward * (1 - inward)),
                d_cell * cell * (forget * (1 - forget)),
                d_cell * inward * (1 - candidate * candidate),
                d_hidden * squashed * (outward * (1 - outward)),
            ],
            dim=1,
        )
        return d_gates.to(context.dtype), d_cell * forget, None, None


def lstm_step(
    gates: Tensor, cell: Tensor, keep_hidden: Tensor | None = None, keep_cell: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return hidden and cell state ``[B, H]`` after a step, in float32.

    Args:
        gates: ``[B, 4H]`` sums of the products, in torch's order: input, forget, candidate, output.
        cell: ``[B, H]`` state before.
        keep_hidden, keep_cell: ``[B, H]`` factors of dropout (see :func:`dropout_factors`) for the states handed on.
    """
    hidden, new_cell = _LSTMStep.apply(gates, cell, keep_hidden, keep_cell)
    return hidden, new_cell


def dropout_factors(probability: float, *shape: int, like: Tensor) -> Tensor:
    """Return zeros with this probability, else what keeps the mean at 1: the dropout of many steps drawn at once."""
    kept = 1.0 - probability
    return torch.empty(shape, device=like.device).bernoulli_(kept).div_(kept)


def lstm_over_time(inputs: Tensor, weight_hh: Tensor, keep_hidden: Tensor | None = None) -> Tensor:
    """Run an LSTM whose hidden state is dropped out from step to step, which torch's own cannot.

    Args:
        inputs: ``[T, B, 4H]`` products of the inputs with their weights, with both biases.
        weight_hh: ``[4H, H]``.
        keep_hidden: ``[T, B, H]`` factors of dropout, or None.

    Returns:
        ``[T, B, H]`` hidden states, after dropout.
    """
    product = LateProduct(weight_hh, inputs)
    hidden = cell = inputs.new_zeros(inputs.shape[1], weight_hh.shape[1], dtype=torch.float32)
    hiddens = []
    for step in range(inputs.shape[0]):
        keep = None if keep_hidden is None else keep_hidden[step]
        hidden, cell = lstm_step(product(step, hidden), cell, keep)
        hiddens.append(hidden)
    return torch.stack(hiddens)
