"""LSTMs (Hochreiter and Schmidhuber 1997) of a decoder, with dropout between the steps, which torch's own cannot do.

Written out by hand, backward pass included, for speed with small batches:

- The steps only note what they see; one large product at the end makes the gradient of the weights.
- A product in the loop is one of a large matrix with few columns, which is twice as fast on a CPU as the same
  product of few rows with a large matrix.
- What the backward pass multiplies gradients with is computed for all steps at once, and the gradients of the gates
  take its place in memory.

Legend: B batch, T steps, I inputs that are known only when their step comes, H hidden channels. Gates are in torch's
order: input, forget, candidate, output.
"""

from typing import Any

import torch
from torch import Tensor

from finetune_tts.layers.dropout import dropout_factors
from finetune_tts.layers.torch_layers import by_hand


class LSTMLoop:
    """An LSTM that runs step by step; each step has to be asked for, once and in order.

    Args:
        weight: ``[4H, I + H]`` of the inputs that are not in ``offsets``, then of the hidden state.
        offsets: ``[T, B, 4H]`` what is known of the gates beforehand: biases, and the products of the other inputs.
            They decide the precision of the products; all else is in float32 at least.
        dropout: of the hidden state that is handed on.
        cell_dropout: of the cell state that is handed on.
    """

    def __init__(self, weight: Tensor, offsets: Tensor, *, dropout: float = 0.0, cell_dropout: float = 0.0) -> None:
        loop = _HandWrittenLoop if by_hand("lstm") else _TorchLoop
        self._loop = loop(weight, offsets, dropout, cell_dropout)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the hidden state ``[B, H]`` for ``x [B, I]``."""
        return self._loop.advance(x)


def lstm_over_time(inputs: Tensor, weight_hh: Tensor, *, dropout: float = 0.0) -> Tensor:
    """Run an LSTM whose inputs are all known.

    Args:
        inputs: ``[T, B, 4H]`` products of the inputs with their weights, with both biases.
        weight_hh: ``[4H, H]``.
        dropout: of the hidden state that is handed on, and returned.

    Returns:
        ``[T, B, H]`` hidden states.
    """
    if by_hand("lstm"):
        hiddens: Tensor = _OverTime.apply(weight_hh, inputs, dropout)
        return hiddens
    loop = _TorchLoop(weight_hh, inputs, dropout, 0.0)
    nothing = inputs.new_empty(inputs.shape[1], 0)
    return torch.stack([loop.advance(nothing) for _ in range(len(inputs))])


class _TorchLoop:
    """The loop left to torch and its autograd."""

    def __init__(self, weight: Tensor, offsets: Tensor, dropout: float, cell_dropout: float) -> None:
        steps, batch, gates = offsets.shape
        dtype = torch.promote_types(offsets.dtype, torch.float32)
        self._weight = weight.to(offsets.dtype).t()
        self._offsets = iter(offsets.unbind(0))
        self._hidden = self._cell = offsets.new_zeros(batch, gates // 4, dtype=dtype)
        shape = steps, *self._hidden.shape
        self._kept = iter(dropout_factors(dropout, *shape, like=offsets)) if dropout else None
        self._kept_cells = iter(dropout_factors(cell_dropout, *shape, like=offsets)) if cell_dropout else None

    def advance(self, x: Tensor) -> Tensor:
        offsets = next(self._offsets)
        seen = torch.cat([x.to(offsets.dtype), self._hidden.to(offsets.dtype)], dim=1)
        gates = torch.addmm(offsets, seen, self._weight).to(self._cell.dtype)
        inward, forget, candidate, outward = gates.chunk(4, dim=1)
        cell = torch.sigmoid(forget) * self._cell + torch.sigmoid(inward) * torch.tanh(candidate)
        hidden = torch.sigmoid(outward) * torch.tanh(cell)
        self._cell = cell if self._kept_cells is None else cell * next(self._kept_cells)
        self._hidden = hidden if self._kept is None else hidden * next(self._kept)
        return self._hidden


class _HandWrittenLoop:
    def __init__(self, weight: Tensor, offsets: Tensor, dropout: float, cell_dropout: float) -> None:
        self._tape = _Tape(weight, offsets, dropout, cell_dropout)
        self._cell: Tensor = _Begin.apply(weight, offsets, self._tape)
        self._hidden = torch.zeros_like(self._cell)
        self._step = 0

    def advance(self, x: Tensor) -> Tensor:
        self._hidden, self._cell = _Step.apply(x, self._hidden, self._cell, self._step, self._tape)
        self._step += 1
        return self._hidden


class _Tape:
    """What the forward pass writes down step by step, and the backward pass reads from the end."""

    def __init__(self, weight: Tensor, offsets: Tensor, dropout: float, cell_dropout: float) -> None:
        steps, batch, gates = offsets.shape
        channels, inputs = gates // 4, weight.shape[1] - gates // 4
        dtype = torch.promote_types(offsets.dtype, torch.float32)
        self.channels, self.inputs = channels, inputs
        self.weight = weight.detach().to(offsets.dtype)
        self.offsets = offsets.detach()
        self.seen = self.weight.new_empty(steps, batch, inputs + channels)
        self.gates = torch.empty_like(self.offsets, dtype=dtype)
        self.cells = offsets.new_empty(steps + 1, batch, channels, dtype=dtype)  # the one before each step
        self.cells[0] = 0.0
        self.squashed = torch.empty_like(self.cells[1:])
        self.kept = dropout_factors(dropout, *self.squashed.shape, like=offsets) if dropout else None
        self.kept_cells = dropout_factors(cell_dropout, *self.squashed.shape, like=offsets) if cell_dropout else None
        self.transposed: Tensor | None = None

    def advance(self, step: int, x: Tensor | None, hidden: Tensor) -> Tensor:
        """Make a step from ``x [B, I]`` and ``hidden [B, H]``; return the new hidden state."""
        width = self.channels
        seen = self.seen[step]
        if x is not None:
            seen[:, : self.inputs] = x
        seen[:, self.inputs :] = hidden
        gates = torch.add(self.offsets[step], torch.mm(self.weight, seen.t()).t(), out=self.gates[step])
        gates[:, : 2 * width].sigmoid_()
        gates[:, 2 * width : 3 * width].tanh_()
        gates[:, 3 * width :].sigmoid_()
        inward, forget, candidate, outward = gates.chunk(4, dim=1)
        cell = torch.mul(forget, self.cells[step], out=self.cells[step + 1]).addcmul_(inward, candidate)
        squashed = torch.tanh(cell, out=self.squashed[step])
        if self.kept_cells is not None:
            cell.mul_(self.kept_cells[step])
        hidden = outward * squashed
        return hidden if self.kept is None else hidden.mul_(self.kept[step])

    def retreat(self, step: int, d_hidden: Tensor, d_cell: Tensor) -> tuple[Tensor, Tensor]:
        """From gradients of the states after a step, those of what it saw, ``[B, I + H]``, and of the cell state."""
        if not len(self.gates):
            raise RuntimeError("The backward pass of an LSTM works in place, so it can run only once.")
        if self.transposed is None:
            self.transposed = self.weight.t().contiguous()
            self._prepare()
            self.gates[step + 1 :] = 0.0  # steps that nobody needed
        width = self.channels
        gates = self.gates[step]
        if self.kept_cells is not None:
            d_cell = d_cell * self.kept_cells[step]
        d_cell = torch.addcmul(d_cell, d_hidden, self.squashed[step])
        forget = gates[:, width : 2 * width]
        before = d_cell * forget
        torch.mul(before, self.cells[step], out=forget)
        gates.unflatten(1, (4, width))[:, 0::2].mul_(d_cell.unsqueeze(1))
        gates[:, 3 * width :].mul_(d_hidden)
        return torch.mm(self.transposed, gates.to(self.weight.dtype).t()).t(), before

    def _prepare(self) -> None:
        """Make of gates and states what gradients are multiplied with, in their place.

        Only the forget gates stay, which the gradient of the cell state passes through.
        """
        inward, forget, candidate, outward = self.gates.chunk(4, dim=2)
        squashed, cells = self.squashed, self.cells[:-1]
        slope = outward - outward * squashed.square()  # of the hidden state, by the cell state
        outward.mul_(1 - outward).mul_(squashed)
        squashed.copy_(slope)
        if self.kept is not None:
            squashed.mul_(self.kept)
            outward.mul_(self.kept)
        cells.mul_(1 - forget)
        slope = inward - inward * candidate.square()  # of the cell state, by the candidate
        inward.mul_(1 - inward).mul_(candidate)
        candidate.copy_(slope)

    def finish(self) -> tuple[Tensor, Tensor]:
        """Gradients of the weight and the offsets, when all steps are done."""
        gates = self.gates.to(self.weight.dtype)
        self.gates = self.squashed = self.cells = torch.empty(0)
        return gates.flatten(0, 1).t() @ self.seen.flatten(0, 1), gates


class _Begin(torch.autograd.Function):
    """The cell state before the first step; its gradient comes last, and brings those of all steps along."""

    @staticmethod
    def forward(context: Any, weight: Tensor, offsets: Tensor, tape: _Tape) -> Tensor:
        context.tape, context.dtype = tape, weight.dtype
        return tape.cells[0].clone()

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        weight, offsets = context.tape.finish()
        return weight.to(context.dtype), offsets, None


class _Step(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, hidden: Tensor, cell: Tensor, step: int, tape: _Tape) -> tuple[Tensor, Tensor]:
        context.tape, context.step, context.dtypes = tape, step, (x.dtype, hidden.dtype)
        return tape.advance(step, x, hidden), tape.cells[step + 1].clone()

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        tape = context.tape
        d_seen, before = tape.retreat(context.step, *gradients)
        x, hidden = d_seen.split([tape.inputs, tape.channels], dim=1)
        return x.to(context.dtypes[0]), hidden.to(context.dtypes[1]), before, None, None


class _OverTime(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, weight: Tensor, inputs: Tensor, dropout: float) -> Tensor:
        context.tape = tape = _Tape(weight, inputs, dropout, 0.0)
        context.dtype = weight.dtype
        hidden = torch.zeros_like(tape.cells[0])
        hiddens = torch.empty_like(tape.squashed)
        for step in range(len(inputs)):
            hidden = hiddens[step].copy_(tape.advance(step, None, hidden))
        return hiddens

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        (d_hiddens,) = gradients
        tape = context.tape
        d_hidden = d_cell = torch.zeros_like(d_hiddens[0])
        for step in reversed(range(len(d_hiddens))):
            d_hidden, d_cell = tape.retreat(step, d_hiddens[step] + d_hidden, d_cell)
        weight, inputs = tape.finish()
        return weight.to(context.dtype), inputs, None
