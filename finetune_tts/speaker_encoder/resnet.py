"""The ResNet speaker encoder (Heo et al. 2020, "Clova Baseline System for the VoxCeleb Speaker Recognition Challenge
2020", model H/ASP without the last batch normalization).

A mel spectrogram is treated as a picture. Residual blocks with squeeze-and-excitation (Hu et al. 2018,
"Squeeze-and-Excitation Networks") halve it three times; attention over time weighs the frames, and the weighted mean
and deviation of all channels become the vector (Okabe et al. 2018, "Attentive Statistics Pooling").

Legend: B batch, T_wav samples, T frames, n_mels mel channels, C channels of a block, F and T' what is left of n_mels
and T, D size of the vector.
Tensor names are those of released 🐸TTS encoders.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.speaker_encoder.front_end import WaveformToMel

POOLINGS = ("ASP", "SAP")
_ATTENTION_CHANNELS = 128
_SMALLEST_VARIANCE = 1e-5
_SMALLEST_POWER = 1e-6


class SqueezeExcitation(nn.Module):
    """Weighs channels by what the whole picture shows."""

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        self.fc = nn.Sequential(
            nn.Linear(channels, channels // reduction),
            nn.ReLU(),
            nn.Linear(channels // reduction, channels),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, F, T']`` to the same shape."""
        weights: Tensor = self.fc(x.mean(dim=(2, 3)))  # [B, C]
        return x * weights[:, :, None, None]


class ResidualBlock(nn.Module):
    """Two convolutions and channel weights beside a shortcut. Normalization follows the first ReLU, as in releases."""

    def __init__(self, in_channels: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.se = SqueezeExcitation(channels)
        self.downsample: nn.Module | None = None
        if stride != 1 or in_channels != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride=stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C_in, F, T']`` to ``[B, C, F / stride, T' / stride]``, rounded up."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.bn1(F.relu(self.conv1(x)))
        x = self.se(self.bn2(self.conv2(x)))
        return F.relu(x + shortcut)


class ResNetSpeakerEncoder(nn.Module):
    """Mel spectrograms, or waveforms with a front end, to speaker vectors.

    Args:
        input_dim: ``n_mels``, a multiple of 8.
        proj_dim: ``D``.
        layers: blocks of the four stages.
        num_filters: channels of the four stages.
        encoder_type: ``ASP`` keeps mean and deviation over time, ``SAP`` the mean only.
        log_input: take the logarithm of the spectrogram.
        torch_spec: the front end of an encoder that takes waveforms.
    """

    def __init__(
        self,
        *,
        input_dim: int = 64,
        proj_dim: int = 512,
        layers: Sequence[int] = (3, 4, 6, 3),
        num_filters: Sequence[int] = (32, 64, 128, 256),
        encoder_type: str = "ASP",
        log_input: bool = False,
        torch_spec: WaveformToMel | None = None,
    ) -> None:
        super().__init__()
        if encoder_type not in POOLINGS:
            raise ValueError(f"encoder_type {encoder_type!r} is none of {', '.join(POOLINGS)}.")
        if input_dim % 8:
            raise ValueError(f"input_dim {input_dim} is not a multiple of 8.")
        self.proj_dim = proj_dim
        self.log_input = log_input
        self.encoder_type = encoder_type
        first, second, third, fourth = num_filters
        self.conv1 = nn.Conv2d(1, first, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(first)
        self.layer1 = _stage(first, first, layers[0], stride=1)
        self.layer2 = _stage(first, second, layers[1], stride=2)
        self.layer3 = _stage(second, third, layers[2], stride=2)
        self.layer4 = _stage(third, fourth, layers[3], stride=2)
        self.torch_spec = torch_spec
        flat = fourth * (input_dim // 8)  # C F
        self.attention = nn.Sequential(
            nn.Conv1d(flat, _ATTENTION_CHANNELS, 1),
            nn.ReLU(),
            nn.BatchNorm1d(_ATTENTION_CHANNELS),
            nn.Conv1d(_ATTENTION_CHANNELS, flat, 1),
            nn.Softmax(dim=2),
        )
        self.fc = nn.Linear(2 * flat if encoder_type == "ASP" else flat, proj_dim)

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
            mel = mel.float()
            mel = (mel + _SMALLEST_POWER).log() if self.log_input else mel
            # Each channel of each recording gets mean 0 and deviation 1: loudness and microphone do not matter.
            mel = F.instance_norm(mel)
        x = self.bn1(F.relu(self.conv1(mel.unsqueeze(1))))  # [B, C, n_mels, T]
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))  # [B, C, F, T']
        vector: Tensor = self.fc(self._pool(x.flatten(1, 2)))
        return F.normalize(vector, dim=1) if normalize else vector

    def _pool(self, x: Tensor) -> Tensor:
        """Statistics over time: ``[B, C F, T']`` to ``[B, C F]`` or ``[B, 2 C F]``."""
        weights = self.attention(x)  # [B, C F, T'], 1 in sum over time
        mean = (x * weights).sum(dim=2)
        if self.encoder_type == "SAP":
            return mean
        variance = (x.square() * weights).sum(dim=2) - mean.square()
        return torch.cat([mean, variance.clamp(min=_SMALLEST_VARIANCE).sqrt()], dim=1)


def _stage(in_channels: int, channels: int, blocks: int, *, stride: int) -> nn.Sequential:
    first = ResidualBlock(in_channels, channels, stride)
    return nn.Sequential(first, *(ResidualBlock(channels, channels) for _ in range(blocks - 1)))
