"""What a WaveGrad cannot be made of."""

from collections.abc import Iterator

from finetune_tts.config.ranges import CHANNELS, KERNEL, Range, is_number, is_whole, out_of_range
from finetune_tts.config.values import shown
from finetune_tts.config.vocoder_checks import hop_faults
from finetune_tts.families.wavegrad.config import WavegradConfig

RANGES = {
    "in_channels": CHANNELS,
    "out_channels": CHANNELS,
    "y_conv_channels": CHANNELS,
    "x_conv_channels": CHANNELS,
    "dblock_out_channels": CHANNELS,
    "ublock_out_channels": CHANNELS,
    "upsample_factors": KERNEL,
    "upsample_dilations": KERNEL,
}
STEPS = Range(1, 10_000)


def wavegrad_faults(config: WavegradConfig) -> Iterator[str]:
    """Yield what a WaveGrad cannot be made of."""
    args = config.model_params
    yield from hop_faults(config, "model_params.upsample_factors", args.upsample_factors)
    yield from out_of_range(args, RANGES, "model_params.")
    blocks = len(args.upsample_factors)
    for name, wanted in (
        ("ublock_out_channels", blocks),
        ("upsample_dilations", blocks),
        ("dblock_out_channels", blocks - 1),
    ):
        if len(getattr(args, name)) != wanted:
            yield f"model_params.{name}: must have {wanted} items, as upsample_factors has {blocks}"
    yield from schedule_faults(config, "test_noise_schedule")


def wavegrad_run_faults(config: WavegradConfig) -> Iterator[str]:
    """Yield what a WaveGrad cannot be trained with."""
    yield from schedule_faults(config, "train_noise_schedule")


def schedule_faults(config: WavegradConfig, field: str) -> Iterator[str]:
    """Yield what is wrong with one of the two noise schedules."""
    schedule = getattr(config, field)
    low, high, steps = (schedule.get(name) for name in ("min_val", "max_val", "num_steps"))
    if not (is_number(low) and is_number(high) and 0 < low <= high < 1):
        yield f"{field}: min_val = {shown(low)} and max_val = {shown(high)} must lie between 0 and 1, in this order"
    if not (is_whole(steps) and STEPS.holds(steps)):
        yield f"{field}.num_steps = {shown(steps)}: must be a whole number, {STEPS}"
