"""HiFi-GAN's discriminators (Kong, Kim and Bae 2020, https://arxiv.org/abs/2010.05646).

A period discriminator folds the waveform into rows of ``period`` samples and looks along the columns, so it hears what
repeats at that distance. A scale discriminator hears the waveform as it is, at one sample rate; three of them hear it
at full, half and quarter rate. Periods are primes, so that the parts overlap as little as possible.

Dimensions: B batch, C channels, T samples, P period, T_score length of a score.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.judgement import Judgement
from finetune_tts.layers.spectral_norm import SpectralNormConv1d, SpectralNormConv2d
from finetune_tts.layers.weight_norm import WeightNormConv1d, WeightNormConv2d

SLOPE = 0.1
PERIODS = (2, 3, 5, 7, 11)
PERIOD_CHANNELS = (32, 128, 512, 1024, 1024)


@dataclass(frozen=True)
class ScaleLayer:
    """One convolution of a scale discriminator."""

    out_channels: int
    kernel_size: int
    stride: int
    groups: int


#: The scale discriminator of HiFi-GAN.
SCALE_LAYERS = (
    ScaleLayer(128, 15, 1, 1),
    ScaleLayer(128, 41, 2, 4),
    ScaleLayer(256, 41, 2, 16),
    ScaleLayer(512, 41, 4, 16),
    ScaleLayer(1024, 41, 4, 16),
    ScaleLayer(1024, 41, 1, 16),
    ScaleLayer(1024, 5, 1, 1),
)


class PeriodDiscriminator(nn.Module):
    """Looks at samples that are ``period`` apart.

    Args:
        period: samples of a row.
        kernel_size: odd kernel length along the columns.
        stride: of all convolutions but the last.
        channels: that come out of each convolution but the last.
        use_spectral_norm: spectral norm in the place of weight norm.
    """

    def __init__(
        self,
        period: int,
        *,
        kernel_size: int = 5,
        stride: int = 3,
        channels: Sequence[int] = PERIOD_CHANNELS,
        use_spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        self.period = period
        convolution = SpectralNormConv2d if use_spectral_norm else WeightNormConv2d
        self.convs = nn.ModuleList()
        in_channels = 1
        for index, out_channels in enumerate(channels):
            step = stride if index < len(channels) - 1 else 1
            padding = (kernel_size - 1) // 2
            self.convs.append(
                convolution(in_channels, out_channels, (kernel_size, 1), stride=(step, 1), padding=(padding, 0))
            )
            in_channels = out_channels
        self.conv_post = convolution(in_channels, 1, (3, 1), padding=(1, 0))

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Judge waveforms.

        Args:
            x: ``[B, 1, T]``; longer than a period.

        Returns:
            The score ``[B, T_score]``, and the output of every layer ``[B, C, rows, P]``, the score's too.
        """
        batch, channels, length = x.shape
        if rest := length % self.period:
            x = F.pad(x, (0, self.period - rest), "reflect")
        x = x.reshape(batch, channels, -1, self.period)  # [B, 1, rows, P]
        features = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), SLOPE)
            features.append(x)
        x = self.conv_post(x)
        features.append(x)
        return x.flatten(1), features


class ScaleDiscriminator(nn.Module):
    """Looks at a waveform through strided, grouped convolutions.

    Args:
        layers: the convolutions before the last one.
        use_spectral_norm: spectral norm in the place of weight norm.
    """

    def __init__(self, layers: Sequence[ScaleLayer] = SCALE_LAYERS, *, use_spectral_norm: bool = False) -> None:
        super().__init__()
        convolution = SpectralNormConv1d if use_spectral_norm else WeightNormConv1d
        self.convs = nn.ModuleList()
        in_channels = 1
        for layer in layers:
            self.convs.append(
                convolution(
                    in_channels,
                    layer.out_channels,
                    layer.kernel_size,
                    stride=layer.stride,
                    groups=layer.groups,
                    padding=(layer.kernel_size - 1) // 2,
                )
            )
            in_channels = layer.out_channels
        self.conv_post = convolution(in_channels, 1, 3, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Judge waveforms.

        Args:
            x: ``[B, 1, T]``.

        Returns:
            The score ``[B, T_score]``, and the output of every layer ``[B, C, T']``, the score's too.
        """
        features = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), SLOPE)
            features.append(x)
        x = self.conv_post(x)
        features.append(x)
        return x.flatten(1), features


class MultiPeriodDiscriminator(nn.Module):
    """Period discriminators of all periods."""

    def __init__(
        self,
        *,
        periods: Sequence[int] = PERIODS,
        channels: Sequence[int] = PERIOD_CHANNELS,
        use_spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        self.discriminators = nn.ModuleList(
            PeriodDiscriminator(period, channels=channels, use_spectral_norm=use_spectral_norm) for period in periods
        )

    def forward(self, x: Tensor) -> Judgement:
        """Judge ``x [B, 1, T]``."""
        return judged([discriminator(x) for discriminator in self.discriminators])


class MultiScaleDiscriminator(nn.Module):
    """Three scale discriminators at full, half and quarter rate; the first has spectral norm, for stability."""

    def __init__(self, layers: Sequence[ScaleLayer] = SCALE_LAYERS) -> None:
        super().__init__()
        self.discriminators = nn.ModuleList(
            ScaleDiscriminator(layers, use_spectral_norm=first) for first in (True, False, False)
        )

    def forward(self, x: Tensor) -> Judgement:
        """Judge ``x [B, 1, T]``."""
        parts = []
        for index, discriminator in enumerate(self.discriminators):
            if index > 0:
                x = F.avg_pool1d(x, 4, stride=2, padding=2)
            parts.append(discriminator(x))
        return judged(parts)


class WaveformDiscriminator(nn.Module):
    """All of them: first the periods, then the scales.

    Args:
        scale_layers: of the parts that hear the waveform as it is.
        period_channels: of the parts for periods.
    """

    def __init__(
        self,
        *,
        scale_layers: Sequence[ScaleLayer] = SCALE_LAYERS,
        period_channels: Sequence[int] = PERIOD_CHANNELS,
    ) -> None:
        super().__init__()
        self.mpd = MultiPeriodDiscriminator(channels=period_channels)
        self.msd = MultiScaleDiscriminator(scale_layers)

    def forward(self, x: Tensor) -> Judgement:
        """Judge ``x [B, 1, T]``."""
        periods, scales = self.mpd(x), self.msd(x)
        return Judgement([*periods.scores, *scales.scores], [*periods.features, *scales.features])


def judged(parts: Sequence[tuple[Tensor, list[Tensor]]]) -> Judgement:
    """Return the pairs of score and features that parts gave as one judgement."""
    return Judgement([score for score, _ in parts], [features for _, features in parts])
