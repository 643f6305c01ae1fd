"""From a config to a Tacotron and to its objective."""

from typing import TypeVar

from finetune_tts.errors import UserError
from finetune_tts.families.family import Sizes
from finetune_tts.families.tacotron.attention import AttentionOptions
from finetune_tts.families.tacotron.capacitron import CapacitronOptions
from finetune_tts.families.tacotron.capacitron_config import CapacitronVAEConfig
from finetune_tts.families.tacotron.config import GSTConfig, Tacotron2Config, TacotronConfig, frames_per_step_at
from finetune_tts.families.tacotron.loss import TacotronLossOptions
from finetune_tts.families.tacotron.network import NetworkOptions, TacotronNetwork
from finetune_tts.families.tacotron.style import StyleOptions
from finetune_tts.families.tacotron.tacotron import Tacotron, TacotronSizes
from finetune_tts.families.tacotron.tacotron2 import Tacotron2, Tacotron2Sizes

Network = TypeVar("Network", bound=TacotronNetwork)


def build_tacotron(
    config: TacotronConfig, sizes: Sizes, *, for_training: bool = True, widths: TacotronSizes | None = None
) -> Tacotron:
    """Build the Tacotron that ``config`` describes; ``widths`` makes a small one for a test.

    Raises:
        UserError: the config contradicts itself.
    """
    try:
        network = Tacotron(
            options=_options(config, sizes, windowing=config.windowing),
            linear_channels=config.out_channels,
            encoder_channels=config.encoder_in_features,
            sizes=widths,
        )
        return _at_first_r(network, config)
    except ValueError as error:
        raise UserError(f"The config describes no Tacotron that can be built: {error}") from error


def build_tacotron2(
    config: Tacotron2Config, sizes: Sizes, *, for_training: bool = True, widths: Tacotron2Sizes | None = None
) -> Tacotron2:
    """Build the Tacotron 2 that ``config`` describes; ``widths`` makes a small one for a test.

    Raises:
        UserError: the config contradicts itself.
    """
    try:
        network = Tacotron2(
            options=_options(config, sizes, windowing=config.attention_win),
            encoder_channels=config.encoder_in_features,
            sizes=widths,
        )
        return _at_first_r(network, config)
    except ValueError as error:
        raise UserError(f"The config describes no Tacotron 2 that can be built: {error}") from error


def loss_options(config: TacotronConfig) -> TacotronLossOptions:
    """The objective that ``config`` describes."""
    vae = config.capacitron_vae or CapacitronVAEConfig()
    return TacotronLossOptions(
        decoder=config.decoder_loss_alpha,
        postnet=config.postnet_loss_alpha,
        decoder_difference=config.decoder_diff_spec_alpha,
        postnet_difference=config.postnet_diff_spec_alpha,
        decoder_similarity=config.decoder_ssim_alpha,
        postnet_similarity=config.postnet_ssim_alpha,
        guided_attention=config.ga_alpha,
        stopnet=config.stopnet,
        stop_weight=config.stopnet_pos_weight,
        error=config.spectrogram_error,
        masked=config.loss_masking is not False,
        by_clip=config.seq_len_norm,
        coarse=config.double_decoder_consistency,
        bidirectional=config.bidirectional_decoder,
        prosody=vae.capacitron_VAE_loss_alpha,
        capacity=vae.capacitron_capacity,
    )


def _options(config: TacotronConfig, sizes: Sizes, *, windowing: bool) -> NetworkOptions:
    style = config.gst or GSTConfig()
    return NetworkOptions(
        num_symbols=sizes.symbols,
        frame_channels=config.decoder_output_dim,
        frames_per_step=config.r,
        attention=AttentionOptions(
            kind=config.attention_type,
            norm=config.attention_norm,
            location=config.location_attn,
            windowing=windowing,
            forward=config.use_forward_attn,
            transition_agent=config.transition_agent,
            forward_mask=config.forward_attn_mask,
            heads=config.attention_heads or AttentionOptions().heads,
        ),
        prenet_type=config.prenet_type,
        prenet_dropout=config.prenet_dropout,
        prenet_dropout_at_inference=config.prenet_dropout_at_inference,
        separate_stopnet=config.separate_stopnet,
        memory_size=max(config.memory_size, 0),
        coarse_frames_per_step=config.ddc_r if config.double_decoder_consistency else 0,
        bidirectional=config.bidirectional_decoder,
        num_speakers=sizes.speakers if config.use_speaker_embedding and not config.use_d_vector_file else 0,
        speaker_channels=config.speaker_embedding_dim,
        d_vector_channels=config.d_vector_dim if config.use_d_vector_file else 0,
        style=StyleOptions(style.gst_embedding_dim, style.gst_num_heads, style.gst_num_style_tokens)
        if config.use_gst
        else None,
        capacitron=_capacitron_options(config),
    )


def _capacitron_options(config: TacotronConfig) -> CapacitronOptions | None:
    if not config.use_capacitron_vae:
        return None
    vae = config.capacitron_vae or CapacitronVAEConfig()
    return CapacitronOptions(
        channels=vae.capacitron_VAE_embedding_dim,
        text_channels=vae.capacitron_text_summary_embedding_dim if vae.capacitron_use_text_summary_embeddings else 0,
        sees_speaker=vae.capacitron_use_speaker_embedding,
    )


def _at_first_r(network: Network, config: TacotronConfig) -> Network:
    largest = max([config.r, *(entry[1] for entry in config.gradual_training or [])])
    if largest > config.r:
        raise UserError(
            f"gradual_training goes up to r = {largest}, but the network is built for r = {config.r}: "
            f"set --coqpit.r {largest}."
        )
    network.set_frames_per_step(frames_per_step_at(config, 0))
    return network
