"""What a feed-forward network cannot be built with, or a run of it cannot be trained with."""

from collections.abc import Iterator

from finetune_tts.config.arguments import argument_faults, head_faults
from finetune_tts.config.ranges import (
    ABOVE_ZERO,
    CHANNELS,
    FROM_ZERO,
    KERNEL,
    SHARE,
    Range,
    not_among,
    out_of_range,
)
from finetune_tts.config.values import shown
from finetune_tts.families.feed_forward.config import DECODER_PARAMS, ENCODER_PARAMS, FeedForwardArgs, FeedForwardConfig

_PREDICTORS = ("duration", "pitch", "energy")
NETWORK_RANGES = {
    "num_chars": Range(1, 2**20),
    "out_channels": CHANNELS,
    "hidden_channels": Range(2, CHANNELS.high),
    "length_scale": ABOVE_ZERO,
    "d_vector_dim": Range(0, CHANNELS.high),
    **{f"{name}_predictor_hidden_channels": CHANNELS for name in _PREDICTORS},
    **{f"{name}_predictor_kernel_size": KERNEL for name in _PREDICTORS},
    **{f"{name}_predictor_dropout_p": SHARE for name in _PREDICTORS},
    "pitch_embedding_kernel_size": KERNEL,
    "energy_embedding_kernel_size": KERNEL,
}
RUN_RANGES = {
    "spec_loss_alpha": FROM_ZERO,
    "aligner_loss_alpha": FROM_ZERO,
    "pitch_loss_alpha": FROM_ZERO,
    "energy_loss_alpha": FROM_ZERO,
    "dur_loss_alpha": FROM_ZERO,
    "binary_align_loss_alpha": FROM_ZERO,
    "binary_loss_warmup_epochs": FROM_ZERO,
    "r": Range(1, 1),
}
#: Speaking reads these too: a pitch is given in Hz.
SCALE_RANGES = {
    "pitch_mean": ABOVE_ZERO,
    "pitch_std": ABOVE_ZERO,
    "energy_mean": FROM_ZERO,
    "energy_std": ABOVE_ZERO,
}
ERRORS = ("mse", "l1", "huber")
REQUIRED = {
    "fftransformer": ("num_heads", "hidden_channels_ffn", "num_layers", "dropout_p"),
    "residual_conv_bn": ("kernel_size", "dilations", "num_res_blocks"),
    "relative_position_transformer": ("hidden_channels_ffn", "num_heads", "num_layers"),
    "wavenet": ("num_blocks", "hidden_channels", "kernel_size", "dilation_rate", "num_layers"),
}


def feed_forward_run_faults(config: FeedForwardConfig) -> Iterator[str]:
    """Yield what a run cannot be trained with, one line each."""
    args = config.model_args
    yield from out_of_range(config, RUN_RANGES)
    yield from not_among(config, {"spec_loss_type": ERRORS, "duration_loss_type": ERRORS})
    if not args.use_aligner:
        yield "model_args.use_aligner = false: training needs the aligner, as data sets hold no durations"
    elif config.aligner_loss_alpha == 0:
        yield "aligner_loss_alpha = 0: must be above 0, as the aligner learns by nothing else"
    if args.use_d_vector_file and args.use_speaker_embedding:
        yield "use_d_vector_file and use_speaker_embedding are both true: a model has one of them"
    low, high = config.audio.pitch_fmin or 0, config.audio.pitch_fmax
    if args.use_pitch and not (high and low < high <= config.audio.sample_rate / 2):
        yield (
            f"audio.pitch_fmin = {shown(config.audio.pitch_fmin)} and audio.pitch_fmax = {shown(high)}: must rise, "
            f"up to half of audio.sample_rate = {config.audio.sample_rate}"
        )


def feed_forward_faults(config: FeedForwardConfig) -> Iterator[str]:
    """Yield what a network cannot be built with, one line each."""
    args = config.model_args
    yield from out_of_range(args, NETWORK_RANGES, "model_args.")
    yield from out_of_range(config, SCALE_RANGES)
    if args.out_channels != config.audio.num_mels:
        yield f"model_args.out_channels = {args.out_channels}: must be audio.num_mels = {config.audio.num_mels}"
    if args.positional_encoding and args.hidden_channels % 2:
        yield f"model_args.hidden_channels = {args.hidden_channels}: must be even, as positional_encoding is true"
    for name in (
        *(f"{part}_predictor_kernel_size" for part in _PREDICTORS),
        *("pitch_embedding_kernel_size", "energy_embedding_kernel_size"),
    ):
        if args[name] % 2 == 0:
            yield f"model_args.{name} = {args[name]}: must be odd"
    if args.use_d_vector_file and not args.d_vector_dim:
        yield f"d_vector_dim = {args.d_vector_dim}: must be the size of the vectors, as use_d_vector_file is true"
    yield from _part_faults(args, "encoder")
    yield from _part_faults(args, "decoder")


def _part_faults(args: FeedForwardArgs, part: str) -> Iterator[str]:
    """Yield what the encoder or the decoder cannot be built with."""
    table = ENCODER_PARAMS if part == "encoder" else DECODER_PARAMS
    kind, params, field = args[f"{part}_type"], args[f"{part}_params"], f"model_args.{part}_params"
    if kind not in table:
        yield f"model_args.{part}_type = {shown(kind)}: must be one of {', '.join(table)}"
        return
    known = dict(table[kind])
    if kind == "relative_position_transformer":
        known |= {"input_length": None, "layer_norm_type": "1"}
        if params.get("layer_norm_type", "1") not in ("1", "2"):
            yield f"{field}.layer_norm_type = {shown(params['layer_norm_type'])}: must be 1 or 2, as a text"
    if kind == "wavenet":
        known |= {"weight_norm": True}
        if params.get("weight_norm", True) is not True:
            yield f"{field}.weight_norm = {shown(params['weight_norm'])}: must be true"
        if isinstance(size := params.get("kernel_size"), int) and size % 2 == 0:
            yield f"{field}.kernel_size = {size}: must be odd"
    yield from argument_faults(field, params, kind=kind, known=known, required=REQUIRED[kind])
    if "num_heads" in known:
        yield from head_faults(field, params, "model_args.hidden_channels", args.hidden_channels)
