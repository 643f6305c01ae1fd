"""What a WaveRNN cannot be made of."""

from collections.abc import Iterator

from finetune_tts.config.ranges import FROM_ONE, FROM_ZERO, is_whole, out_of_range
from finetune_tts.config.values import shown
from finetune_tts.config.vocoder_checks import hop_faults
from finetune_tts.families.wavernn.config import WavernnConfig

RANGES = {"target_samples": FROM_ONE, "overlap_samples": FROM_ZERO, "num_epochs_before_test": FROM_ONE}
ARG_RANGES = {
    "rnn_dims": FROM_ONE,
    "fc_dims": FROM_ONE,
    "compute_dims": FROM_ONE,
    "res_out_dims": FROM_ONE,
    "num_res_blocks": FROM_ONE,
    "upsample_factors": FROM_ONE,
    "pad": FROM_ONE,
    "feat_dims": FROM_ONE,
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
