"""Dropout (Srivastava et al. 2014) that costs next to nothing on a CPU.

torch draws a random number of its own for each element there, which takes longer than many a layer. Here four elements
share one 64-bit number. The probability is rounded to a multiple of 2⁻¹⁶, and the generator is torch's own, so seeds
and saved random states hold. On other devices it is torch's dropout.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.torch_layers import by_hand

_LEVELS = 1 << 16  # of 16 random bits


def dropout(x: Tensor, probability: float, training: bool) -> Tensor:
    """Zero elements of ``x`` with this probability, and scale the others so that the mean stays.

    Args:
        x: of any shape.
        probability: in [0, 1].
        training: whether to do so at all.

    Raises:
        ValueError: there is no such probability.
    """
    if not 0.0 <= probability <= 1.0:
        raise ValueError(f"dropout probability {probability} is not between 0 and 1.")
    if not training or probability == 0.0:
        return x
    if x.device.type != "cpu" or probability == 1.0 or not by_hand("dropout"):
        return F.dropout(x, probability, training)
    dropped: Tensor = _Dropout.apply(x, probability)
    return dropped


def dropout_factors(probability: float, *shape: int, like: Tensor) -> Tensor:
    """Zeros with this probability, else what keeps the mean at 1: float32 of this shape on the device of ``like``."""
    return dropout(torch.ones((), device=like.device).expand(shape), probability, training=True)


def random_factors(shape: torch.Size, probability: float, dtype: torch.dtype) -> Tensor:
    """What :func:`dropout` multiplies with on a CPU: zeros with this probability below 1, else what keeps the mean."""
    zeroed = min(round(probability * _LEVELS), _LEVELS - 1)
    words = torch.empty(-(-shape.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    bits = words.view(torch.int16)[: shape.numel()].view(shape)
    factors = torch.ge(bits, zeroed - _LEVELS // 2, out=torch.empty(shape, dtype=dtype))
    return factors.mul_(_LEVELS / (_LEVELS - zeroed))


class Dropout(nn.Module):
    """:func:`dropout` as a layer."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """Drop out elements of ``x`` in training mode."""
        return dropout(x, self.probability, self.training)


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, probability: float) -> Tensor:
        factors = random_factors(x.shape, probability, x.dtype)
        context.save_for_backward(factors)
        return x * factors

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (factors,) = context.saved_tensors
        return gradients[0] * factors, None
