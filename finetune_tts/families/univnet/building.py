"""From a config to the networks of UnivNet."""

from finetune_tts.config.vocoder import GANVocoderConfig
from finetune_tts.families.gan_vocoders import counting
from finetune_tts.families.univnet.discriminator import UnivnetDiscriminator
from finetune_tts.families.univnet.network import UnivnetGenerator


def build_univnet(config: GANVocoderConfig) -> UnivnetGenerator:
    """Build the generator of UnivNet."""
    return UnivnetGenerator(**{"cond_channels": config.audio.num_mels, **config.generator_model_params})


#: discriminator_model → builds it; parameters in a config do not count, as in coqui-tts.
DISCRIMINATORS = {"univnet_discriminator": lambda params: UnivnetDiscriminator(**counting(params, ()))}
