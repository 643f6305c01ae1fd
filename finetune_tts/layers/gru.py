"""GRUs (Cho et al. 2014) over a whole sequence, forward and backward pass written out by hand for speed on a CPU.

torch's own adds to the gradient of the weights in every step. Here the steps only note what they see, and one large
product at the end makes that gradient, as it makes those of the inputs.

Legend: T steps, B batch, I inputs, H hidden channels. Weights hold torch's gates: reset, update, new. In the tensors of
a step, the hidden state's part of the new gate stands before them, so that the gradients of the hidden state's products
are the first three of four parts, and those of the inputs' products the last three.
"""

from typing import Any

import torch
from torch import Tensor, nn

from finetune_tts.layers.torch_layers import by_hand
from finetune_tts.layers.weight_norm import is_plain


def runs_by_hand(layer: nn.GRU, x: Tensor) -> bool:
    """Whether :func:`gru_over_time` is to be used for ``layer`` and inputs like ``x``: in training on a CPU."""
    return (
        layer.training
        and torch.is_grad_enabled()
        and x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.float64)
        and not torch.is_autocast_enabled("cpu")
        and by_hand("gru")
        and is_plain(layer)
    )


def gru_over_time(layer: nn.GRU, x: Tensor) -> Tensor:
    """Run a GRU of one layer and one direction from a state of zeros: ``x [T, B, I]`` to ``[T, B, H]``."""
    hidden: Tensor = _OverTime.apply(x, layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0)
    return hidden


class _OverTime(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, x: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor
    ) -> Tensor:
        steps, batch, _ = x.shape
        width = weight_hh.shape[1]
        gates = x.new_empty(steps, batch, 4 * width)
        torch.addmm(bias_ih, x.flatten(0, 1), weight_ih.t(), out=gates.flatten(0, 1)[:, width:])
        turned, bias = _new_first(weight_hh).t().contiguous(), _new_first(bias_hh)
        hiddens = x.new_empty(steps, batch, width)
        hidden = x.new_zeros(batch, width)
        for step in range(steps):
            seen = torch.addmm(bias, hidden, turned)
            now = gates[step]
            now[:, :width] = seen[:, :width]
            squashed = now[:, width : 3 * width].add_(seen[:, width:]).sigmoid_()
            reset, update = squashed[:, :width], squashed[:, width:]
            new = now[:, 3 * width :].addcmul_(reset, seen[:, :width]).tanh_()
            hidden = torch.lerp(new, hidden, update, out=hiddens[step])
        context.save_for_backward(x, weight_ih, weight_hh, hiddens)
        context.gates = gates
        return hiddens

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight_ih, weight_hh, hiddens = context.saved_tensors
        gates, context.gates = context.gates, None
        if gates is None:
            raise RuntimeError("The backward pass of a GRU works in place, so it can run only once.")
        (incoming,) = gradients
        width = weight_hh.shape[1]
        weight = _new_first(weight_hh)
        nothing = torch.zeros_like(hiddens[0])
        kept: Tensor = nothing  # what later steps say of the state
        for step in reversed(range(len(gates))):
            now = gates[step]
            of_state = incoming[step] + kept
            product, reset, update, new = now.split(width, dim=1)
            kept = of_state * update
            before = hiddens[step - 1] if step else nothing
            of_update = torch.ops.aten.sigmoid_backward(of_state * (before - new), update)
            of_new = torch.ops.aten.tanh_backward(of_state - kept, new)
            of_reset = torch.ops.aten.sigmoid_backward(of_new * product, reset)
            torch.mul(of_new, reset, out=product)
            reset.copy_(of_reset)
            update.copy_(of_update)
            new.copy_(of_new)
            kept.addmm_(now[:, : 3 * width], weight)
        rows = gates.flatten(0, 1)
        of_hidden, of_input = rows[:, : 3 * width], rows[:, width:]
        of_weight = of_hidden[gates.shape[1] :].t() @ hiddens[:-1].flatten(0, 1)
        wanted = context.needs_input_grad
        return (
            (of_input @ weight_ih).view_as(x) if wanted[0] else None,
            of_input.t() @ x.flatten(0, 1) if wanted[1] else None,
            _new_last(of_weight) if wanted[2] else None,
            of_input.sum(dim=0) if wanted[3] else None,
            _new_last(of_hidden.sum(dim=0)) if wanted[4] else None,
        )


def _new_first(gates: Tensor) -> Tensor:
    """Reset, update, new → new, reset, update."""
    reset_and_update, new = gates.split([len(gates) // 3 * 2, len(gates) // 3])
    return torch.cat([new, reset_and_update])


def _new_last(gates: Tensor) -> Tensor:
    """New, reset, update → reset, update, new."""
    new, reset_and_update = gates.split([len(gates) // 3, len(gates) // 3 * 2])
    return torch.cat([reset_and_update, new])
