"""What a WaveGrad cannot be made of."""

from collections.abc import Iterator

from finetune_tts.config.ranges import FROM_ONE, is_number, is_whole, out_of_range
from finetune_tts.config.values import shown
from finetune_tts.config.vocoder_checks import hop_faults
from finetune_tts.families.wavegrad.config import WavegradConfig

RANGES = {
    "in_channels": FROM_ONE,
    "out_channels": FROM_ONE,
    "y_conv_channels": FROM_ONE,
    "x_conv_channels": FROM_ONE,
    "dblock_out_channels": FROM_ONE,
    "ublock_out_channels": FROM_ONE,
    "upsample_factors": FROM_ONE,
}


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
    for field in ("train_noise_schedule", "test_noise_schedule"):
        schedule = getattr(config, field)
        low, high, steps = (schedule.get(name) for name in ("min_val", "max_val", "num_steps"))
        if not (is_number(low) and is_number(high) and 0 < low <= high < 1):
            yield f"{field}: min_val = {shown(low)} and max_val = {shown(high)} must lie between 0 and 1, in this order"
        if not is_whole(steps) or steps < 1:
            yield f"{field}.num_steps = {shown(steps)}: must be a whole number, at least 1"
