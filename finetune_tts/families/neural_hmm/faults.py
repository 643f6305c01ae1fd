"""Values of a neural HMM's config that have the right type and make no sense."""

from collections.abc import Iterator

from finetune_tts.config.ranges import (
    ABOVE_ZERO,
    CHANNELS,
    COUNT,
    FROM_ZERO,
    KERNEL,
    SHARE,
    Range,
    is_number,
    not_among,
    out_of_range,
)
from finetune_tts.config.values import shown, shown_name
from finetune_tts.families.neural_hmm.config import HMMConfig, OverflowConfig

_PROBABILITY = Range(0, 1, open_low=True, open_high=True)
RANGES = {
    "num_chars": Range(0, 2**20),
    "state_per_phone": Range(1, 64),
    "encoder_in_out_features": CHANNELS,
    "out_channels": CHANNELS,
    "ar_order": Range(1, 64),
    "prenet_dim": CHANNELS,
    "prenet_n_layers": COUNT,
    "prenet_dropout": SHARE,
    "memory_rnn_dim": CHANNELS,
    "outputnet_size": CHANNELS,
    "std_floor": ABOVE_ZERO,
    "sampling_temp": FROM_ZERO,
    "duration_threshold": _PROBABILITY,
    "max_sampling_time": FROM_ZERO,
}
FLOW_RANGES = {
    "hidden_channels_dec": CHANNELS,
    "kernel_size_dec": KERNEL,
    "dilation_rate": Range(1, 16),
    "num_flow_blocks_dec": COUNT,
    "num_block_layers": COUNT,
    "dropout_p_dec": SHARE,
    "num_splits": Range(2, 64),
    "num_squeeze": Range(1, 64),
    "c_in_channels": Range(0, 0),
}
FLAT_START_RANGES = {"mean": Range(), "std": Range(1e-6, 100), "transition_p": Range(1e-4, 0.9999)}


def hmm_run_faults(config: HMMConfig) -> Iterator[str]:
    """Yield what a neural HMM cannot be trained with."""
    yield from out_of_range(config, {"r": Range(1, 1)})
    for name in ("use_speaker_embedding", "use_d_vector_file"):
        if getattr(config, name):
            yield f"{name} = true: must be false, as the model knows one speaker"


def hmm_faults(config: HMMConfig) -> Iterator[str]:
    """Yield what a neural HMM cannot be built with."""
    yield from out_of_range(config, RANGES)
    yield from not_among(config, {"prenet_type": ("original", "bn")})
    if config.out_channels != config.audio.num_mels:
        yield f"out_channels = {config.out_channels}: must be audio.num_mels = {config.audio.num_mels}"
    if config.encoder_in_out_features % 2:
        yield f"encoder_in_out_features = {config.encoder_in_out_features}: must be even"
    if not 1 <= len(config.outputnet_size) <= COUNT.high:
        yield f"outputnet_size has {len(config.outputnet_size)} items: must have at least 1 and at most {COUNT.high}"
    yield from flat_start_faults(config)


def flat_start_faults(config: HMMConfig) -> Iterator[str]:
    """Yield what a fresh model cannot say of its states."""
    for name, allowed in FLAT_START_RANGES.items():
        value = config.flat_start_params.get(name)
        if value is None or not (is_number(value) and allowed.holds(value)):
            yield f"flat_start_params.{name} = {shown(value)}: must be a number, {allowed}"
    for name in config.flat_start_params:
        if name not in FLAT_START_RANGES:
            known = ", ".join(FLAT_START_RANGES)
            yield f"flat_start_params.{shown_name(name)}: there is no such value; there are {known}"


def overflow_faults(config: OverflowConfig) -> Iterator[str]:
    """Yield what an OverFlow cannot be built with."""
    yield from hmm_faults(config)
    yield from out_of_range(config, FLOW_RANGES)
    if config.kernel_size_dec % 2 == 0:
        yield f"kernel_size_dec = {config.kernel_size_dec}: must be odd"
    if config.num_splits % 2:
        yield f"num_splits = {config.num_splits}: must be even"
    elif config.num_splits > 0 and (channels := config.out_channels * config.num_squeeze) % config.num_splits:
        yield f"num_splits = {config.num_splits}: must divide out_channels times num_squeeze, {channels}"
