"""Low-rank adapters beside the matrices of XTTS's language model, see :mod:`finetune_tts.layers.low_rank`."""

import re

import torch
from torch import nn

from finetune_tts.families.xtts.transformer import Projection
from finetune_tts.layers import low_rank


def add_adapters(network: nn.Module, *, pattern: str, rank: int, alpha: float | None, dropout: float) -> list[str]:
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
    matrices = {name for name, module in network.named_modules() if isinstance(module, Projection)}
    found = low_rank.add_adapters(
        network,
        lambda name: name in matrices and wanted.search(name) is not None,
        rank=rank,
        alpha=alpha,
        dropout=dropout,
    )
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
