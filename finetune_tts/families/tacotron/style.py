"""Global style tokens (Wang et al. 2018): a recording's way of speaking as a mixture of learned tokens.

Legend: B batch, T frames, C mel channels, G channels of the style vector, N tokens, H heads.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

_FILTERS = (32, 32, 64, 64, 128, 128)


@dataclass(frozen=True)
class StyleOptions:
    """Sizes of the style tokens.

    Attributes:
        channels: G.
        heads: H, which divides G.
        tokens: N.
    """

    channels: int = 256
    heads: int = 4
    tokens: int = 10


class ReferenceEncoder(nn.Module):
    """Strided 2-D convolutions over a spectrogram, and a GRU over what is left of its time axis."""

    def __init__(self, n_mels: int, channels: int) -> None:
        super().__init__()
        widths = (1, *_FILTERS)
        self.convs = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=2, padding=1) for before, after in zip(widths, _FILTERS, strict=False)
        )
        self.bns = nn.ModuleList(nn.BatchNorm2d(width) for width in _FILTERS)
        bands = n_mels
        for _ in _FILTERS:
            bands = (bands + 1) // 2
        self.recurrence = nn.GRU(_FILTERS[-1] * bands, channels, batch_first=True)

    def forward(self, mels: Tensor) -> Tensor:
        """Map ``mels [B, T, C]`` to ``[B, G / 2]``."""
        x = mels.unsqueeze(1)  # [B, 1, T, C]
        for convolution, normalization in zip(self.convs, self.bns, strict=True):
            x = torch.relu(normalization(convolution(x)))
        x = x.transpose(1, 2).flatten(2)  # [B, T / 64, filters * C / 64]
        return self.recurrence(x)[1].squeeze(0)


class MultiHeadAttention(nn.Module):
    """Attention of a style to the tokens."""

    def __init__(self, query_channels: int, key_channels: int, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.W_query = nn.Linear(query_channels, channels, bias=False)
        self.W_key = nn.Linear(key_channels, channels, bias=False)
        self.W_value = nn.Linear(key_channels, channels, bias=False)

    def forward(self, query: Tensor, tokens: Tensor) -> Tensor:
        """Map ``query [B, *]`` and ``tokens [N, *]`` to ``[B, G]``."""
        queries = self.W_query(query).unflatten(-1, (self.heads, -1))  # [B, H, G / H]
        keys, values = (layer(tokens).unflatten(-1, (self.heads, -1)) for layer in (self.W_key, self.W_value))
        scores = torch.einsum("bhc,nhc->bhn", queries, keys) / tokens.shape[1] ** 0.5
        return torch.einsum("bhn,nhc->bhc", torch.softmax(scores, dim=-1), values).flatten(1)


class StyleTokenLayer(nn.Module):
    """The tokens, and the attention to them."""

    def __init__(self, options: StyleOptions) -> None:
        super().__init__()
        key_channels = options.channels // options.heads
        self.style_tokens = nn.Parameter(torch.empty(options.tokens, key_channels))
        nn.init.normal_(self.style_tokens, 0.0, 0.5)
        self.attention = MultiHeadAttention(options.channels // 2, key_channels, options.channels, options.heads)

    def forward(self, encoded: Tensor) -> Tensor:
        """Map ``encoded [B, G / 2]`` to ``[B, G]``."""
        return self.attention(encoded, torch.tanh(self.style_tokens))


class GlobalStyleTokens(nn.Module):
    """A style vector from a recording, or from weights of the tokens."""

    def __init__(self, n_mels: int, options: StyleOptions) -> None:
        super().__init__()
        if options.channels % (2 * options.heads):
            raise ValueError(
                f"gst_embedding_dim {options.channels} is no multiple of 2 times gst_num_heads {options.heads}."
            )
        self.options = options
        self.encoder = ReferenceEncoder(n_mels, options.channels // 2)
        self.style_token_layer = StyleTokenLayer(options)

    def forward(self, mels: Tensor) -> Tensor:
        """Return the style ``[B, G]`` of ``mels [B, T, C]``."""
        return self.style_token_layer(self.encoder(mels))

    def mixed(self, weights: Mapping[int, float]) -> Tensor:
        """Return the style ``[1, G]`` that adds up tokens with these weights.

        Raises:
            ValueError: there is no such token.
        """
        layer = self.style_token_layer
        tokens = torch.tanh(layer.style_tokens)
        style = tokens.new_zeros(1, self.options.channels)
        for token, weight in weights.items():
            if not 0 <= token < len(tokens):
                raise ValueError(f"style token {token}: there are {len(tokens)}, 0 to {len(tokens) - 1}.")
            style = style + weight * layer.attention.W_value(tokens[token : token + 1])
        return style
