"""The aligner: which symbol a frame of a recording belongs to, learned from text and spectrogram alone (Badlani et al.
2022, "One TTS Alignment To Rule Them All").

Legend: B batch, T_text symbols, T_mel frames, n_mels mel channels, C channels of the symbols, A channels compared.
"""

import torch
from torch import Tensor, nn

from finetune_tts.layers.precision import in_float32

_CHANNELS = 80
_TEMPERATURE = 0.0005


class Aligner(nn.Module):
    """Compares each frame with each symbol by the distance of two small convolutional encodings."""

    def __init__(self, n_mels: int, channels: int) -> None:
        super().__init__()
        self.key_layer = nn.Sequential(
            nn.Conv1d(channels, 2 * channels, 3, padding=1), nn.ReLU(), nn.Conv1d(2 * channels, _CHANNELS, 1)
        )
        self.query_layer = nn.Sequential(
            nn.Conv1d(n_mels, 2 * n_mels, 3, padding=1),
            nn.ReLU(),
            nn.Conv1d(2 * n_mels, n_mels, 1),
            nn.ReLU(),
            nn.Conv1d(n_mels, _CHANNELS, 1),
        )
        for layers in (self.key_layer, self.query_layer):
            for place, layer in enumerate(layers):
                if isinstance(layer, nn.Conv1d):
                    nn.init.xavier_uniform_(layer.weight, gain=2**0.5 if place == 0 else 1.0)

    def forward(self, mels: Tensor, symbols: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Compare.

        Args:
            mels: ``[B, n_mels, T_mel]``.
            symbols: ``[B, C, T_text]``, embedded.
            mask: ``[B, 1, T_text]``, 1 inside the text.

        Returns:
            probabilities ``[B, T_mel, T_text]`` of the symbols of each frame, and their logarithms up to a constant,
            -inf outside of the text; both float32.
        """
        return in_float32(_compared, self.query_layer(mels), self.key_layer(symbols), mask)


def _compared(queries: Tensor, keys: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Soft alignment of ``queries [B, A, T_mel]`` and ``keys [B, A, T_text]``."""
    # |q - k|² = |q|² + |k|² - 2qk, without a tensor of B T_mel T_text A.
    products = queries.transpose(1, 2) @ keys  # [B, T_mel, T_text]
    distances = queries.square().sum(1).unsqueeze(2) + keys.square().sum(1).unsqueeze(1) - 2 * products
    scores = (-_TEMPERATURE * distances).masked_fill(mask == 0, -torch.inf)
    return scores.softmax(dim=2), scores
