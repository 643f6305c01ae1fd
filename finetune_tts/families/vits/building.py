"""From a config to a VITS and its spectrograms."""

from collections.abc import Mapping
from typing import Any

import torch

from finetune_tts.audio.mel_filters import mel_filter_bank
from finetune_tts.errors import UserError
from finetune_tts.families.family import Sizes
from finetune_tts.families.vits.config import VitsConfig, upsampling_factor
from finetune_tts.families.vits.network import VITS
from finetune_tts.families.vits.spectrogram import SpectrogramFront


def build_vits(
    config: VitsConfig, sizes: Sizes, *, for_training: bool = True, judge_sizes: Mapping[str, Any] | None = None
) -> VITS:
    """Build the VITS that ``config`` describes.

    Args:
        config: as loaded.
        sizes: of its embeddings.
        for_training: false leaves the discriminator out, whatever the config says.
        judge_sizes: arguments of the discriminator that no config holds, to make a small one for a test.

    Raises:
        UserError: the config contradicts itself.
    """
    args = config.model_args
    use_embedding = args.use_speaker_embedding and not args.use_d_vector_file
    try:
        return VITS(
            num_symbols=sizes.symbols,
            out_channels=args.out_channels,
            hidden_channels=args.hidden_channels,
            text_encoder={
                "hidden_channels_ffn": args.hidden_channels_ffn_text_encoder,
                "num_heads": args.num_heads_text_encoder,
                "num_layers": args.num_layers_text_encoder,
                "kernel_size": args.kernel_size_text_encoder,
                "dropout_p": args.dropout_p_text_encoder,
            },
            posterior_encoder={
                "kernel_size": args.kernel_size_posterior_encoder,
                "dilation_rate": args.dilation_rate_posterior_encoder,
                "num_layers": args.num_layers_posterior_encoder,
            },
            flow={
                "kernel_size": args.kernel_size_flow,
                "dilation_rate": args.dilation_rate_flow,
                "num_layers": args.num_layers_flow,
            },
            waveform_decoder={
                "resblock_type": args.resblock_type_decoder,
                "resblock_kernel_sizes": args.resblock_kernel_sizes_decoder,
                "resblock_dilation_sizes": args.resblock_dilation_sizes_decoder,
                "upsample_factors": args.upsample_rates_decoder,
                "upsample_kernel_sizes": args.upsample_kernel_sizes_decoder,
                "upsample_initial_channel": args.upsample_initial_channel_decoder,
            },
            discriminator={
                "periods": args.periods_multi_period_discriminator,
                "use_spectral_norm": args.use_spectral_norm_disriminator,
                **(judge_sizes or {}),
            }
            if args.init_discriminator and for_training
            else None,
            use_sdp=args.use_sdp,
            hidden_channels_duration_predictor=args.hidden_channels_dp,
            dropout_duration_predictor=args.dropout_p_duration_predictor,
            condition_dp_on_speaker=args.condition_dp_on_speaker,
            detach_dp_input=args.detach_dp_input,
            num_speakers=sizes.speakers if use_embedding else 0,
            speaker_channels=args.speaker_embedding_channels,
            d_vector_dim=args.d_vector_dim if args.use_d_vector_file else 0,
            num_languages=sizes.languages if args.use_language_embedding else 0,
            language_channels=args.embedded_language_dim,
            segment_frames=args.spec_segment_size,
            interpolation=upsampling_factor(config) if args.interpolate_z else 1.0,
        )
    except (TypeError, ValueError) as error:
        raise UserError(f"The config describes no VITS that can be built: {error}") from error


def build_spectrogram_front(config: VitsConfig) -> SpectrogramFront:
    """Build the spectrograms of a VITS.

    Raises:
        UserError: the config does not say how long a hop is.
    """
    audio = config.audio
    if audio.hop_length is None:
        raise UserError("audio.hop_length = null: a VITS needs it in samples.")
    fmax = audio.mel_fmax or audio.sample_rate / 2
    filters = mel_filter_bank(audio.sample_rate, audio.fft_size, audio.num_mels, audio.mel_fmin, fmax)
    return SpectrogramFront(
        fft_size=audio.fft_size,
        win_length=audio.win_length or audio.fft_size,
        hop_length=audio.hop_length,
        filters=torch.from_numpy(filters),
    )
