"""From a config to the networks of MelGAN."""

from collections.abc import Mapping
from typing import Any

from finetune_tts.config.vocoder import GANVocoderConfig
from finetune_tts.families.gan_vocoders import counting
from finetune_tts.families.melgan.discriminator import MelganMultiscaleDiscriminator
from finetune_tts.families.melgan.network import MelganGenerator, MultibandMelganGenerator

#: Parameters of the generators that count; releases name others too, and their networks have the defaults.
PARAMS = ("upsample_factors", "num_res_blocks")
DISCRIMINATOR_PARAMS = ("base_channels", "max_channels", "downsample_factors")


def build_melgan(config: GANVocoderConfig) -> MelganGenerator:
    """Build the generator of MelGAN or full-band MelGAN."""
    return MelganGenerator(in_channels=config.audio.num_mels, **counting(config.generator_model_params, PARAMS))


def build_multiband_melgan(config: GANVocoderConfig) -> MultibandMelganGenerator:
    """Build the generator of multi-band MelGAN."""
    params = counting(config.generator_model_params, PARAMS)
    return MultibandMelganGenerator(in_channels=config.audio.num_mels, **params)


def _multiscale(params: Mapping[str, Any]) -> MelganMultiscaleDiscriminator:
    return MelganMultiscaleDiscriminator(**counting(params, DISCRIMINATOR_PARAMS))


#: discriminator_model → builds it from its parameters.
DISCRIMINATORS = {"melgan_multiscale_discriminator": _multiscale}
