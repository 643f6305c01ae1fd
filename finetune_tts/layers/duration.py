"""The convolutional duration predictor of Glow-TTS and its relatives."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.normalization import ChannelNorm


class DurationPredictor(nn.Module):
    """Two normalized convolutions and a projection: one log-duration a symbol (Ren et al. 2019)."""

    def __init__(self, in_channels: int, hidden_channels: int, kernel_size: int, *, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.conv_1 = nn.Conv1d(in_channels, hidden_channels, kernel_size, padding=kernel_size // 2)
        self.norm_1 = ChannelNorm(hidden_channels)
        self.conv_2 = nn.Conv1d(hidden_channels, hidden_channels, kernel_size, padding=kernel_size // 2)
        self.norm_2 = ChannelNorm(hidden_channels)
        self.proj = nn.Conv1d(hidden_channels, 1, 1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Predict ``log(1 + frames)``.

        Args:
            x: ``[B, in_channels, T_text]``.
            mask: ``[B, 1, T_text]``.

        Returns:
            ``[B, 1, T_text]``.
        """
        for conv, norm in ((self.conv_1, self.norm_1), (self.conv_2, self.norm_2)):
            x = F.dropout(norm(torch.relu(conv(x * mask))), self.dropout, self.training)
        return self.proj(x * mask) * mask
