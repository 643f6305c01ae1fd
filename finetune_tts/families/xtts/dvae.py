"""From a mel spectrogram to codes: the encoder and the codebook of XTTS's discrete autoencoder.

Strided convolutions bring four frames of a spectrogram to one vector, and the nearest vector of the codebook stands for
it (van den Oord et al. 2017, https://arxiv.org/abs/1711.00937). These codes are what the language model writes. The
autoencoder itself never learns here: another codebook would mean nothing to the language model. Its decoder, which
nothing needs, is not built.

Dimensions: B batch, n_mels mel bands, T frames, N codes (T / 4, rounded up), D width of a codebook vector, K codebook
vectors.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

RESIDUAL_BLOCKS = 3


class ResidualBlock(nn.Module):
    """Three convolutions beside a shortcut.

    Shapes: ``[B, C, T]`` to ``[B, C, T]``.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv1d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv1d(channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Refine ``x``."""
        refined: Tensor = self.net(x)
        return refined + x


class Codebook(nn.Module):
    """The vectors that codes stand for, ``embed [D, K]``."""

    embed: Tensor

    def __init__(self, *, width: int, codes: int) -> None:
        super().__init__()
        self.register_buffer("embed", torch.randn(width, codes))

    def forward(self, vectors: Tensor) -> Tensor:
        """The code of the nearest vector: ``[B, N, D]`` to ``[B, N]`` int64."""
        # |v - e|² without |v|², which is the same for all codes.
        distances = self.embed.square().sum(0) - 2 * vectors @ self.embed  # [B, N, K]
        return distances.argmin(dim=-1)


class DVAEEncoder(nn.Module):
    """Mel spectrograms to codes.

    Args:
        num_mels: n_mels.
        codes: K.
        width: D.
        channels: behind each strided convolution.
    """

    def __init__(
        self, *, num_mels: int = 80, codes: int = 1024, width: int = 512, channels: Sequence[int] = (512, 1024)
    ) -> None:
        super().__init__()
        widths = (num_mels, *channels)
        self.encoder = nn.Sequential(
            *(
                nn.Sequential(nn.Conv1d(before, after, 3, stride=2, padding=1), nn.ReLU())
                for before, after in zip(widths, widths[1:], strict=False)
            ),
            *(ResidualBlock(channels[-1]) for _ in range(RESIDUAL_BLOCKS)),
            nn.Conv1d(channels[-1], width, 1),
        )
        self.codebook = Codebook(width=width, codes=codes)

    @torch.no_grad()
    def forward(self, mel: Tensor) -> Tensor:
        """``[B, n_mels, T]``, with its bands divided by those of ``mel_stats``, to codes ``[B, N]``."""
        codes: Tensor = self.codebook(self.encoder(mel).transpose(1, 2))
        return codes


def encoder_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of ``dvae.pth`` that a :class:`DVAEEncoder` has."""
    wanted = ("encoder.", "codebook.embed")
    return {name: tensor for name, tensor in state.items() if name.startswith(wanted) and name != "codebook.embed_avg"}
