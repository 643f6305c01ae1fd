"""Convolution with weight normalization under the names that released checkpoints use.

torch's own parametrization calls the two factors ``parametrizations.weight.original0/1``; releases call them
``weight_g`` and ``weight_v``. Here they carry the released names, and a checkpoint in either form, or one whose
weight norm was folded into a plain ``weight``, loads.
"""

from collections.abc import Container, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class WeightNormConv1d(nn.Module):
    """1-D convolution whose weight is ``g * v / ||v||`` (Salimans and Kingma 2016).

    Shapes: ``[B, in_channels, T]`` to ``[B, out_channels, T']``; the norm is taken per output channel.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, *, dilation: int = 1, padding: int = 0
    ) -> None:
        super().__init__()
        initial = nn.Conv1d(in_channels, out_channels, kernel_size, dilation=dilation)
        assert initial.bias is not None
        self.dilation = dilation
        self.padding = padding
        self.bias = nn.Parameter(initial.bias.detach())
        self.weight_g: nn.Parameter | None = nn.Parameter(_norm(initial.weight.detach()))
        self.weight_v: nn.Parameter | None = nn.Parameter(initial.weight.detach())

    def effective_weight(self) -> Tensor:
        """Return the weight that the convolution uses, ``[out, in, kernel]``."""
        if self.weight_g is None or self.weight_v is None:
            return self.weight
        return self.weight_v * (self.weight_g / _norm(self.weight_v))

    def fold(self) -> None:
        """Replace the two factors by the plain weight, for inference: the same output without the norm each call."""
        if self.weight_g is None:
            return
        weight = self.effective_weight().detach()
        self.weight_g = self.weight_v = None
        self.weight = nn.Parameter(weight)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve ``x [B, in_channels, T]``."""
        return F.conv1d(x, self.effective_weight(), self.bias, padding=self.padding, dilation=self.dilation)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        parametrized = f"{prefix}parametrizations.weight.original"
        if f"{parametrized}0" in state_dict:
            state_dict[f"{prefix}weight_g"] = state_dict.pop(f"{parametrized}0")
            state_dict[f"{prefix}weight_v"] = state_dict.pop(f"{parametrized}1")
        plain, factors = f"{prefix}weight", (f"{prefix}weight_g", f"{prefix}weight_v")
        if self.weight_g is not None and plain in state_dict:
            weight = state_dict.pop(plain)
            state_dict[factors[0]], state_dict[factors[1]] = _norm(weight), weight
        elif self.weight_g is None and all(name in state_dict for name in factors):
            g, v = (state_dict.pop(name) for name in factors)
            state_dict[plain] = v * (g / _norm(v))
        super()._load_from_state_dict(state_dict, prefix, *args)


def fold_weight_norm(module: nn.Module) -> None:
    """Fold every weight norm below ``module`` into plain weights."""
    for child in module.modules():
        if isinstance(child, WeightNormConv1d):
            child.fold()


def factored(state: Mapping[str, Tensor], targets: Container[str]) -> dict[str, Tensor]:
    """Return ``state`` with folded weights taken apart into the two factors, where a network has these.

    Args:
        state: tensors of a checkpoint by name.
        targets: names of the network's tensors.
    """
    result = {}
    for name, tensor in state.items():
        prefix = name.removesuffix("weight")
        if name not in targets and f"{prefix}weight_g" in targets and name.endswith("weight"):
            result[f"{prefix}weight_g"], result[f"{prefix}weight_v"] = _norm(tensor), tensor
        else:
            result[name] = tensor
    return result


def _norm(weight: Tensor) -> Tensor:
    """Return the norm of each output channel's kernel, ``[out, 1, 1]``."""
    return torch.linalg.vector_norm(weight, dim=(1, 2), keepdim=True)
