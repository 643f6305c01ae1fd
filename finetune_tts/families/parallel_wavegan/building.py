"""From a config to the networks of Parallel WaveGAN."""

from collections.abc import Mapping
from typing import Any

from finetune_tts.config.vocoder import GANVocoderConfig
from finetune_tts.families.gan_vocoders import counting
from finetune_tts.families.parallel_wavegan.discriminator import (
    ParallelWaveganDiscriminator,
    ResidualParallelWaveganDiscriminator,
)
from finetune_tts.families.parallel_wavegan.network import ParallelWaveganGenerator

#: Parameters of the generator that count; releases name others too, and their networks have the defaults.
PARAMS = ("upsample_factors", "num_res_blocks", "stacks")


def build_parallel_wavegan(config: GANVocoderConfig) -> ParallelWaveganGenerator:
    """Build the generator of Parallel WaveGAN."""
    params = counting(config.generator_model_params, PARAMS)
    return ParallelWaveganGenerator(aux_channels=config.audio.num_mels, **params)


def _plain(params: Mapping[str, Any]) -> ParallelWaveganDiscriminator:
    return ParallelWaveganDiscriminator(**counting(params, ("num_layers",)))


def _residual(params: Mapping[str, Any]) -> ResidualParallelWaveganDiscriminator:
    return ResidualParallelWaveganDiscriminator(**counting(params, ("num_layers", "stacks")))


#: discriminator_model → builds it from its parameters.
DISCRIMINATORS = {
    "parallel_wavegan_discriminator": _plain,
    "residual_parallel_wavegan_discriminator": _residual,
}
