"""A text encoder that several networks share: convolutions, then a bidirectional LSTM (Shen et al. 2018, section 2.2).

Legend: B batch, S symbols, C channels, H channels of the LSTM in each direction.
"""

from torch import Tensor, nn

from finetune_tts.layers.dropout import dropout


class ConvBlock(nn.Module):
    """Convolution, batch normalization, activation, dropout over ``[B, C, T]``."""

    def __init__(self, inputs: int, outputs: int, activation: nn.Module, kernel_size: int = 5) -> None:
        super().__init__()
        self.convolution1d = nn.Conv1d(inputs, outputs, kernel_size, padding=kernel_size // 2)
        self.batch_normalization = nn.BatchNorm1d(outputs)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x [B, inputs, T]`` to ``[B, outputs, T]``."""
        return dropout(self.activation(self.batch_normalization(self.convolution1d(x))), 0.5, self.training)


class RecurrentEncoder(nn.Module):
    """Three convolutions and a bidirectional LSTM.

    Args:
        channels: C.
        hidden: H.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(ConvBlock(channels, channels, nn.ReLU()) for _ in range(3))
        self.lstm = nn.LSTM(channels, hidden, batch_first=True, bidirectional=True)

    def forward(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """Encode ``embedded [B, S, C]`` of ``lengths [B]`` as ``[B, S, 2H]``; what lies outside a text is zero.

        Packing wants the lengths as numbers: on a GPU this waits for them, unless they lie on the CPU, falling.
        """
        x = embedded.transpose(1, 2)  # [B, C, S]
        for convolution in self.convolutions:
            x = convolution(x)
        x = x.transpose(1, 2)
        lengths = lengths.cpu()
        falling = bool((lengths.diff() <= 0).all())
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=falling)
        encoded, _ = self.lstm(packed)
        padded: Tensor = nn.utils.rnn.pad_packed_sequence(encoded, batch_first=True, total_length=x.shape[1])[0]
        return padded
