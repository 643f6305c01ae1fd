"""The discriminator of VITS: one that hears the waveform as it is, and one for each period (Kim et al. 2021).

Dimensions: B batch, T samples.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from finetune_tts.layers.judgement import Judgement
from finetune_tts.layers.waveform_discriminators import (
    PERIOD_CHANNELS,
    PeriodDiscriminator,
    ScaleDiscriminator,
    ScaleLayer,
    judged,
)

#: Narrower at the beginning than HiFi-GAN's.
SCALE_LAYERS = (
    ScaleLayer(16, 15, 1, 1),
    ScaleLayer(64, 41, 4, 4),
    ScaleLayer(256, 41, 4, 16),
    ScaleLayer(1024, 41, 4, 64),
    ScaleLayer(1024, 41, 4, 256),
    ScaleLayer(1024, 5, 1, 1),
)


class VITSDiscriminator(nn.Module):
    """Judges slices of waveforms.

    Args:
        periods: of the period discriminators, in samples.
        use_spectral_norm: spectral norm in the place of weight norm.
        scale_layers: of the part that hears the waveform as it is.
        period_channels: of the parts for periods.
    """

    def __init__(
        self,
        *,
        periods: Sequence[int],
        use_spectral_norm: bool = False,
        scale_layers: Sequence[ScaleLayer] = SCALE_LAYERS,
        period_channels: Sequence[int] = PERIOD_CHANNELS,
    ) -> None:
        super().__init__()
        self.nets = nn.ModuleList(
            [
                ScaleDiscriminator(scale_layers, use_spectral_norm=use_spectral_norm),
                *(
                    PeriodDiscriminator(period, channels=period_channels, use_spectral_norm=use_spectral_norm)
                    for period in periods
                ),
            ]
        )

    def forward(self, waveforms: Tensor) -> Judgement:
        """Judge ``waveforms [B, 1, T]``."""
        return judged([net(waveforms) for net in self.nets])
