"""What an XTTS cannot be built, speak or be trained with."""

from collections.abc import Iterator

from finetune_tts.config.ranges import CHANNELS, COUNT, FROM_ONE, FROM_ZERO, Range, out_of_range
from finetune_tts.families.xtts.config import XttsConfig
from finetune_tts.families.xtts.text.extending import MAX_NEW_PIECES

ARGS_RANGES = {
    "gpt_layers": COUNT,
    "gpt_n_model_channels": Range(8, 16384),
    "gpt_n_heads": Range(1, 256),
    "gpt_max_audio_tokens": Range(4, 100_000),
    "gpt_max_text_tokens": Range(1, 100_000),
    "gpt_number_text_tokens": Range(1, 1_000_000),
    "gpt_start_text_token": FROM_ZERO,
    "gpt_stop_text_token": FROM_ZERO,
    "gpt_num_audio_tokens": Range(3, 1_000_000),
    "gpt_start_audio_token": FROM_ZERO,
    "gpt_stop_audio_token": FROM_ZERO,
    "gpt_code_stride_len": Range(1, 65536),
    "input_sample_rate": Range(22050, 22050),
    "output_sample_rate": Range(8000, 192_000),
    "output_hop_length": Range(256, 256),
    "d_vector_dim": CHANNELS,
}
RANGES = {
    "temperature": FROM_ZERO,
    "repetition_penalty": FROM_ONE,
    "top_k": FROM_ZERO,
    "top_p": Range(0, 1, open_low=True),
    "num_gpt_outputs": Range(1, 16),
    "gpt_cond_len": FROM_ONE,
    "gpt_cond_chunk_len": FROM_ONE,
    "max_ref_len": FROM_ONE,
}

RUN_ARGS_RANGES = {
    "max_wav_length": FROM_ONE,
    "min_wav_length": FROM_ONE,
    "max_text_length": FROM_ONE,
    "min_conditioning_length": FROM_ONE,
    "max_conditioning_length": FROM_ONE,
    "gpt_loss_text_ce_weight": FROM_ZERO,
    "gpt_loss_mel_ce_weight": FROM_ZERO,
}
RUN_RANGES = {
    "new_language_pieces": Range(0, MAX_NEW_PIECES),
    "decoder_segment_frames": Range(4, 1000),
    "l1_spec_loss_weight": FROM_ZERO,
    "feat_match_loss_weight": FROM_ZERO,
    "mse_G_loss_weight": FROM_ZERO,
}
SHORTEST_FOR_DECODER = 1024
"""Samples of a clip below which there are not enough frames to compare."""


def xtts_faults(config: XttsConfig) -> Iterator[str]:
    """Yield what an XTTS cannot be built or speak with."""
    args = config.model_args
    yield from out_of_range(config, RANGES)
    yield from out_of_range(args, ARGS_RANGES, "model_args.")
    width, heads, codes = args.gpt_n_model_channels, args.gpt_n_heads, args.gpt_num_audio_tokens
    if heads >= 1 and width % heads:
        yield f"model_args.gpt_n_heads = {heads}: must divide gpt_n_model_channels = {width}"
    if width % 8:
        yield f"model_args.gpt_n_model_channels = {width}: must be a multiple of 8"
    if args.decoder_input_dim != width:
        yield f"model_args.decoder_input_dim = {args.decoder_input_dim}: must be gpt_n_model_channels = {width}"
    for name in ("gpt_start_audio_token", "gpt_stop_audio_token"):
        if args[name] >= codes:
            yield f"model_args.{name} = {args[name]}: must be below gpt_num_audio_tokens = {codes}"
    for name in ("gpt_start_text_token", "gpt_stop_text_token"):
        rows = args.gpt_number_text_tokens
        if rows is not None and args[name] is not None and args[name] >= rows:
            yield f"model_args.{name} = {args[name]}: must be below gpt_number_text_tokens = {rows}"
    if not args.cond_d_vector_in_each_upsampling_layer:
        yield "model_args.cond_d_vector_in_each_upsampling_layer = false: no release has such a decoder"
    if config.audio.sample_rate != args.input_sample_rate:
        yield f"audio.sample_rate = {config.audio.sample_rate}: must be {args.input_sample_rate}, which XTTS hears"


def xtts_run_faults(config: XttsConfig) -> Iterator[str]:
    """Yield what an XTTS cannot be trained with."""
    args = config.model_args
    yield from out_of_range(config, RUN_RANGES)
    yield from out_of_range(args, RUN_ARGS_RANGES, "model_args.")
    for low, high in (("min_conditioning_length", "max_conditioning_length"), ("min_wav_length", "max_wav_length")):
        if args[low] > args[high]:
            yield f"model_args.{low} = {args[low]}: must be at most {high} = {args[high]}"
    if config.train_decoder and args.min_wav_length < SHORTEST_FOR_DECODER:
        yield (
            f"model_args.min_wav_length = {args.min_wav_length}: must be at least {SHORTEST_FOR_DECODER} where "
            "train_decoder is true"
        )
    places = (args.gpt_max_audio_tokens - 1) * args.gpt_code_stride_len
    if args.max_wav_length > places:
        yield f"model_args.max_wav_length = {args.max_wav_length}: the network has places for {places} samples"
    if args.max_text_length > args.gpt_max_text_tokens:
        yield (
            f"model_args.max_text_length = {args.max_text_length}: must be at most gpt_max_text_tokens = "
            f"{args.gpt_max_text_tokens}"
        )
