"""From a config to a Glow-TTS."""

from finetune_tts.errors import UserError
from finetune_tts.families.family import Sizes
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.families.glow_tts.network import ENCODER_TYPES, GlowTTS


def build_glow_tts(config: GlowTTSConfig, sizes: Sizes, *, for_training: bool = True) -> GlowTTS:
    """Build the Glow-TTS that ``config`` describes.

    Raises:
        UserError: the config names an encoder that there is not, or arguments that the encoder does not take.
    """
    if config.encoder_type not in ENCODER_TYPES:
        raise UserError(f"encoder_type {config.encoder_type!r} is not one of {', '.join(ENCODER_TYPES)}.")
    use_embedding = config.use_speaker_embedding and not config.use_d_vector_file
    try:
        return GlowTTS(
            num_symbols=sizes.symbols,
            out_channels=config.out_channels,
            hidden_channels_enc=config.hidden_channels_enc,
            hidden_channels_dec=config.hidden_channels_dec,
            hidden_channels_dp=config.hidden_channels_dp,
            dropout_p_dp=config.dropout_p_dp,
            dropout_p_dec=config.dropout_p_dec,
            mean_only=config.mean_only,
            use_encoder_prenet=config.use_encoder_prenet,
            encoder_type=config.encoder_type,
            encoder_params=config.encoder_params,
            num_flow_blocks_dec=config.num_flow_blocks_dec,
            kernel_size_dec=config.kernel_size_dec,
            dilation_rate=config.dilation_rate,
            num_block_layers=config.num_block_layers,
            num_splits=config.num_splits,
            num_squeeze=config.num_squeeze,
            sigmoid_scale=config.sigmoid_scale,
            num_speakers=sizes.speakers if use_embedding else 0,
            speaker_channels=config.hidden_channels_enc,
            d_vector_dim=config.d_vector_dim if config.use_d_vector_file else 0,
        )
    except (TypeError, ValueError) as error:
        raise UserError(f"The config describes no Glow-TTS that can be built: {error}") from error
