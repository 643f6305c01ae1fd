"""Matrices of 8-bit numbers, for speaking on a CPU.

To write one code, every weight of the language model is read from memory once, and little is computed: the time is that
of reading. Matrices of int8, with a factor for each column, take a quarter of the bytes of float32 (Dettmers et al.
2022). Inputs are rounded to bfloat16, sums are float32, and all that is not one of the large matrices stays as it is.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.families.xtts.transformer import Projection, Transformer

_LARGEST = 127
_FEW_ROWS = 8
"""With more, as in the pass over prompt and text, a product of bfloat16 is faster, the matrix unpacked for it."""


class PackedProjection(nn.Module):
    """A :class:`Projection` whose matrix is int8.

    Shapes: ``[..., in_width]`` to ``[..., out_width]``.

    Args:
        projection: that it stands for, without an adapter.
    """

    weight: Tensor
    scale: Tensor
    bias: Tensor

    def __init__(self, projection: Projection) -> None:
        super().__init__()
        matrix = projection.weight.detach().T  # [out, in]
        scale = matrix.abs().amax(dim=1).clamp(min=1e-12) / _LARGEST
        self.register_buffer("weight", (matrix / scale.unsqueeze(1)).round().to(torch.int8).contiguous())
        self.register_buffer("scale", scale.to(torch.bfloat16))
        self.register_buffer("bias", projection.bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        """Map the last axis of ``x``."""
        rows = x.reshape(-1, x.shape[-1]).to(torch.bfloat16)
        if len(rows) > _FEW_ROWS:
            mapped = F.linear(rows, self.weight.to(torch.bfloat16) * self.scale.unsqueeze(1))
        else:
            mapped = torch._weight_int8pack_mm(rows, self.weight, self.scale)
        return mapped.view(*x.shape[:-1], -1).to(x.dtype) + self.bias


def is_fast_here() -> bool:
    """Whether this CPU has instructions that make reading 8-bit numbers worth it."""
    return torch.backends.cpu.get_cpu_capability() not in ("DEFAULT", "NO AVX")


def pack(transformer: Transformer) -> None:
    """Replace the matrices of a transformer on a CPU, in place; it cannot be trained afterwards."""
    for module in list(transformer.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, Projection):
                setattr(module, name, PackedProjection(child))
