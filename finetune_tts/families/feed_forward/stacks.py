"""The text encoders and spectrogram decoders that a feed-forward model is made of.

Legend: B batch, T steps (symbols or frames), C channels, H heads, D channels of a head, n_mels mel channels.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.convolution import ConvBatchNorm, ConvBatchNormStack, ResidualConvEncoder
from finetune_tts.layers.dropout import dropout
from finetune_tts.layers.normalization import ChannelNorm, FlatChannelNorm
from finetune_tts.layers.recomputing import Recomputing
from finetune_tts.layers.relative_transformer import RelativeTransformer
from finetune_tts.layers.wavenet import WaveNet

ENCODER_TYPES = ("fftransformer", "residual_conv_bn", "relative_position_transformer")
DECODER_TYPES = (*ENCODER_TYPES, "wavenet")

_LONGEST = 5000  # positions that checkpoints hold


class SelfAttention(nn.Module):
    """Multi-head self-attention over ``[B, T, C]`` (Vaswani et al. 2017), with the tensor names of torch's layer."""

    def __init__(self, channels: int, num_heads: int, *, dropout: float) -> None:
        super().__init__()
        if channels % num_heads:
            raise ValueError(f"{channels} channels cannot be shared evenly by {num_heads} heads.")
        self.num_heads = num_heads
        self.dropout = dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * channels, channels))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * channels))
        self.out_proj = nn.Linear(channels, channels)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, x: Tensor, key_mask: Tensor | None) -> Tensor:
        """Attend within each sequence ``x [B, T, C]``, where ``key_mask [B, 1, 1, T]`` is true."""
        projected = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        heads = projected.unflatten(2, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)  # [3, B, H, T, D]
        query, key, value = heads.unbind(0)
        probability = self.dropout if self.training else 0.0
        if probability and x.device.type == "cpu":
            # torch draws a random number for each weight there, which takes longer than attending.
            scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
            if key_mask is not None:
                scores = scores.masked_fill(~key_mask, -torch.inf)
            attended = dropout(scores.softmax(dim=-1), probability, True) @ value
        else:
            attended = F.scaled_dot_product_attention(query, key, value, key_mask, probability)
        output: Tensor = self.out_proj(attended.transpose(1, 2).flatten(2))  # [B, T, C]
        return output


class FeedForwardTransformerLayer(nn.Module):
    """Self-attention, then two convolutions, each added to its input and normalised (Ren et al. 2019).

    What attention gives is added twice, once after dropout, as 🐸TTS's models were trained.
    """

    def __init__(self, channels: int, num_heads: int, hidden_channels: int, *, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.self_attn = SelfAttention(channels, num_heads, dropout=dropout)
        self.conv1 = nn.Conv1d(channels, hidden_channels, 3, padding=1)
        self.conv2 = nn.Conv1d(hidden_channels, channels, 3, padding=1)
        self.norm1 = nn.LayerNorm(channels)
        self.norm2 = nn.LayerNorm(channels)

    def forward(self, x: Tensor, key_mask: Tensor | None) -> Tensor:
        """Map ``x [B, T, C]``; ``key_mask [B, 1, 1, T]`` is true where steps may be looked at."""
        attended = self.self_attn(x, key_mask)
        x = self.norm1(x + dropout(attended, self.dropout, self.training) + attended)
        hidden = self.conv2(torch.relu(self.conv1(x.transpose(1, 2)))).transpose(1, 2)
        output: Tensor = self.norm2(x + dropout(hidden, self.dropout, self.training))
        return output


class FeedForwardTransformer(Recomputing):
    """A stack of such layers over ``[B, C, T]``."""

    def __init__(
        self, channels: int, *, num_heads: int, hidden_channels_ffn: int, num_layers: int, dropout_p: float
    ) -> None:
        super().__init__()
        self.fft_layers = nn.ModuleList(
            FeedForwardTransformerLayer(channels, num_heads, hidden_channels_ffn, dropout=dropout_p)
            for _ in range(num_layers)
        )

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Encode ``x [B, C, T]``; nothing looks at steps where ``mask [B, 1, T]`` is 0."""
        key_mask = mask.unsqueeze(1) > 0 if mask is not None else None  # [B, 1, 1, T]
        x = x.transpose(1, 2)
        for layer in self.fft_layers:
            x = self.through(layer, x, key_mask)
        return x.transpose(1, 2)


def _relative_transformer(channels: int, params: Mapping[str, Any], out_channels: int) -> RelativeTransformer:
    known = dict(params)
    known.pop("input_length", None)  # a bound on attention that no release uses
    norm = FlatChannelNorm if known.pop("layer_norm_type", "1") == "2" else ChannelNorm
    return RelativeTransformer(channels, norm=norm, out_channels=out_channels, **known)


class RelativeTransformerEncoder(nn.Module):
    """Residual convolutions, then a transformer with relative positions."""

    def __init__(self, channels: int, params: Mapping[str, Any]) -> None:
        super().__init__()
        self.prenet = ResidualConvEncoder(
            channels, kernel_size=5, dilations=[1, 1, 1], num_res_blocks=3, num_conv_blocks=1
        )
        self.rel_pos_transformer = _relative_transformer(channels, params, channels)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Encode ``x [B, C, T]`` under ``mask [B, 1, T]``."""
        # The convolutions see padding, as 🐸TTS's do.
        output: Tensor = self.rel_pos_transformer(self.prenet(x, torch.ones_like(mask)) * mask, mask)
        return output


class ResidualConvTextEncoder(nn.Module):
    """Residual convolutions between two projections, as in SpeedySpeech (Vainer and Dušek 2020)."""

    def __init__(self, channels: int, params: Mapping[str, Any]) -> None:
        super().__init__()
        self.prenet = nn.Sequential(nn.Conv1d(channels, channels, 1), nn.ReLU())
        self.res_conv_block = ResidualConvEncoder(channels, **params)
        self.postnet = nn.Sequential(
            nn.Conv1d(channels, channels, 1), nn.ReLU(), nn.BatchNorm1d(channels), nn.Conv1d(channels, channels, 1)
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Encode ``x [B, C, T]`` under ``mask [B, 1, T]``."""
        hidden = self.res_conv_block(self.prenet(x) * mask, mask)
        output: Tensor = self.postnet(hidden + x) * mask
        return output


class Encoder(nn.Module):
    """The text encoder of one of :data:`ENCODER_TYPES`, with its own parameters.

    Raises:
        ValueError: there is no such type.
    """

    def __init__(self, channels: int, encoder_type: str, params: Mapping[str, Any]) -> None:
        super().__init__()
        self.encoder: nn.Module
        if encoder_type == "fftransformer":
            self.encoder = FeedForwardTransformer(channels, **params)
        elif encoder_type == "residual_conv_bn":
            self.encoder = ResidualConvTextEncoder(channels, params)
        elif encoder_type == "relative_position_transformer":
            self.encoder = RelativeTransformerEncoder(channels, params)
        else:
            raise ValueError(f"encoder_type {encoder_type!r} is none of {', '.join(ENCODER_TYPES)}.")

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Encode ``x [B, C, T]`` under ``mask [B, 1, T]``."""
        output: Tensor = self.encoder(x, mask) * mask
        return output


class TransformerDecoder(nn.Module):
    """A feed-forward transformer and a projection. Frames look at padding too, as 🐸TTS's models were trained."""

    def __init__(self, channels: int, n_mels: int, params: Mapping[str, Any]) -> None:
        super().__init__()
        self.transformer_block = FeedForwardTransformer(channels, **params)
        self.postnet = nn.Conv1d(channels, n_mels, 1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Map ``x [B, C, T]`` under ``mask [B, 1, T]`` to ``[B, n_mels, T]``."""
        output: Tensor = self.postnet(self.transformer_block(x) * mask) * mask
        return output


class ResidualConvDecoder(nn.Module):
    """Residual convolutions and a short stack after them (Vainer and Dušek 2020)."""

    def __init__(self, channels: int, n_mels: int, params: Mapping[str, Any]) -> None:
        super().__init__()
        self.res_conv_block = ResidualConvEncoder(channels, **params)
        self.post_conv = nn.Conv1d(channels, channels, 1)
        self.postnet = nn.Sequential(
            ConvBatchNormStack(channels, params["kernel_size"], 1, 2), nn.Conv1d(channels, n_mels, 1)
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Map ``x [B, C, T]`` under ``mask [B, 1, T]`` to ``[B, n_mels, T]``."""
        hidden = self.post_conv(self.res_conv_block(x, mask)) + x
        output: Tensor = self.postnet(hidden) * mask
        return output


class RelativeTransformerDecoder(nn.Module):
    """A transformer with relative positions whose last layer has the channels of the spectrogram."""

    def __init__(self, channels: int, n_mels: int, params: Mapping[str, Any]) -> None:
        super().__init__()
        self.prenet = ConvBatchNorm(channels, 1, 1)
        self.rel_pos_transformer = _relative_transformer(channels, params, n_mels)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Map ``x [B, C, T]`` under ``mask [B, 1, T]`` to ``[B, n_mels, T]``."""
        output: Tensor = self.rel_pos_transformer(self.prenet(x) * mask, mask)
        return output


class WaveNetStacks(nn.Module):
    """WaveNet stacks in a row; dilations begin at 1 in each."""

    def __init__(
        self,
        *,
        hidden_channels: int,
        kernel_size: int,
        dilation_rate: int,
        num_blocks: int,
        num_layers: int,
        dropout_p: float = 0.0,
    ) -> None:
        super().__init__()
        self.wn_blocks = nn.ModuleList(
            WaveNet(hidden_channels, kernel_size, dilation_rate=dilation_rate, num_layers=num_layers, dropout=dropout_p)
            for _ in range(num_blocks)
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Map ``x [B, hidden_channels, T]`` under ``mask [B, 1, T]``."""
        for block in self.wn_blocks:
            x = block(x, mask)
        return x


class WaveNetDecoder(nn.Module):
    """WaveNet stacks between projections."""

    def __init__(self, channels: int, n_mels: int, params: Mapping[str, Any]) -> None:
        super().__init__()
        width: int = params["hidden_channels"]
        known = {name: value for name, value in params.items() if name != "weight_norm"}
        self.prenet = nn.Conv1d(channels, width, 1)
        self.wn = WaveNetStacks(**known)
        self.postnet = nn.Sequential(
            nn.Conv1d(width, channels, 1),
            nn.ReLU(),
            nn.Conv1d(channels, channels, 1),
            nn.ReLU(),
            nn.Conv1d(channels, channels, 1),
            nn.ReLU(),
            nn.Conv1d(channels, n_mels, 1),
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Map ``x [B, C, T]`` under ``mask [B, 1, T]`` to ``[B, n_mels, T]``."""
        output: Tensor = self.postnet(self.wn(self.prenet(x) * mask, mask)) * mask
        return output


class Decoder(nn.Module):
    """The spectrogram decoder of one of :data:`DECODER_TYPES`, with its own parameters.

    Raises:
        ValueError: there is no such type.
    """

    def __init__(self, channels: int, n_mels: int, decoder_type: str, params: Mapping[str, Any]) -> None:
        super().__init__()
        self.decoder: nn.Module
        if decoder_type == "fftransformer":
            self.decoder = TransformerDecoder(channels, n_mels, params)
        elif decoder_type == "residual_conv_bn":
            self.decoder = ResidualConvDecoder(channels, n_mels, params)
        elif decoder_type == "relative_position_transformer":
            self.decoder = RelativeTransformerDecoder(channels, n_mels, params)
        elif decoder_type == "wavenet":
            self.decoder = WaveNetDecoder(channels, n_mels, params)
        else:
            raise ValueError(f"decoder_type {decoder_type!r} is none of {', '.join(DECODER_TYPES)}.")

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Map ``x [B, C, T]`` under ``mask [B, 1, T]`` to ``[B, n_mels, T]``."""
        output: Tensor = self.decoder(x, mask)
        return output


class Positions(nn.Module):
    """Adds a table of sines to ``[B, C, T]``; checkpoints hold its first 5000 steps.

    The frequencies rise from 1 to 10000, where Vaswani et al. (2017) let the wavelengths do so: 🐸TTS's models were
    trained with it.
    """

    pe: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        if channels % 2:
            raise ValueError(f"positions need an even number of channels, not {channels}.")
        self.channels = channels
        self.register_buffer("pe", position_table(channels, _LONGEST))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Scale ``x [B, C, T]`` by the root of C, and add the positions where ``mask [B, 1, T]`` is 1."""
        table = self.pe
        if x.shape[2] > table.shape[2]:
            table = position_table(self.channels, x.shape[2]).to(table)
        return x * self.channels**0.5 + table[:, :, : x.shape[2]] * mask


def position_table(channels: int, steps: int) -> Tensor:
    """Sines and cosines of rising frequencies, ``[1, channels, steps]`` float32.

    The products are rounded to float32, since a sine of large numbers depends on it; all else is computed in float64,
    so that every CPU finds the same.
    """
    exponents = (torch.arange(0, channels, 2).float() / channels).double()
    frequencies = torch.pow(10000.0, exponents).float()
    angles = (torch.arange(steps).float() * frequencies.unsqueeze(1)).double()  # [channels / 2, steps]
    return torch.stack([angles.sin(), angles.cos()], dim=1).flatten(0, 1).float().unsqueeze(0)
