"""The convolutional duration predictor of Glow-TTS and its relatives."""

import torch
from torch import Tensor, nn

from finetune_tts.layers.dropout import dropout
from finetune_tts.layers.normalization import ChannelNorm


class DurationPredictor(nn.Module):
    """Two normalized convolutions and a projection: one log-duration a symbol (Ren et al. 2019).

    Args:
        in_channels: of the encoded text.
        hidden_channels: inside.
        kernel_size: of both convolutions.
        dropout: after each of them.
        condition_channels: width of a speaker vector that is added to the text; 0 for none.
        language_channels: width of a language vector, likewise.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        kernel_size: int,
        *,
        dropout: float,
        condition_channels: int = 0,
        language_channels: int = 0,
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.conv_1 = nn.Conv1d(in_channels, hidden_channels, kernel_size, padding=kernel_size // 2)
        self.norm_1 = ChannelNorm(hidden_channels)
        self.conv_2 = nn.Conv1d(hidden_channels, hidden_channels, kernel_size, padding=kernel_size // 2)
        self.norm_2 = ChannelNorm(hidden_channels)
        self.proj = nn.Conv1d(hidden_channels, 1, 1)
        if condition_channels > 0:
            self.cond = nn.Conv1d(condition_channels, in_channels, 1)
        if language_channels > 0:
            self.cond_lang = nn.Conv1d(language_channels, in_channels, 1)

    def forward(
        self, x: Tensor, mask: Tensor, condition: Tensor | None = None, language: Tensor | None = None
    ) -> Tensor:
        """Predict the logarithm of frames: of their number, or of one more, as the network's loss has it.

        Args:
            x: ``[B, in_channels, T_text]``.
            mask: ``[B, 1, T_text]``.
            condition: ``[B, condition_channels, 1]``.
            language: ``[B, language_channels, 1]``.

        Returns:
            ``[B, 1, T_text]``.
        """
        if condition is not None:
            x = x + self.cond(condition)
        if language is not None:
            x = x + self.cond_lang(language)
        for conv, norm in ((self.conv_1, self.norm_1), (self.conv_2, self.norm_2)):
            x = dropout(norm(torch.relu(conv(x * mask))), self.dropout, self.training)
        return self.proj(x * mask) * mask
