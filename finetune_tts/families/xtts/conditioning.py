"""How XTTS listens to a recording: from a mel spectrogram to the vectors that stand before the text.

The conditioning encoder looks at the whole recording with a few layers of attention. XTTS v2 then lets 32 learned
vectors ask the result (a perceiver, Jaegle et al. 2021, https://arxiv.org/abs/2103.03206), so that every recording
becomes a prompt of 32 places whatever its length; in v1.1 the encoder's frames are the prompt.

Neither takes a mask: a padded recording would be another one, as attention and group norm look at all of it. Recordings
of different lengths are encoded one by one.

Dimensions: B batch, T frames, C width, H heads, D width of a head, L latents, n_mels mel bands.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ENCODER_LAYERS = 6


def norm_groups(channels: int) -> int:
    """Groups that a layer's norm has in the released networks."""
    groups = 8 if channels <= 16 else 16 if channels <= 64 else 32
    while channels % groups:
        groups //= 2
    return groups


class GroupNorm32(nn.GroupNorm):
    """A group norm in float32, whatever the precision around it: it sums over the whole recording."""

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, T]`` to the same shape."""
        with torch.autocast(x.device.type, enabled=False):
            return F.group_norm(x.float(), self.num_groups, self.weight.float(), self.bias.float(), self.eps).to(
                x.dtype
            )


class AttentionBlock(nn.Module):
    """Attention between all frames. The shortcut goes round the attention, not round the norm, as in the releases.

    Shapes: ``[B, C, T]`` to ``[B, C, T]``.
    """

    def __init__(self, *, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = GroupNorm32(norm_groups(channels), channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)
        nn.init.zeros_(self.proj_out.weight)
        assert self.proj_out.bias is not None
        nn.init.zeros_(self.proj_out.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Let the frames of ``x`` look at each other."""
        x = self.norm(x)
        # [B, 3C, T] → three of [B, H, T, D]; the channels of a head stand together.
        query, key, value = self.qkv(x).unflatten(1, (self.heads, 3, -1)).permute(2, 0, 1, 4, 3)
        mixed = F.scaled_dot_product_attention(query, key, value)  # [B, H, T, D]
        return x + self.proj_out(mixed.transpose(2, 3).flatten(1, 2))


class ConditioningEncoder(nn.Module):
    """Mel spectrograms ``[B, n_mels, T]`` to ``[B, C, T]``."""

    def __init__(self, *, num_mels: int, channels: int, heads: int) -> None:
        super().__init__()
        self.init = nn.Conv1d(num_mels, channels, 1)
        self.attn = nn.Sequential(*(AttentionBlock(channels=channels, heads=heads) for _ in range(ENCODER_LAYERS)))

    def forward(self, mel: Tensor) -> Tensor:
        """Encode recordings."""
        encoded: Tensor = self.attn(self.init(mel))
        return encoded


class CrossAttention(nn.Module):
    """Latents look at the recording and at each other.

    Shapes: latents ``[B, L, C]`` and frames ``[B, T, C]`` to ``[B, L, C]``.
    """

    def __init__(self, *, channels: int, heads: int, head_width: int) -> None:
        super().__init__()
        self.heads = heads
        inner = heads * head_width
        self.to_q = nn.Linear(channels, inner, bias=False)
        self.to_kv = nn.Linear(channels, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, channels, bias=False)

    def forward(self, latents: Tensor, frames: Tensor) -> Tensor:
        """Gather what ``latents`` ask for."""
        query = self.to_q(latents).unflatten(2, (self.heads, -1)).transpose(1, 2)  # [B, H, L, D]
        everything = torch.cat((latents, frames), dim=1)  # [B, L + T, C]
        key, value = self.to_kv(everything).unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value)  # [B, H, L, D]
        gathered: Tensor = self.to_out(mixed.transpose(1, 2).flatten(2))
        return gathered


class GEGLU(nn.Module):
    """Half of the channels gate the other half (Shazeer 2020): ``[..., 2C]`` to ``[..., C]``."""

    def forward(self, x: Tensor) -> Tensor:
        """Gate the first half of the last axis by the second."""
        values, gates = x.chunk(2, dim=-1)
        return F.gelu(gates) * values


class RMSNorm(nn.Module):
    """Scales each vector to a length of ``sqrt(C)``, times a learned factor for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """``[..., C]`` to the same shape."""
        return F.normalize(x, dim=-1) * len(self.gamma) ** 0.5 * self.gamma


class PerceiverResampler(nn.Module):
    """Encoded recordings of any length to ``L`` vectors.

    Args:
        channels: C.
        latents: L.
        depth: rounds of asking.
        heads: of each round.
        head_width: D.
    """

    def __init__(
        self, *, channels: int, latents: int = 32, depth: int = 2, heads: int = 8, head_width: int = 64
    ) -> None:
        super().__init__()
        self.latents = nn.Parameter(torch.randn(latents, channels) * 0.02)
        inner = channels * 4 * 2 // 3
        self.layers = nn.ModuleList()
        for _ in range(depth):
            attention = CrossAttention(channels=channels, heads=heads, head_width=head_width)
            feedforward = nn.Sequential(nn.Linear(channels, 2 * inner), GEGLU(), nn.Linear(inner, channels))
            self.layers.append(nn.ModuleList((attention, feedforward)))
        self.norm = RMSNorm(channels)

    def forward(self, frames: Tensor) -> Tensor:
        """``[B, T, C]`` to ``[B, L, C]``."""
        latents = self.latents.expand(len(frames), -1, -1)
        for layer in self.layers:
            attention, feedforward = layer.children()
            latents = attention(latents, frames) + latents
            latents = feedforward(latents) + latents
        normed: Tensor = self.norm(latents)
        return normed
