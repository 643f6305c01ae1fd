"""From a config to a feed-forward network."""

from finetune_tts.errors import UserError
from finetune_tts.families.family import Sizes
from finetune_tts.families.feed_forward.config import FeedForwardArgs, FeedForwardConfig
from finetune_tts.families.feed_forward.network import FeedForwardTTS, PredictorSizes


def build_feed_forward(config: FeedForwardConfig, sizes: Sizes, *, for_training: bool = True) -> FeedForwardTTS:
    """Build the network that ``config`` describes. The aligner stays: spectrograms of recordings are drawn with it.

    Raises:
        UserError: the config contradicts itself.
    """
    args = config.model_args
    use_embedding = args.use_speaker_embedding and not args.use_d_vector_file
    try:
        return FeedForwardTTS(
            num_symbols=sizes.symbols,
            out_channels=args.out_channels,
            hidden_channels=args.hidden_channels,
            encoder_type=args.encoder_type,
            encoder_params=args.encoder_params,
            decoder_type=args.decoder_type,
            decoder_params=args.decoder_params,
            durations=PredictorSizes(
                args.duration_predictor_hidden_channels,
                args.duration_predictor_kernel_size,
                args.duration_predictor_dropout_p,
            ),
            pitch=_contour(args, "pitch") if args.use_pitch else None,
            energy=_contour(args, "energy") if args.use_energy else None,
            use_aligner=args.use_aligner,
            positional_encoding=args.positional_encoding,
            detach_duration_predictor=args.detach_duration_predictor,
            num_speakers=sizes.speakers if use_embedding else 0,
            d_vector_dim=(args.d_vector_dim or 0) if args.use_d_vector_file else 0,
        )
    except (TypeError, ValueError) as error:
        raise UserError(f"The config describes no {config.model} that can be built: {error}") from error


def _contour(args: FeedForwardArgs, name: str) -> PredictorSizes:
    return PredictorSizes(
        args[f"{name}_predictor_hidden_channels"],
        args[f"{name}_predictor_kernel_size"],
        args[f"{name}_predictor_dropout_p"],
        args[f"{name}_embedding_kernel_size"],
    )
