"""The LSTM speaker encoder (Wan et al. 2018, "Generalized End-to-End Loss for Speaker Verification").

Recurrent layers read a mel spectrogram from its first frame to its last; what the last one says at the end, scaled to
unit length, tells speakers apart: vectors of one voice have a large dot product, those of two voices a small one.

Legend: B batch, T_wav samples, T frames, n_mels mel channels, H cells of a layer, D size of the vector.
Tensor names are those of released 🐸TTS encoders.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.speaker_encoder.front_end import WaveformToMel


class ProjectedLSTM(nn.Module):
    """An LSTM layer whose output is projected from H to D, so that the next layer reads less."""

    def __init__(self, in_channels: int, cells: int, out_channels: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(in_channels, cells, batch_first=True)
        self.linear = nn.Linear(cells, out_channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, T, C]`` to ``[B, T, D]``."""
        states, _ = self.lstm(x)  # [B, T, H]
        projected: Tensor = self.linear(states)
        return projected


class LastStateLSTM(nn.Module):
    """Layers of LSTM without projections between them; the last state of the last one is projected."""

    def __init__(self, in_channels: int, cells: int, out_channels: int, num_layers: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(in_channels, cells, num_layers, batch_first=True)
        self.linear = nn.Linear(cells, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, T, C]`` to ``[B, D]``."""
        _, (last, _) = self.lstm(x)  # [layers, B, H]
        return F.relu(self.linear(last[-1]))


class LSTMSpeakerEncoder(nn.Module):
    """Mel spectrograms, or waveforms with a front end, to speaker vectors.

    Args:
        input_dim: ``n_mels``.
        proj_dim: ``D``.
        lstm_dim: ``H``.
        num_lstm_layers: how many layers.
        use_lstm_with_projection: project after each layer, not only after the last.
        torch_spec: the front end of an encoder that takes waveforms.
    """

    def __init__(
        self,
        *,
        input_dim: int = 80,
        proj_dim: int = 256,
        lstm_dim: int = 768,
        num_lstm_layers: int = 3,
        use_lstm_with_projection: bool = True,
        torch_spec: WaveformToMel | None = None,
    ) -> None:
        super().__init__()
        self.proj_dim = proj_dim
        self.layers: nn.Module
        if use_lstm_with_projection:
            sizes = [input_dim] + [proj_dim] * (num_lstm_layers - 1)
            self.layers = nn.Sequential(*(ProjectedLSTM(size, lstm_dim, proj_dim) for size in sizes))
        else:
            self.layers = LastStateLSTM(input_dim, lstm_dim, proj_dim, num_lstm_layers)
        self.torch_spec = torch_spec

    def forward(self, x: Tensor, *, normalize: bool = True) -> Tensor:
        """Embed recordings.

        Args:
            x: ``[B, n_mels, T]``, or ``[B, T_wav]`` with a front end.
            normalize: scale each vector to unit length.

        Returns:
            ``[B, D]``.
        """
        mel = x if self.torch_spec is None else self.torch_spec(x)  # [B, n_mels, T]
        with torch.autocast(mel.device.type, enabled=False):
            # Each channel of each recording gets mean 0 and deviation 1: loudness and microphone do not matter.
            mel = F.instance_norm(mel.float())
        read = self.layers(mel.transpose(1, 2))  # [B, T, D], or [B, D] already
        vector = read[:, -1] if read.dim() == 3 else read
        return F.normalize(vector, dim=1) if normalize else vector
