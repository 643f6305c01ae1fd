"""From a config to an XTTS."""

from dataclasses import dataclass

from finetune_tts.families.family import Sizes
from finetune_tts.families.xtts.config import XttsConfig, start_text, stop_text
from finetune_tts.families.xtts.decoder import Decoder
from finetune_tts.families.xtts.network import Gpt, Xtts
from finetune_tts.layers.waveform_discriminators import (
    PERIOD_CHANNELS,
    SCALE_LAYERS,
    ScaleLayer,
    WaveformDiscriminator,
)
from finetune_tts.speaker_encoder.front_end import WaveformToMel
from finetune_tts.speaker_encoder.resnet import ResNetSpeakerEncoder


@dataclass(frozen=True)
class DecoderSizes:
    """Sizes that all releases have, and no config tells.

    Attributes:
        channels: of the HiFi-GAN before its first stage.
        encoder_layers, encoder_filters: of the four stages of the speaker encoder.
        scale_layers, period_channels: of the discriminator.
    """

    channels: int = 512
    encoder_layers: tuple[int, ...] = (3, 4, 6, 3)
    encoder_filters: tuple[int, ...] = (32, 64, 128, 256)
    scale_layers: tuple[ScaleLayer, ...] = SCALE_LAYERS
    period_channels: tuple[int, ...] = PERIOD_CHANNELS


RELEASED = DecoderSizes()


def build_xtts(
    config: XttsConfig, sizes: Sizes, *, for_training: bool = True, decoder_sizes: DecoderSizes = RELEASED
) -> Xtts:
    """Build the XTTS that ``config`` describes, for a vocabulary of ``sizes.symbols`` pieces.

    It has a discriminator only where its decoder is to be trained.
    """
    args = config.model_args
    gpt = Gpt(
        layers=args.gpt_layers,
        width=args.gpt_n_model_channels,
        heads=args.gpt_n_heads,
        text_tokens=sizes.symbols,
        audio_tokens=args.gpt_num_audio_tokens,
        max_text_tokens=args.gpt_max_text_tokens,
        max_audio_tokens=args.gpt_max_audio_tokens,
        start_text=start_text(config),
        stop_text=stop_text(config),
        start_audio=args.gpt_start_audio_token,
        stop_audio=args.gpt_stop_audio_token,
        use_perceiver=args.gpt_use_perceiver_resampler,
    )
    decoder = Decoder(
        width=args.decoder_input_dim,
        speaker_width=args.d_vector_dim,
        input_rate=args.input_sample_rate,
        output_rate=args.output_sample_rate,
        code_samples=args.gpt_code_stride_len,
        hop_length=args.output_hop_length,
        speaker_encoder=ResNetSpeakerEncoder(
            input_dim=64,
            proj_dim=args.d_vector_dim,
            layers=decoder_sizes.encoder_layers,
            num_filters=decoder_sizes.encoder_filters,
            log_input=True,
            torch_spec=WaveformToMel(),
        ),
        channels=decoder_sizes.channels,
    )
    judge = None
    if for_training and config.train_decoder:
        judge = WaveformDiscriminator(
            scale_layers=decoder_sizes.scale_layers, period_channels=decoder_sizes.period_channels
        )
    return Xtts(gpt=gpt, decoder=decoder, discriminator=judge)
