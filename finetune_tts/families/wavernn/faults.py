"""What a WaveRNN cannot be made of."""

from collections.abc import Iterator

from finetune_tts.config.ranges import CHANNELS, COUNT, FROM_ONE, KERNEL, STRETCH, Range, is_whole, out_of_range
from finetune_tts.config.values import shown
from finetune_tts.config.vocoder_checks import hop_faults
from finetune_tts.families.wavernn.config import WavernnConfig

RANGES = {"target_samples": STRETCH, "overlap_samples": Range(0, STRETCH.high)}
RUN_RANGES = {"num_epochs_before_test": FROM_ONE}
ARG_RANGES = {
    "rnn_dims": CHANNELS,
    "fc_dims": CHANNELS,
    "compute_dims": CHANNELS,
    "res_out_dims": CHANNELS,
    "num_res_blocks": COUNT,
    "upsample_factors": KERNEL,
    "pad": Range(1, 64),
    "feat_dims": CHANNELS,
}
MODES = ("mold", "gauss")


def wavernn_faults(config: WavernnConfig) -> Iterator[str]:
    """Yield what a WaveRNN cannot be made of."""
    yield from hop_faults(config, "model_args.upsample_factors", config.model_args.upsample_factors)
    yield from out_of_range(config, RANGES)
    yield from out_of_range(config.model_args, ARG_RANGES, "model_args.")
    mode = config.model_args.mode
    if mode not in MODES and not (is_whole(mode) and 2 <= int(mode) <= 16):
        yield f"model_args.mode = {shown(mode)}: must be one of {', '.join(MODES)}, or a number of bits from 2 to 16"


def wavernn_run_faults(config: WavernnConfig) -> Iterator[str]:
    """Yield what a WaveRNN cannot be trained with."""
    yield from out_of_range(config, RUN_RANGES)
