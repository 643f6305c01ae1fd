"""What a Glow-TTS network cannot be built with, or a run of it cannot be trained with."""

from collections.abc import Iterator

from finetune_tts.config.arguments import argument_faults, head_faults
from finetune_tts.config.ranges import (
    ABOVE_ZERO,
    CHANNELS,
    COUNT,
    FROM_ZERO,
    KERNEL,
    LENGTH,
    SHARE,
    Range,
    out_of_range,
)
from finetune_tts.config.values import shown
from finetune_tts.families.glow_tts.config import ENCODER_PARAMS, GlowTTSConfig

RANGES = {
    "num_chars": Range(1, 2**20),
    "hidden_channels_enc": CHANNELS,
    "hidden_channels_dec": CHANNELS,
    "hidden_channels_dp": CHANNELS,
    "dropout_p_dp": SHARE,
    "dropout_p_dec": SHARE,
    "out_channels": CHANNELS,
    "num_flow_blocks_dec": COUNT,
    "kernel_size_dec": KERNEL,
    "dilation_rate": Range(1, 16),
    "num_block_layers": COUNT,
    "c_in_channels": Range(0, CHANNELS.high),
    "num_splits": Range(2, 64),
    "num_squeeze": Range(1, 64),
    "d_vector_dim": Range(0, CHANNELS.high),
    "inference_noise_scale": FROM_ZERO,
    "length_scale": ABOVE_ZERO,
}
RUN_RANGES = {
    "data_dep_init_steps": FROM_ZERO,
    "min_seq_len": LENGTH,
    "max_seq_len": LENGTH,
    "r": Range(1, 1),
}
REQUIRED_ENCODER_PARAMS = {
    "rel_pos_transformer": ("num_layers", "num_heads", "hidden_channels_ffn"),
    "gated_conv": ("kernel_size", "dropout_p", "num_layers"),
    "residual_conv_bn": ("kernel_size", "dilations", "num_res_blocks"),
}


def glow_tts_run_faults(config: GlowTTSConfig) -> Iterator[str]:
    """Yield what a Glow-TTS cannot be trained with."""
    yield from out_of_range(config, RUN_RANGES)
    if config.use_d_vector_file and config.use_speaker_embedding:
        yield "use_d_vector_file and use_speaker_embedding are both true: a model has one of them"


def glow_tts_faults(config: GlowTTSConfig) -> Iterator[str]:
    """Yield what a Glow-TTS network cannot be built with."""
    yield from out_of_range(config, RANGES)
    if config.out_channels != config.audio.num_mels:
        yield f"out_channels = {config.out_channels}: must be audio.num_mels = {config.audio.num_mels}"
    if config.kernel_size_dec % 2 == 0:
        yield f"kernel_size_dec = {config.kernel_size_dec}: must be odd"
    if config.num_splits % 2:
        yield f"num_splits = {config.num_splits}: must be even"
    elif config.num_splits > 0 and (channels := config.out_channels * config.num_squeeze) % config.num_splits:
        yield f"num_splits = {config.num_splits}: must divide out_channels times num_squeeze, {channels}"
    if config.use_d_vector_file and config.d_vector_dim < 1:
        yield f"d_vector_dim = {config.d_vector_dim}: must be the size of the vectors, as use_d_vector_file is true"
    yield from encoder_faults(config)


def encoder_faults(config: GlowTTSConfig) -> Iterator[str]:
    """Yield what the text encoder cannot be built with."""
    known = ENCODER_PARAMS.get(config.encoder_type)
    if known is None:
        yield f"encoder_type = {shown(config.encoder_type)}: must be one of {', '.join(ENCODER_PARAMS)}"
        return
    params, required = config.encoder_params, REQUIRED_ENCODER_PARAMS[config.encoder_type]
    yield from argument_faults("encoder_params", params, kind=config.encoder_type, known=known, required=required)
    yield from head_faults("encoder_params", params, "hidden_channels_enc", config.hidden_channels_enc)
