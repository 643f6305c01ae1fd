"""Matrices of 8-bit numbers, for speaking on a CPU.

To write one code, every weight of the language model is read from memory once, and little is computed: the time is
that of reading. Matrices of int8, with a factor for each column, take a quarter of the bytes of float32 (Dettmers et
al. 2022). What goes into a matrix and comes out of it is bfloat16, and so are attention and its cache; sums are
float32, and so is what passes from block to block.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.families.xtts.transformer import Projection, Transformer

_LARGEST = 127
_FEW_ROWS = 8
"""With more, as in the pass over prompt and text, a product of bfloat16 is faster, the matrix unpacked for it."""
_LONG, _MOST_FOLDS = 4096, 4
"""The kernel goes through a few columns of a matrix at a time, and memory gives short ones more slowly than it need: of
1,024 numbers each, a third less a second. So a few columns, one behind the other, count as one, and the input is given
as many times, each time beside zeros where the other columns are."""


class PackedProjection(nn.Module):
    """A :class:`Projection` whose matrix is int8.

    Shapes: ``[..., in_width]`` to ``[..., out_width]`` bfloat16.

    Args:
        projection: that it stands for, without an adapter.
    """

    weight: Tensor
    scale: Tensor
    ones: Tensor
    bias: Tensor

    def __init__(self, projection: Projection) -> None:
        super().__init__()
        matrix = projection.weight.detach().T  # [out, in]
        scale = matrix.abs().amax(dim=1).clamp(min=1e-12) / _LARGEST
        self.register_buffer("weight", (matrix / scale.unsqueeze(1)).round().to(torch.int8).contiguous())
        folds = min(_MOST_FOLDS, max(1, _LONG // matrix.shape[1]))
        self.folds = folds if len(matrix) % folds == 0 else 1
        self.register_buffer("scale", scale.to(torch.bfloat16))
        self.register_buffer("ones", torch.ones_like(self.scale), persistent=False)
        self.register_buffer("bias", projection.bias.detach().to(torch.bfloat16))

    def forward(self, x: Tensor) -> Tensor:
        """Map the last axis of ``x``."""
        rows = x.reshape(-1, x.shape[-1]).to(torch.bfloat16)
        if len(rows) > _FEW_ROWS:
            mapped = F.linear(rows, self.weight.to(torch.bfloat16))  # which holds 8 bits
        elif len(rows) > 1 or self.folds == 1:
            mapped = torch._weight_int8pack_mm(rows, self.weight, self.ones)
        else:
            mapped = self._folded(rows)
        return torch.addcmul(self.bias, mapped, self.scale).view(*x.shape[:-1], -1)

    def _folded(self, row: Tensor) -> Tensor:
        """The product of one row ``[1, in_width]``, without the factors."""
        folds, width = self.folds, row.shape[1]
        spread = row.new_zeros(folds, folds, width)
        spread.diagonal(dim1=0, dim2=1).copy_(row.view(width, 1))
        folded = self.weight.view(-1, folds * width)
        mapped = torch._weight_int8pack_mm(spread.view(folds, -1), folded, self.ones[: len(folded)])
        return mapped.T.reshape(1, -1)


def is_fast_here() -> bool:
    """Whether this CPU has instructions that make reading 8-bit numbers worth it."""
    return torch.backends.cpu.get_cpu_capability() not in ("DEFAULT", "NO AVX")


def pack(transformer: Transformer) -> None:
    """Replace the matrices of a transformer on a CPU, in place; it cannot be trained afterwards."""
    for module in list(transformer.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, Projection):
                setattr(module, name, PackedProjection(child))
