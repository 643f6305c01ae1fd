"""The text encoder of VITS: symbols → one Gaussian a symbol, the prior (Kim et al. 2021, section 2.2.1).

Dimensions: B batch, T_text symbols, H channels of the latent, L width of a language vector, C = H + L.
"""

import math

import torch
from torch import Tensor, nn

from finetune_tts.layers.normalization import FlatChannelNorm
from finetune_tts.layers.precision import in_float32
from finetune_tts.layers.relative_transformer import RelativeTransformer

ATTENTION_WINDOW = 4


class TextEncoder(nn.Module):
    """Embedding, transformer with relative positions, projection.

    Args:
        num_symbols: size of the vocabulary.
        hidden_channels: ``H``.
        hidden_channels_ffn, num_heads, num_layers, kernel_size, dropout_p: of the transformer.
        language_channels: ``L``; each symbol is read together with its language. 0 for one language.
    """

    def __init__(
        self,
        num_symbols: int,
        *,
        hidden_channels: int,
        hidden_channels_ffn: int,
        num_heads: int,
        num_layers: int,
        kernel_size: int,
        dropout_p: float,
        language_channels: int = 0,
    ) -> None:
        super().__init__()
        self.hidden_channels = hidden_channels
        self.emb = nn.Embedding(num_symbols, hidden_channels)
        nn.init.normal_(self.emb.weight, 0.0, hidden_channels**-0.5)
        channels = hidden_channels + language_channels
        self.encoder = RelativeTransformer(
            channels,
            hidden_channels_ffn=hidden_channels_ffn,
            num_heads=num_heads,
            num_layers=num_layers,
            kernel_size=kernel_size,
            dropout_p=dropout_p,
            rel_attn_window_size=ATTENTION_WINDOW,
            norm=FlatChannelNorm,
        )
        self.proj = nn.Conv1d(channels, 2 * hidden_channels, 1)

    def forward(self, token_ids: Tensor, mask: Tensor, language: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Encode text.

        Args:
            token_ids: ``[B, T_text]``.
            mask: ``[B, 1, T_text]``.
            language: ``[B, L, 1]``.

        Returns:
            hidden text ``[B, C, T_text]``, mean and log-scale of the prior, both ``[B, H, T_text]`` and float32.
        """
        x = self.emb(token_ids) * math.sqrt(self.hidden_channels)
        x = x.transpose(1, 2)  # [B, H, T_text]
        if language is not None:
            x = torch.cat([x, language.expand(-1, -1, x.shape[2])], dim=1)  # [B, C, T_text]
        x = self.encoder(x * mask, mask)
        mean, log_scale = (in_float32(self.proj, x) * mask).chunk(2, dim=1)
        return x, mean, log_scale
