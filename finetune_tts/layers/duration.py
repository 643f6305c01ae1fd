"""The convolutional duration predictor of Glow-TTS and its relatives, and how long a text may become at most."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.dropout import dropout
from finetune_tts.layers.normalization import ChannelNorm

MOST_FRAMES, MOST_FRAMES_A_SYMBOL = 500, 50
"""Bound on the frames of a text, the second for each of its symbols.

Frames of released models last 5 to 16 ms, and slow speech takes some 12 frames of 12 ms for a letter or phoneme, 30 in
scripts with a symbol for each syllable; a pause of two seconds takes 200. Predictors that have diverged ask for
thousands of frames a symbol or for infinitely many, which no memory holds.
"""
_SLOWEST = 10.0


def bounded_durations(
    durations: Tensor, token_lengths: Tensor, length_scale: float | Tensor = 1.0
) -> tuple[Tensor, Tensor]:
    """Cut durations off where a text becomes longer than speech can be, before anything of that length is made.

    Durations of a sound predictor are returned as they are.

    Args:
        durations: ``[B, T_text]`` whole frames, 0 for padding. Infinity counts as the bound, NaN as 0.
        token_lengths: ``[B]``.
        length_scale: factor that the durations hold already; the bound grows with it, up to tenfold.

    Returns:
        the durations ``[B, T_text]``, whose sum is at most the bound; and the frames that were asked for, ``[B]``,
        infinite or NaN where the durations are.
    """
    duration_factor = torch.as_tensor(length_scale, device=durations.device).clamp(1.0, _SLOWEST)
    most = torch.floor((MOST_FRAMES + MOST_FRAMES_A_SYMBOL * token_lengths) * duration_factor).unsqueeze(1)  # [B, 1]
    asked_for = durations.sum(dim=1)
    # All comparisons with NaN are false.
    durations = torch.minimum(torch.where(durations > 0, durations, torch.zeros_like(durations)), most)
    ends = torch.minimum(durations.cumsum(dim=1), most)
    return ends - F.pad(ends[:, :-1], (1, 0)), asked_for


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
