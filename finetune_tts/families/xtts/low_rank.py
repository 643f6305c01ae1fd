"""Low-rank adapters (Hu et al. 2021, https://arxiv.org/abs/2106.09685): a few numbers beside matrices that stay.

The change of a matrix ``[in, out]`` is learned as the product of two thin ones, ``[in, r]`` and ``[r, out]``. The
second begins at zero, so that the network is the pre-trained one at first. When all is learned, the product is added to
the matrix, and nobody can tell that there were adapters.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.families.xtts.transformer import Projection

_MARK = ".adapter."


class Adapter(nn.Module):
    """What is added to the output of a matrix.

    Shapes: ``[..., in_width]`` to ``[..., out_width]``.

    Args:
        in_width, out_width: of the matrix.
        rank: r.
        alpha: the product is scaled by ``alpha / rank``.
        dropout: of the input.
    """

    scale: Tensor

    def __init__(self, *, in_width: int, out_width: int, rank: int, alpha: float, dropout: float) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(in_width, rank) / rank)
        self.up = nn.Parameter(torch.zeros(rank, out_width))
        self.register_buffer("scale", torch.tensor(alpha / rank))
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """The change of the output for ``x``."""
        return F.dropout(x, self.dropout, self.training) @ self.down @ self.up * self.scale


def add_adapters(network: nn.Module, *, pattern: str, rank: int, alpha: float, dropout: float) -> list[str]:
    """Put adapters beside matrices, and let nothing else learn.

    Args:
        network: is changed.
        pattern: regular expression that is looked for in the names of matrices.
        rank, alpha, dropout: of the adapters.

    Returns:
        Names of the matrices that got one.

    Raises:
        ValueError: the pattern is none, or finds no matrix.
    """
    try:
        wanted = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"lora_pattern = {pattern!r}: is no regular expression ({error}).") from error
    network.requires_grad_(False)
    found = []
    for name, module in network.named_modules():
        if isinstance(module, Projection) and wanted.search(name):
            in_width, out_width = module.weight.shape
            module.adapter = Adapter(in_width=in_width, out_width=out_width, rank=rank, alpha=alpha, dropout=dropout)
            found.append(name)
    if not found:
        raise ValueError(
            f"lora_pattern = {pattern!r}: names no layer of the language model. Its layers are called "
            "gpt.gpt.h.0.attn.c_attn, gpt.gpt.h.0.attn.c_proj, gpt.gpt.h.0.mlp.c_fc, gpt.gpt.h.0.mlp.c_proj, and so on."
        )
    return found


def keep_in_bfloat16(network: nn.Module) -> None:
    """Keep the matrices beside adapters in half the bytes: they are read, and do not learn."""
    for module in network.modules():
        if isinstance(module, Projection) and not module.weight.requires_grad:
            module.weight.data = module.weight.data.to(torch.bfloat16)


def is_adapted(weights: Mapping[str, Tensor]) -> bool:
    """Whether weights hold adapters."""
    return any(_MARK in name for name in weights)


def merged(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights with their adapters added to the matrices that they stand beside.

    Raises:
        ValueError: an adapter is not whole, or does not fit its matrix.
    """
    plain = {name: tensor for name, tensor in weights.items() if _MARK not in name}
    for matrix in dict.fromkeys(name.partition(_MARK)[0] for name in weights if _MARK in name):
        name = f"{matrix}.weight"
        try:
            down, up, scale = (weights[f"{matrix}{_MARK}{part}"].float() for part in ("down", "up", "scale"))
            plain[name] = (plain[name].float() + down @ up * scale).to(plain[name].dtype)
        except (KeyError, RuntimeError) as error:
            raise ValueError(f"{matrix}: its adapter does not fit it ({error}). The file is damaged.") from error
    return plain
