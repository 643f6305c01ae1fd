"""Low-rank adapters (Hu et al. 2021, https://arxiv.org/abs/2106.09685): a few numbers beside weights that stay.

The change of a matrix ``[out, in]`` is learned as the product of two thin ones, ``[out, r]`` and ``[r, in]``. The first
begins at zero, so that the network is the pre-trained one at first. A convolution gets a thin convolution with the same
kernel, to r channels, and a matrix behind it. When all is learned, the product is added to the weight, and nobody can
tell that there were adapters.

An adapter is the module ``adapter`` of the layer that it stands beside.

Dimensions: B batch, T time, r rank, K kernel.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.channels_last import conv1d, conv_transpose1d
from finetune_tts.layers.weight_norm import WeightNormConv1d, WeightNormConvTranspose1d, WeightNormed, factored, joined

MARK = ".adapter."


class Adapter(nn.Module):
    """What is added to the output of a layer.

    Args:
        down: to r channels, as they are at first.
        up: shape of what follows.
        rank: r.
        alpha: what is added is scaled by ``alpha / rank``.
        dropout: of the input.
    """

    scale: Tensor

    def __init__(self, down: Tensor, up: tuple[int, int], *, rank: int, alpha: float, dropout: float) -> None:
        super().__init__()
        self.down = nn.Parameter(down)
        self.up = nn.Parameter(torch.zeros(up, device=down.device))
        self.register_buffer("scale", torch.tensor(alpha / rank, device=down.device))
        self.dropout = dropout

    def dropped(self, x: Tensor) -> Tensor:
        """The input, with dropout in training."""
        return F.dropout(x, self.dropout, self.training) if self.dropout else x


class RowsAdapter(Adapter):
    """Beside a matrix that is kept as ``[in, out]``: ``[..., in]`` to ``[..., out]``."""

    def forward(self, x: Tensor) -> Tensor:
        """The change of the output for ``x``."""
        return self.dropped(x) @ self.down @ self.up * self.scale


class LinearAdapter(Adapter):
    """Beside ``nn.Linear``: ``[..., in]`` to ``[..., out]``."""

    def forward(self, x: Tensor) -> Tensor:
        """The change of the output for ``x``."""
        return F.linear(F.linear(self.dropped(x), self.down), self.up) * self.scale


class ConvAdapter(Adapter):
    """Beside a convolution over time: ``[B, in, T]`` to ``[B, out, T']``.

    Args:
        convolve: as the convolution does, ``(x, weight) → [B, r, T']``.
        down, up, rank, alpha, dropout: see :class:`Adapter`.
    """

    def __init__(self, convolve: Callable[[Tensor, Tensor], Tensor], down: Tensor, up: tuple[int, int], **sizes: Any):
        super().__init__(down, up, **sizes)
        self.convolve = convolve

    def forward(self, x: Tensor) -> Tensor:
        """The change of the output for ``x``."""
        thin = self.convolve(self.dropped(x), self.down)  # [B, r, T']
        return conv1d(thin, self.up.unsqueeze(2), None) * self.scale


def add_adapters(
    network: nn.Module,
    wanted: Callable[[str], bool],
    *,
    rank: int,
    alpha: float | None = None,
    dropout: float = 0.0,
) -> list[str]:
    """Put adapters beside layers, and let nothing else learn.

    Args:
        network: is changed.
        wanted: ``name of a layer → whether it gets one``, if :func:`can_adapt` it.
        rank: r.
        alpha: what adapters add is scaled by this over the rank; None is twice the rank.
        dropout: before them.

    Returns:
        Names of the layers that got one.
    """
    network.requires_grad_(False)
    sizes = {"rank": rank, "alpha": 2.0 * rank if alpha is None else alpha, "dropout": dropout}
    found = []
    for name, layer in list(network.named_modules()):
        if can_adapt(layer, rank) and wanted(name):
            adds_itself = _adds_itself(layer)
            layer.adapter = _adapter_of(layer, sizes)
            if not adds_itself:
                layer.register_forward_hook(_with_adapter)
            found.append(name)
    return found


def can_adapt(layer: nn.Module, rank: int) -> bool:
    """Whether a layer can have an adapter of a rank.

    Linear layers and convolutions over time can where both sides are wider than the rank. Convolutions in groups have
    few weights, and learn whole or not at all. A layer with a place for an ``adapter`` has a matrix ``[in, out]``, and
    adds what its adapter gives itself.
    """
    if _adds_itself(layer):
        return True
    if isinstance(layer, nn.Linear):
        return rank < min(layer.weight.shape)
    if not isinstance(layer, _CONVOLUTIONS) or getattr(layer, "groups", 1) > 1 or isinstance(layer.padding, str):
        return False
    return getattr(layer, "padding_mode", "zeros") == "zeros" and rank < min(_weight_of(layer).shape[:2])


def is_adapted(weights: Iterable[str]) -> bool:
    """Whether weights of these names hold adapters."""
    return any(MARK in name for name in weights)


def merged(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights with their adapters added to those that they stand beside.

    Raises:
        ValueError: an adapter is not whole, or does not fit its layer.
    """
    plain = {name: tensor for name, tensor in weights.items() if MARK not in name}
    for layer in dict.fromkeys(name.partition(MARK)[0] for name in weights if MARK in name):
        try:
            down, up, scale = (weights[f"{layer}{MARK}{part}"].float() for part in ("down", "up", "scale"))
            name, g, v = (f"{layer}.{part}" for part in ("weight", "weight_g", "weight_v"))
            before = plain[name] if name in plain else joined(plain[g].float(), plain[v].float())
            after = before.float() + _product(down, up, before) * scale
            if name in plain:
                plain[name] = after.to(before.dtype)
            else:
                plain |= factored({name: after.to(plain[v].dtype)}, plain)
        except (KeyError, RuntimeError) as error:
            raise ValueError(f"{layer}: its adapter does not fit it ({error}). The file is damaged.") from error
    return plain


_TRANSPOSED = (nn.ConvTranspose1d, WeightNormConvTranspose1d)
_CONVOLUTIONS = (nn.Conv1d, WeightNormConv1d, *_TRANSPOSED)


def _adds_itself(layer: nn.Module) -> bool:
    return "adapter" in vars(layer) and layer.adapter is None


def _with_adapter(layer: Any, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    added: Tensor = output + layer.adapter(*inputs)
    return added


def _weight_of(layer: Any) -> Tensor:
    weight: Any = layer.weight_v if isinstance(layer, WeightNormed) else layer.weight
    assert isinstance(weight, Tensor)
    return weight


def _adapter_of(layer: Any, sizes: Mapping[str, Any]) -> Adapter:
    shape, rank, device = _weight_of(layer).shape, sizes["rank"], _weight_of(layer).device
    if _adds_itself(layer):
        return RowsAdapter((torch.randn(shape[0], rank) / rank).to(device), (rank, shape[1]), **sizes)
    if isinstance(layer, _TRANSPOSED):  # [in, out, K]
        thin, up = torch.Size((shape[0], rank, shape[2])), (shape[1], rank)
    else:
        thin, up = torch.Size((rank, *shape[1:])), (shape[0], rank)
    inputs = math.prod(thin) // rank
    down = (torch.randn(thin) / inputs**0.5).to(device)
    if isinstance(layer, nn.Linear):
        return LinearAdapter(down, up, **sizes)
    return ConvAdapter(_steps_of(layer), down, up, **sizes)


def _steps_of(layer: Any) -> Callable[[Tensor, Tensor], Tensor]:
    """A convolution with the stride, padding and dilation of another one, of any weight."""
    is_transposed = isinstance(layer, _TRANSPOSED)
    names = ("stride", "padding", "output_padding" if is_transposed else "dilation")
    steps = {name: value[0] if isinstance(value := getattr(layer, name), tuple) else value for name in names}
    return partial(conv_transpose1d if is_transposed else conv1d, bias=None, **steps)


def _product(down: Tensor, up: Tensor, weight: Tensor) -> Tensor:
    """What an adapter adds to a weight. As its rank is below both sides, the shapes tell of what layer it is."""
    rank = up.shape[1]
    if weight.dim() == 2:
        is_rows = (down.shape[0], up.shape[1]) == weight.shape  # [in, out]
        return down @ up if is_rows else up @ down
    if down.shape[0] == rank:
        return torch.einsum("or,rik->oik", up, down)
    return torch.einsum("or,irk->iok", up, down)
