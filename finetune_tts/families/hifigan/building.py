"""From a config to the networks of HiFi-GAN."""

from finetune_tts.config.vocoder import GANVocoderConfig
from finetune_tts.families.gan_vocoders import counting
from finetune_tts.layers.waveform_discriminators import WaveformDiscriminator
from finetune_tts.layers.waveform_generator import WaveformGenerator


def build_hifigan(config: GANVocoderConfig) -> WaveformGenerator:
    """Build the generator of HiFi-GAN."""
    params = {"in_channels": config.audio.num_mels, **config.generator_model_params}
    if "resblock_type" in params:
        params["resblock_type"] = str(params["resblock_type"])  # a number in some hand-written configs
    return WaveformGenerator(**params)


#: discriminator_model → builds it; parameters in a config do not count, as in coqui-tts.
DISCRIMINATORS = {"hifigan_discriminator": lambda params: WaveformDiscriminator(**counting(params, ()))}
