"""What a VITS network cannot be built with, or a run of it cannot be trained with."""

import math
from collections.abc import Iterator

from finetune_tts.config.ranges import (
    ABOVE_ZERO,
    CHANNELS,
    COUNT,
    FROM_ONE,
    FROM_ZERO,
    KERNEL,
    SHARE,
    STRETCH,
    Range,
    not_among,
    out_of_range,
)
from finetune_tts.config.values import shown
from finetune_tts.families.vits.config import VitsArgs, VitsConfig

RUN_RANGES = {
    "lr_gen": ABOVE_ZERO,
    "lr_disc": ABOVE_ZERO,
    "kl_loss_alpha": FROM_ZERO,
    "disc_loss_alpha": FROM_ZERO,
    "gen_loss_alpha": FROM_ZERO,
    "feat_loss_alpha": FROM_ZERO,
    "mel_loss_alpha": FROM_ZERO,
    "dur_loss_alpha": FROM_ZERO,
    "speaker_encoder_loss_alpha": FROM_ZERO,
    "r": Range(1, 1),
}
NETWORK_RANGES = {
    "num_chars": Range(1, 2**20),
    "out_channels": CHANNELS,
    "spec_segment_size": STRETCH,
    "hidden_channels": Range(2, CHANNELS.high),
    "hidden_channels_ffn_text_encoder": CHANNELS,
    "num_heads_text_encoder": COUNT,
    "num_layers_text_encoder": COUNT,
    "kernel_size_text_encoder": KERNEL,
    "dropout_p_text_encoder": SHARE,
    "hidden_channels_dp": CHANNELS,
    "dropout_p_duration_predictor": SHARE,
    "kernel_size_posterior_encoder": KERNEL,
    "dilation_rate_posterior_encoder": Range(1, 16),
    "num_layers_posterior_encoder": COUNT,
    "kernel_size_flow": KERNEL,
    "dilation_rate_flow": Range(1, 16),
    "num_layers_flow": COUNT,
    "resblock_kernel_sizes_decoder": KERNEL,
    "resblock_dilation_sizes_decoder": KERNEL,
    "upsample_rates_decoder": KERNEL,
    "upsample_kernel_sizes_decoder": KERNEL,
    "upsample_initial_channel_decoder": CHANNELS,
    "periods_multi_period_discriminator": KERNEL,
    "inference_noise_scale": FROM_ZERO,
    "inference_noise_scale_dp": FROM_ZERO,
    "length_scale": ABOVE_ZERO,
    "max_inference_len": FROM_ONE,
    "speaker_embedding_channels": CHANNELS,
    "embedded_language_dim": CHANNELS,
    "d_vector_dim": Range(0, CHANNELS.high),
    "encoder_sample_rate": Range(4000, 192_000),
}
SEARCH_RANGES = {"mas_noise_scale_initial": FROM_ZERO, "noise_scale_delta": FROM_ZERO}
CHOICES: dict[str, tuple[str, ...]] = {"resblock_type_decoder": ("1", "2")}


def vits_run_faults(config: VitsConfig) -> Iterator[str]:
    """Yield what a run of a VITS cannot be trained with, one line each."""
    args = config.model_args
    yield from out_of_range(config, RUN_RANGES)
    yield from out_of_range(args, SEARCH_RANGES, "model_args.")
    if args.use_d_vector_file and args.use_speaker_embedding:
        yield "use_d_vector_file and use_speaker_embedding are both true: a model has one of them"


def vits_faults(config: VitsConfig) -> Iterator[str]:
    """Yield what a network cannot be built with, one line each."""
    args = config.model_args
    yield from out_of_range(args, NETWORK_RANGES, "model_args.")
    yield from not_among(args, CHOICES, "model_args.")
    bins = config.audio.fft_size // 2 + 1
    if args.out_channels != bins:
        yield f"model_args.out_channels = {args.out_channels}: must be audio.fft_size / 2 + 1 = {bins}"
    for name in ("kernel_size_posterior_encoder", "kernel_size_flow"):
        if args[name] % 2 == 0:
            yield f"model_args.{name} = {args[name]}: must be odd"
    if args.hidden_channels % 2:
        yield f"model_args.hidden_channels = {args.hidden_channels}: must be even"
    width = args.hidden_channels + (args.embedded_language_dim if args.use_language_embedding else 0)
    if args.num_heads_text_encoder > 0 and width % args.num_heads_text_encoder:
        yield f"model_args.num_heads_text_encoder = {args.num_heads_text_encoder}: must divide {width} channels"
    yield from decoder_faults(config, args)
    if args.use_d_vector_file and args.d_vector_dim < 1:
        yield f"d_vector_dim = {args.d_vector_dim}: must be the size of the vectors, as use_d_vector_file is true"


def decoder_faults(config: VitsConfig, args: VitsArgs) -> Iterator[str]:
    """Yield lists that do not go together, and rates that do not add up to the hop length."""
    pairs = (
        ("resblock_kernel_sizes_decoder", "resblock_dilation_sizes_decoder"),
        ("upsample_rates_decoder", "upsample_kernel_sizes_decoder"),
    )
    for first, second in pairs:
        if not args[first] or len(args[first]) != len(args[second]):
            yield f"model_args.{first} has {len(args[first])} items, model_args.{second} {len(args[second])}"
    hop = config.audio.hop_length
    factor = 1.0
    if args.encoder_sample_rate:
        factor = config.audio.sample_rate / args.encoder_sample_rate
        if factor < 1 or factor != int(factor):
            yield (
                f"model_args.encoder_sample_rate = {args.encoder_sample_rate}: audio.sample_rate = "
                f"{config.audio.sample_rate} must be a whole multiple of it"
            )
    if hop is None:
        yield "audio.hop_length = null: a VITS needs it in samples"
        return
    wanted = hop * (1 if args.interpolate_z else factor)
    if math.prod(args.upsample_rates_decoder) != wanted:
        rate = "audio.hop_length" if factor == 1 or args.interpolate_z else "audio.hop_length at the decoder's rate"
        rates = shown(args.upsample_rates_decoder)
        yield f"model_args.upsample_rates_decoder = {rates}: must multiply to {rate}, {wanted:g}"
