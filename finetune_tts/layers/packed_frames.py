"""Sequences of a batch laid end to end, without their padding, as rows of one matrix.

A matrix product over rows computes nothing for padding, and what is computed element by element reads memory in one
go. Between two sequences lie blank rows, as many as a convolution of five frames looks beyond an end, so that no
sequence sees its neighbour. Every fourth row lies in the same of four planes, which is how
:mod:`~finetune_tts.layers.quick_convolution` wants them.

Legend: B batch, C channels, T frames, N rows, n rows of a plane.
"""

from typing import Any

import torch
from torch import Tensor

PLANES = 4
_GAP = 2  # half a kernel of five


class PackedFrames:
    """Where the frames of a batch lie among the rows.

    Args:
        mask: ``[B, 1, T]``, 1 inside each sequence, which begins at frame 0.

    Attributes:
        lengths: frames of each sequence, ``[B]``.
        blank: indices of rows that hold no frame.
        inside: ``[N]``, 1 where a row holds a frame, else 0.
        sequence: ``[N]``, to which sequence of the batch a row belongs; 0 for blank ones.
        count: N.
    """

    def __init__(self, mask: Tensor) -> None:
        self.batch, _, self.steps = mask.shape
        valid = mask.detach()[:, 0] > 0  # [B, T]
        self.lengths = valid.sum(dim=1)
        frame, sequence = torch.arange(self.steps), torch.arange(self.batch)
        ends = (self.lengths + _GAP).cumsum(0)
        starts = PLANES + ends - self.lengths - _GAP
        tiles = max(1, -(-(int(ends[-1]) - _GAP) // PLANES))
        rows = tiles + 2  # of a plane; a blank one at each end
        self.count = PLANES * rows
        place = starts.unsqueeze(1) + frame  # [B, T]
        place = torch.where(valid, place % PLANES * rows + place // PLANES, 0)
        self._places = place.flatten()  # where each frame of the batch lies
        self._padding = (~valid).flatten().nonzero().squeeze(1)
        taken = place[valid]
        self.inside = torch.zeros(self.count, dtype=mask.dtype).index_fill_(0, taken, 1.0)
        self.blank = (self.inside == 0).nonzero().squeeze(1)
        self.sequence = torch.zeros(self.count, dtype=torch.long)
        self.sequence[taken] = sequence.unsqueeze(1).expand_as(valid)[valid]
        self._frames = torch.zeros(self.count, dtype=torch.long)  # which frame of the batch lies in each row
        self._frames[taken] = (sequence.unsqueeze(1) * self.steps + frame)[valid]

    def pack(self, x: Tensor) -> Tensor:
        """Return the frames of ``x [B, C, T]`` as rows ``[N, C]``; blank ones are zero."""
        rows: Tensor = _Pack.apply(x, self)
        return rows

    def unpack(self, rows: Tensor) -> Tensor:
        """Return rows ``[N, C]`` as ``[B, C, T]``, zero outside each sequence; channels lie side by side."""
        x: Tensor = _Unpack.apply(rows, self)
        return x

    def clear_(self, rows: Tensor) -> Tensor:
        """Set the blank ones of ``rows [N, C]`` to zero in place."""
        return rows.index_fill_(0, self.blank, 0.0)

    def total(self, rows: Tensor) -> Tensor:
        """Return the sum of ``rows [N, C]`` over each sequence, ``[B, C]``; blank rows are zero."""
        return rows.new_zeros(self.batch, rows.shape[1]).index_add(0, self.sequence, rows)

    def linear(self, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return ``rows [N, in] @ weight.T + bias``, with blank rows of zeros, for ``weight [out, in]``."""
        result: Tensor = _Linear.apply(rows, weight, bias, self)
        return result

    def packed(self, x: Tensor) -> Tensor:
        """:meth:`pack` without a backward pass."""
        rows = x.transpose(1, 2).reshape(-1, x.shape[1]).index_select(0, self._frames)
        return self.clear_(rows)

    def unpacked(self, rows: Tensor) -> Tensor:
        """:meth:`unpack` without a backward pass."""
        frames = rows.index_select(0, self._places).index_fill_(0, self._padding, 0.0)
        return frames.view(self.batch, self.steps, -1).transpose(1, 2)


class _Pack(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, frames: PackedFrames) -> Tensor:
        context.frames = frames
        return frames.packed(x)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return context.frames.unpacked(gradients[0]), None


class _Unpack(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, rows: Tensor, frames: PackedFrames) -> Tensor:
        context.frames = frames
        return frames.unpacked(rows)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return context.frames.packed(gradients[0]), None


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, rows: Tensor, weight: Tensor, bias: Tensor | None, frames: PackedFrames) -> Tensor:
        context.frames = frames
        context.save_for_backward(rows, weight)
        product = rows @ weight.t() if bias is None else torch.addmm(bias, rows, weight.t())
        return frames.clear_(product)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        rows, weight = context.saved_tensors
        gradient = context.frames.clear_(gradients[0].clone())
        of_rows, of_weight, of_bias, _ = context.needs_input_grad
        return (
            gradient @ weight if of_rows else None,
            gradient.t() @ rows if of_weight else None,
            gradient.sum(dim=0) if of_bias else None,
            None,
        )
