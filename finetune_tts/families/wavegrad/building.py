"""From a config to a WaveGrad and its noise schedules."""

from collections.abc import Mapping
from typing import Any

from finetune_tts.families.family import Sizes
from finetune_tts.families.wavegrad.config import WavegradConfig
from finetune_tts.families.wavegrad.network import NoiseSchedule, Wavegrad


def build_wavegrad(config: WavegradConfig, sizes: Sizes, *, for_training: bool = True) -> Wavegrad:
    """Build WaveGrad, which generates along ``test_noise_schedule``."""
    args = config.model_params
    return Wavegrad(
        in_channels=args.in_channels,
        out_channels=args.out_channels,
        use_weight_norm=args.use_weight_norm,
        y_conv_channels=args.y_conv_channels,
        x_conv_channels=args.x_conv_channels,
        dblock_out_channels=args.dblock_out_channels,
        ublock_out_channels=args.ublock_out_channels,
        upsample_factors=args.upsample_factors,
        upsample_dilations=args.upsample_dilations,
        schedule=build_noise_schedule(config.test_noise_schedule),
    )


def build_noise_schedule(fields: Mapping[str, Any]) -> NoiseSchedule:
    """Build the schedule that ``train_noise_schedule`` or ``test_noise_schedule`` describes."""
    return NoiseSchedule.linear(fields["min_val"], fields["max_val"], fields["num_steps"])
