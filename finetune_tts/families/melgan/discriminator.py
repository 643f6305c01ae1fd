"""MelGAN's discriminators (Kumar et al. 2019, https://arxiv.org/abs/1910.06711).

Strided convolutions in groups, so that a long kernel stays cheap; three of the same build hear the waveform at full,
half and quarter rate.

Dimensions: B batch, C channels, T samples, T_score length of a score.
"""

import math
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.judgement import Judgement
from finetune_tts.layers.weight_norm import WeightNormConv1d

SLOPE = 0.2


class MelganDiscriminator(nn.Module):
    """One discriminator.

    Args:
        in_channels: channels of the waveform.
        out_channels: channels of the score.
        kernel_sizes: odd kernel lengths of the last two convolutions; their product is that of the first one.
        base_channels: channels after the first convolution.
        max_channels: no layer has more.
        downsample_factors: strides; each multiplies the channels too.
        groups_denominator: channels that a group has in the strided convolutions.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        out_channels: int = 1,
        kernel_sizes: Sequence[int] = (5, 3),
        base_channels: int = 16,
        max_channels: int = 1024,
        downsample_factors: Sequence[int] = (4, 4, 4, 4),
        groups_denominator: int = 4,
    ) -> None:
        super().__init__()
        if len(kernel_sizes) != 2 or any(size % 2 == 0 for size in kernel_sizes):
            raise ValueError(f"kernel_sizes {kernel_sizes} must be two odd numbers.")
        first_kernel = math.prod(kernel_sizes)
        self.layers = nn.ModuleList(
            [
                nn.Sequential(
                    nn.ReflectionPad1d((first_kernel - 1) // 2),
                    WeightNormConv1d(in_channels, base_channels, first_kernel),
                    nn.LeakyReLU(SLOPE),
                )
            ]
        )
        channels = base_channels
        for factor in downsample_factors:
            wider = min(channels * factor, max_channels)
            self.layers.append(
                nn.Sequential(
                    WeightNormConv1d(
                        channels,
                        wider,
                        factor * 10 + 1,
                        stride=factor,
                        padding=factor * 5,
                        groups=channels // groups_denominator,
                    ),
                    nn.LeakyReLU(SLOPE),
                )
            )
            channels = wider
        wider = min(channels * 2, max_channels)
        self.layers.append(
            nn.Sequential(
                WeightNormConv1d(channels, wider, kernel_sizes[0], padding=(kernel_sizes[0] - 1) // 2),
                nn.LeakyReLU(SLOPE),
            )
        )
        self.layers.append(WeightNormConv1d(wider, out_channels, kernel_sizes[1], padding=(kernel_sizes[1] - 1) // 2))

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Judge waveforms.

        Args:
            x: ``[B, in_channels, T]``.

        Returns:
            The score ``[B, out_channels, T_score]``, and the output of every layer ``[B, C, T']``, the score's too.
        """
        features = []
        for layer in self.layers:
            x = layer(x)
            features.append(x)
        return x, features


class MelganMultiscaleDiscriminator(nn.Module):
    """The same discriminator several times, each at half the rate of the one before.

    Args:
        num_scales: how many.
        pooling_kernel_size, pooling_stride, pooling_padding: of the mean that lowers the rate.
        others: as for :class:`MelganDiscriminator`.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        out_channels: int = 1,
        num_scales: int = 3,
        kernel_sizes: Sequence[int] = (5, 3),
        base_channels: int = 16,
        max_channels: int = 1024,
        downsample_factors: Sequence[int] = (4, 4, 4),
        pooling_kernel_size: int = 4,
        pooling_stride: int = 2,
        pooling_padding: int = 2,
        groups_denominator: int = 4,
    ) -> None:
        super().__init__()
        self.pooling = (pooling_kernel_size, pooling_stride, pooling_padding)
        self.discriminators = nn.ModuleList(
            MelganDiscriminator(
                in_channels=in_channels,
                out_channels=out_channels,
                kernel_sizes=kernel_sizes,
                base_channels=base_channels,
                max_channels=max_channels,
                downsample_factors=downsample_factors,
                groups_denominator=groups_denominator,
            )
            for _ in range(num_scales)
        )

    def forward(self, x: Tensor) -> Judgement:
        """Judge ``x [B, in_channels, T]``."""
        scores, features = [], []
        for index, discriminator in enumerate(self.discriminators):
            if index > 0:
                x = F.avg_pool1d(x, *self.pooling, count_include_pad=False)
            score, hidden = discriminator(x)
            scores.append(score)
            features.append(hidden)
        return Judgement(scores, features)
