"""From a config to a network: the builder of each architecture, and the registry of builders, written by hand."""

from collections.abc import Callable

from torch import nn

from finetune_tts.config.base import Config
from finetune_tts.errors import UserError
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.families.glow_tts.network import ENCODER_TYPES, GlowTTS
from finetune_tts.families.tacotron.building import build_tacotron, build_tacotron2
from finetune_tts.families.vits.building import build_vits


def build_glow_tts(config: GlowTTSConfig, num_symbols: int, num_speakers: int = 0) -> GlowTTS:
    """Build the Glow-TTS that ``config`` describes.

    Raises:
        UserError: the config names an encoder that there is not, or arguments that the encoder does not take.
    """
    if config.encoder_type not in ENCODER_TYPES:
        raise UserError(f"encoder_type {config.encoder_type!r} is not one of {', '.join(ENCODER_TYPES)}.")
    use_embedding = config.use_speaker_embedding and not config.use_d_vector_file
    try:
        return GlowTTS(
            num_symbols=num_symbols,
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
            num_speakers=num_speakers if use_embedding else 0,
            speaker_channels=config.hidden_channels_enc,
            d_vector_dim=config.d_vector_dim if config.use_d_vector_file else 0,
        )
    except (TypeError, ValueError) as error:
        raise UserError(f"The config describes no Glow-TTS that can be built: {error}") from error


BUILDERS: dict[str, Callable[..., nn.Module]] = {
    "glow_tts": build_glow_tts,
    "vits": build_vits,
    "tacotron": build_tacotron,
    "tacotron2": build_tacotron2,
}


#: Architectures with a discriminator, which speaking does not need.
JUDGED = ("vits",)


def build_model(
    config: Config, num_symbols: int, num_speakers: int = 0, num_languages: int = 0, *, discriminator: bool = True
) -> nn.Module:
    """Build the network of ``config.model``.

    Args:
        config: of any architecture that has a builder.
        num_symbols: size of the vocabulary.
        num_speakers: rows of the speaker embedding, for a config that uses one.
        num_languages: rows of the language embedding, likewise; only builders of such networks take it.
        discriminator: false leaves out what only training needs.

    Raises:
        UserError: there is no builder for this architecture, or the config contradicts itself.
    """
    name = config.model.lower()
    if name not in BUILDERS:
        raise UserError(f"model {config.model!r}: this architecture is not supported yet; {', '.join(BUILDERS)} are.")
    languages = {"num_languages": num_languages} if num_languages else {}
    judged = {} if discriminator or name not in JUDGED else {"discriminator": False}
    return BUILDERS[name](config, num_symbols, num_speakers, **languages, **judged)
