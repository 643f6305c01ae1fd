"""A transformer encoder for text: self-attention with optional relative positions.

Shapes: B batch, C channels, H heads, D channels of a head, T steps, W window of relative positions.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.dropout import dropout
from finetune_tts.layers.normalization import ChannelNorm


class RelativeAttention(nn.Module):
    """Multi-head self-attention over ``[B, C, T]``, with learned relative positions in a window (Shaw et al. 2018).

    Args:
        channels: width ``C``.
        num_heads: number of heads; divides ``channels``.
        window: farthest relative distance that has an embedding of its own; None for attention without positions.
        dropout: probability with which an attention weight is dropped.
    """

    def __init__(self, channels: int, num_heads: int, *, window: int | None = None, dropout: float = 0.0) -> None:
        super().__init__()
        if channels % num_heads:
            raise ValueError(f"{channels} channels cannot be shared evenly by {num_heads} heads.")
        self.num_heads = num_heads
        self.head_channels = channels // num_heads
        self.window = window
        self.dropout = dropout
        self.conv_q = nn.Conv1d(channels, channels, 1)
        self.conv_k = nn.Conv1d(channels, channels, 1)
        self.conv_v = nn.Conv1d(channels, channels, 1)
        self.conv_o = nn.Conv1d(channels, channels, 1)
        for projection in (self.conv_q, self.conv_k, self.conv_v):
            nn.init.xavier_uniform_(projection.weight)
        if window is not None:
            shape, scale = (1, 2 * window + 1, self.head_channels), self.head_channels**-0.5
            self.emb_rel_k = nn.Parameter(torch.randn(shape) * scale)
            self.emb_rel_v = nn.Parameter(torch.randn(shape) * scale)

    def forward(self, x: Tensor, attention_mask: Tensor) -> Tensor:
        """Attend within each sequence.

        Args:
            x: ``[B, C, T]``.
            attention_mask: ``[B, 1, T, T]``, true where a step may look at another.

        Returns:
            ``[B, C, T]``.
        """
        query, key, value = (self._split(conv(x)) for conv in (self.conv_q, self.conv_k, self.conv_v))
        query = query / math.sqrt(self.head_channels)
        scores = query @ key.transpose(-2, -1)  # [B, H, T, T]
        steps = x.shape[-1]
        if self.window is not None:
            positions = self._in_window(self.emb_rel_k, steps)  # [1, 2T-1, D]
            scores = scores + _relative_to_absolute(query @ positions.transpose(-2, -1))
        scores = scores.masked_fill(~attention_mask, -1e4)
        weights = dropout(scores.softmax(dim=-1), self.dropout, self.training)
        output = weights @ value  # [B, H, T, D]
        if self.window is not None:
            output = output + _absolute_to_relative(weights) @ self._in_window(self.emb_rel_v, steps)
        batch, _, _, _ = output.shape
        merged = output.transpose(2, 3).reshape(batch, self.num_heads * self.head_channels, steps)
        return self.conv_o(merged)

    def _split(self, x: Tensor) -> Tensor:
        """``[B, C, T]`` to ``[B, H, T, D]``."""
        return x.unflatten(1, (self.num_heads, self.head_channels)).transpose(2, 3)

    def _in_window(self, embedding: Tensor, steps: int) -> Tensor:
        """Cut or zero-pad ``[1, 2W+1, D]`` to the ``2 * steps - 1`` distances that a sequence has."""
        assert self.window is not None
        # Padded for any length, without asking for it: an exported graph has no branches.
        padded = F.pad(embedding, (0, 0, steps - 1, steps - 1))
        return padded[:, self.window : self.window + 2 * steps - 1]


class FeedForward(nn.Module):
    """Two convolutions with a ReLU between them, each padded to keep the length."""

    def __init__(
        self,
        channels: int,
        hidden_channels: int,
        kernel_size: int,
        *,
        dropout: float = 0.0,
        out_channels: int | None = None,
    ) -> None:
        super().__init__()
        self.conv_1 = nn.Conv1d(channels, hidden_channels, kernel_size)
        self.conv_2 = nn.Conv1d(hidden_channels, out_channels or channels, kernel_size)
        self.padding = ((kernel_size - 1) // 2, kernel_size // 2)
        self.dropout = dropout

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Map ``x [B, C, T]`` under ``mask [B, 1, T]``."""
        hidden = torch.relu(self.conv_1(F.pad(x * mask, self.padding)))
        hidden = dropout(hidden, self.dropout, self.training)
        return self.conv_2(F.pad(hidden * mask, self.padding)) * mask


class RelativeTransformer(nn.Module):
    """Post-norm transformer encoder over ``[B, C, T]`` (Vaswani et al. 2017, in the form of Glow-TTS).

    Args:
        channels: width ``C``.
        hidden_channels_ffn: width inside the feed-forward part.
        num_heads, num_layers, kernel_size: heads, layers, kernel of the feed-forward convolutions.
        dropout_p: dropout after attention and feed-forward, and on attention weights.
        rel_attn_window_size: window of relative positions; None for none.
        norm: makes a normalization over that many channels.
        out_channels: of the last layer, which projects what it adds to; None for ``channels``.
    """

    def __init__(
        self,
        channels: int,
        *,
        hidden_channels_ffn: int,
        num_heads: int,
        num_layers: int,
        kernel_size: int = 1,
        dropout_p: float = 0.0,
        rel_attn_window_size: int | None = None,
        norm: Callable[[int], nn.Module] = ChannelNorm,
        out_channels: int | None = None,
    ) -> None:
        super().__init__()
        self.dropout = dropout_p
        outputs = [channels] * (num_layers - 1) + [out_channels or channels]
        self.proj = nn.Conv1d(channels, outputs[-1], 1) if outputs[-1] != channels else None
        self.attn_layers = nn.ModuleList(
            RelativeAttention(channels, num_heads, window=rel_attn_window_size, dropout=dropout_p)
            for _ in range(num_layers)
        )
        self.norm_layers_1 = nn.ModuleList(norm(channels) for _ in range(num_layers))
        self.ffn_layers = nn.ModuleList(
            FeedForward(channels, hidden_channels_ffn, kernel_size, dropout=dropout_p, out_channels=width)
            for width in outputs
        )
        self.norm_layers_2 = nn.ModuleList(norm(width) for width in outputs)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Encode ``x [B, C, T]`` under ``mask [B, 1, T]``; gives ``[B, out_channels, T]``."""
        attention_mask = (mask.unsqueeze(2) * mask.unsqueeze(-1)) > 0  # [B, 1, T, T]
        last = len(self.ffn_layers) - 1
        layers = zip(self.attn_layers, self.norm_layers_1, self.ffn_layers, self.norm_layers_2, strict=True)
        for place, (attention, norm_1, feedforward, norm_2) in enumerate(layers):
            x = x * mask
            attended = dropout(attention(x, attention_mask), self.dropout, self.training)
            x = norm_1(x + attended)
            forwarded = dropout(feedforward(x, mask), self.dropout, self.training)
            if place == last and self.proj is not None:
                x = self.proj(x)
            x = norm_2(x + forwarded)
        return x * mask


def _relative_to_absolute(x: Tensor) -> Tensor:
    """``[B, H, T, 2T-1]`` by distance to ``[B, H, T, T]`` by position: each row is shifted by its own index."""
    batch, heads, steps, _ = x.shape
    x = F.pad(x, (0, 1)).reshape(batch, heads, 2 * steps * steps)
    x = F.pad(x, (0, steps - 1)).reshape(batch, heads, steps + 1, 2 * steps - 1)
    return x[:, :, :steps, steps - 1 :]


def _absolute_to_relative(x: Tensor) -> Tensor:
    """``[B, H, T, T]`` by position to ``[B, H, T, 2T-1]`` by distance: the inverse shift."""
    batch, heads, steps, _ = x.shape
    x = F.pad(x, (0, steps - 1)).reshape(batch, heads, 2 * steps * steps - steps)
    x = F.pad(x, (steps, 0)).reshape(batch, heads, steps, 2 * steps)
    return x[:, :, :, 1:]
