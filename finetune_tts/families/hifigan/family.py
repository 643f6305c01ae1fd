"""HiFi-GAN, as the program knows it."""

from finetune_tts.config.vocoder_checks import adversarial_faults, adversarial_run_faults
from finetune_tts.families.family import Family, Implementation
from finetune_tts.families.hifigan.config import HifiganConfig


def _load() -> Implementation:
    from finetune_tts.families.gan_vocoders import gan_implementation
    from finetune_tts.families.hifigan.building import DISCRIMINATORS, build_hifigan

    return gan_implementation(build_hifigan, DISCRIMINATORS)


FAMILY = Family(
    name="hifigan",
    config_class=HifiganConfig,
    load=_load,
    faults=adversarial_faults,
    run_faults=adversarial_run_faults,
    discriminator="model_d",
    needs_waveforms=True,
)
