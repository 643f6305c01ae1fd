"""Convolutions with weight normalization under the names that released checkpoints use.

torch's own parametrization calls the two factors ``parametrizations.weight.original0/1``; releases call them
``weight_g`` and ``weight_v``. Here they carry the released names, and a checkpoint in either form, or one whose
weight norm was folded into a plain ``weight``, loads.
"""

from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.channels_last import conv1d, conv_transpose1d


class WeightNormed(nn.Module):
    """A convolution whose weight is ``g * v / ||v||`` (Salimans and Kingma 2016).

    The norm is taken over all axes of the weight but the first: per output channel, and per input channel of a
    transposed convolution.

    Args:
        initial: gives the first values of weight and bias.
    """

    _at_hand: Tensor | None = None  # the weight, while it is computed once for several passes

    def __init__(self, initial: nn.Conv1d | nn.Conv2d | nn.ConvTranspose1d) -> None:
        super().__init__()
        self.bias = None if initial.bias is None else nn.Parameter(initial.bias.detach())
        self.weight_g: nn.Parameter | None = nn.Parameter(_norm(initial.weight.detach()))
        self.weight_v: nn.Parameter | None = nn.Parameter(initial.weight.detach())

    def effective_weight(self) -> Tensor:
        """Return the weight that the convolution uses."""
        if self._at_hand is not None:
            return self._at_hand
        if self.weight_g is None or self.weight_v is None:
            return self.weight
        return joined(self.weight_g, self.weight_v)

    def fold(self) -> None:
        """Replace the two factors by the plain weight, for inference: the same output without the norm each call."""
        if self.weight_g is None:
            return
        weight = self.effective_weight().detach()
        self.weight_g = self.weight_v = None
        self.weight = nn.Parameter(weight)

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
            state_dict[plain] = joined(g, v)
        super()._load_from_state_dict(state_dict, prefix, *args)


class WeightNormConv1d(WeightNormed):
    """1-D convolution with weight norm: ``[B, in_channels, T]`` to ``[B, out_channels, T']``."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        padding: int = 0,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(nn.Conv1d(in_channels, out_channels, kernel_size, groups=groups, bias=bias))
        self.stride = stride
        self.dilation = dilation
        self.padding = padding
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        """Convolve ``x [B, in_channels, T]``."""
        return conv1d(
            x,
            self.effective_weight(),
            self.bias,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
        )


class WeightNormConv2d(WeightNormed):
    """2-D convolution with weight norm: ``[B, in_channels, H, W]`` to ``[B, out_channels, H', W']``."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, int],
        *,
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
        bias: bool = True,
    ) -> None:
        super().__init__(nn.Conv2d(in_channels, out_channels, kernel_size, bias=bias))
        self.stride = stride
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        """Convolve ``x [B, in_channels, H, W]``."""
        return F.conv2d(x, self.effective_weight(), self.bias, self.stride, self.padding)


class WeightNormConvTranspose1d(WeightNormed):
    """Transposed 1-D convolution with weight norm: ``[B, in_channels, T]`` to ``[B, out_channels, T * stride + …]``."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        padding: int = 0,
        output_padding: int = 0,
    ) -> None:
        super().__init__(nn.ConvTranspose1d(in_channels, out_channels, kernel_size, stride))
        self.stride = stride
        self.padding = padding
        self.output_padding = output_padding

    def forward(self, x: Tensor) -> Tensor:
        """Convolve ``x [B, in_channels, T]``."""
        return conv_transpose1d(
            x,
            self.effective_weight(),
            self.bias,
            stride=self.stride,
            padding=self.padding,
            output_padding=self.output_padding,
        )


@contextmanager
def weights_computed_once(module: nn.Module) -> Iterator[None]:
    """Let several passes of ``module`` in this block share each weight, and so one gradient of its norm.

    The same numbers as without, but for rounding; no weight may be changed inside.
    """
    normed = [child for child in module.modules() if isinstance(child, WeightNormed)]
    for child in normed:
        child._at_hand = child.effective_weight()
    try:
        yield
    finally:
        for child in normed:
            child._at_hand = None


def is_plain(layer: nn.Module) -> bool:
    """Whether a layer is nothing but its weight and bias, so that another may compute with these in its place."""
    return not (layer._forward_hooks or layer._forward_pre_hooks or getattr(layer, "adapter", None) is not None)


def fold_weight_norm(module: nn.Module) -> None:
    """Fold every weight norm below ``module`` into plain weights."""
    for child in module.modules():
        if isinstance(child, WeightNormed):
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


def joined(g: Tensor, v: Tensor) -> Tensor:
    """Return the weight that two factors make, rounded as torch's own weight norm does."""
    # Not written out: deep networks make a visible difference of the last bits, and this is one kernel on a GPU.
    return torch._weight_norm(v, g, 0)


def _norm(weight: Tensor) -> Tensor:
    """Return the norm over all axes but the first, kept as axes of length 1."""
    numbers = weight if weight.is_floating_point() else weight.float()
    return torch.linalg.vector_norm(numbers, dim=tuple(range(1, weight.dim())), keepdim=True)
