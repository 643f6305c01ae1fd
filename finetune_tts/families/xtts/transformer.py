"""GPT-2's stack of transformer blocks (Radford et al. 2019), as XTTS has it: it reads vectors and gives vectors.

XTTS adds positions and meanings of tokens itself, so that the tables of GPT-2 for both are missing here. All the rest
is GPT-2: layer norms before attention and MLP, one matrix for query, key and value, and matrices that are kept as
``[in, out]``, transposed against those of ``nn.Linear``. Tensor names are those of the released checkpoints.

A block is causal: the vector of a place depends on the places before it alone. What has been computed of them while
speaking, keys and values, is kept in a :class:`KeyValueCache`, whose memory is allocated once.

Dimensions: B batch, T places, C width, H heads, D width of a head (C / H), S places that the cache has room for.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.recomputing import Recomputing

_DEVIATION = 0.02  # of fresh weights, as in the paper


class Projection(nn.Module):
    """An affine map whose matrix is kept as ``[in, out]``.

    Shapes: ``[..., in_width]`` to ``[..., out_width]``.

    Attributes:
        adapter: adds to the output what was learned beside the matrix, see ``low_rank.py``.
    """

    adapter: nn.Module | None

    def __init__(self, in_width: int, out_width: int) -> None:
        super().__init__()
        self.adapter = None
        self.weight = nn.Parameter(torch.empty(in_width, out_width))
        self.bias = nn.Parameter(torch.zeros(out_width))
        nn.init.normal_(self.weight, std=_DEVIATION)

    def forward(self, x: Tensor) -> Tensor:
        """Map the last axis of ``x``."""
        weight: Tensor = self.weight
        # Frozen weights may be kept in half the bytes.
        if weight.dtype != x.dtype and not torch.is_autocast_enabled(x.device.type):
            weight = weight.to(x.dtype)
        mapped = F.linear(x, weight.T, self.bias)
        return mapped if self.adapter is None else mapped + self.adapter(x)


class KeyValueCache:
    """Keys and values of the places that have been read, in memory that is allocated once.

    Args:
        layers: blocks of the stack.
        places: S.
    """

    def __init__(self, *, layers: int, places: int) -> None:
        self.places = places
        self.length = 0
        """Places that are filled."""
        self._held: list[tuple[Tensor, Tensor] | None] = [None] * layers

    def extended(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Keep keys and values ``[B, H, T, D]`` of new places; gives those of all places, ``[B, H, length + T, D]``."""
        held = self._held[layer]
        if held is None:
            batch, heads, _, width = keys.shape
            held = keys.new_empty(batch, heads, self.places, width), values.new_empty(batch, heads, self.places, width)
            self._held[layer] = held
        end = self.length + keys.shape[2]
        for kept, new in zip(held, (keys, values), strict=True):
            kept[:, :, self.length : end] = new
        return held[0][:, :, :end], held[1][:, :, :end]


@dataclass(frozen=True)
class Context:
    """What the blocks share in one pass.

    Attributes:
        mask: ``[B, 1, T, T]``, true where a place may look; None looks at everything before it.
        cache: for speaking; new places are added to those that it holds.
    """

    mask: Tensor | None = None
    cache: KeyValueCache | None = None


class Attention(nn.Module):
    """Causal attention of several heads.

    Shapes: ``[B, T, C]`` to ``[B, T, C]``.
    """

    def __init__(self, *, width: int, heads: int, dropout: float, layer: int) -> None:
        super().__init__()
        self.heads, self.dropout, self.layer = heads, dropout, layer
        self.c_attn = Projection(width, 3 * width)
        self.c_proj = Projection(width, width)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """Mix what the places of ``x`` hold."""
        batch, places, width = x.shape
        # [B, T, 3C] → three of [B, H, T, D]
        query, key, value = self.c_attn(x).view(batch, places, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        if context.cache is not None:
            key, value = context.cache.extended(self.layer, key, value)
        mixed = F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=context.mask,
            dropout_p=self.dropout if self.training else 0.0,
            # A single new place may look at all that the cache holds.
            is_causal=context.mask is None and places > 1,
        )
        return self.c_proj(mixed.transpose(1, 2).reshape(batch, places, width))


class MLP(nn.Module):
    """Two maps with GELU between them, in its approximation by tanh.

    Shapes: ``[B, T, C]`` to ``[B, T, C]``.
    """

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.c_fc = Projection(width, 4 * width)
        self.c_proj = Projection(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Transform each place for itself."""
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    """Attention and MLP, each beside a shortcut and behind a layer norm.

    Shapes: ``[B, T, C]`` to ``[B, T, C]``.
    """

    def __init__(self, *, width: int, heads: int, dropout: float, layer: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = Attention(width=width, heads=heads, dropout=dropout, layer=layer)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = MLP(width=width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """Refine ``x``."""
        x = x + self.dropout(self.attn(self.ln_1(x), context))
        return x + self.dropout(self.mlp(self.ln_2(x)))


class Transformer(Recomputing):
    """The stack.

    Args:
        layers: number of blocks.
        width: C.
        heads: H; has to divide ``width``.
        dropout: of the input, of attention, and of what each half of a block adds.
    """

    def __init__(self, *, layers: int, width: int, heads: int, dropout: float = 0.1) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"{heads} heads do not divide a width of {width}.")
        self.drop = nn.Dropout(dropout)
        self.h = nn.ModuleList(Block(width=width, heads=heads, dropout=dropout, layer=layer) for layer in range(layers))
        self.ln_f = nn.LayerNorm(width)
        for name, module in self.h.named_modules():
            if name.endswith("c_proj"):  # what ends on the shortcut adds up over the layers (Radford et al. 2019, 2.3)
                assert isinstance(module, Projection)
                nn.init.normal_(module.weight, std=_DEVIATION / (2 * layers) ** 0.5)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """Read vectors.

        Args:
            x: ``[B, T, C]``; with a cache, the places behind those that it holds.
            context: mask and cache.

        Returns:
            ``[B, T, C]``.
        """
        x = self.drop(x)
        for block in self.h:
            x = self.through(block, x, context)
        if context.cache is not None:
            context.cache.length += x.shape[1]
        return self.ln_f(x)

    def cache_for(self, places: int) -> KeyValueCache:
        """An empty cache for sequences of at most ``places`` places."""
        return KeyValueCache(layers=len(self.h), places=places)
