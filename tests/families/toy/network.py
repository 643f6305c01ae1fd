"""The network of the toy.

Dimensions: B batch, T_text symbols, T_mel frames, M mel bands.
"""

from torch import Tensor, nn


class Toy(nn.Module):
    """A spectrum for each symbol.

    Args:
        num_symbols: size of the vocabulary.
        out_channels: ``M``.
        frames_a_symbol: frames that each symbol lasts.
    """

    def __init__(self, *, num_symbols: int, out_channels: int, frames_a_symbol: int) -> None:
        super().__init__()
        self.frames_a_symbol = frames_a_symbol
        self.spectra = nn.Embedding(num_symbols, out_channels)

    def forward(self, token_ids: Tensor) -> Tensor:
        """Draw ``token_ids [B, T_text]`` as ``[B, T_mel, M]``."""
        return self.spectra(token_ids).repeat_interleave(self.frames_a_symbol, dim=1)
