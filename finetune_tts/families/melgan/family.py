"""MelGAN, as the program knows it."""

from finetune_tts.config.vocoder_checks import adversarial_faults, adversarial_run_faults
from finetune_tts.families.family import Family, Implementation
from finetune_tts.families.melgan.config import FullbandMelganConfig, MelganConfig, MultibandMelganConfig


def _load() -> Implementation:
    from finetune_tts.families.gan_vocoders import gan_implementation
    from finetune_tts.families.melgan.building import DISCRIMINATORS, build_melgan

    return gan_implementation(build_melgan, DISCRIMINATORS)


def _load_multiband_melgan() -> Implementation:
    from finetune_tts.families.gan_vocoders import gan_implementation
    from finetune_tts.families.melgan.building import build_multiband_melgan

    return gan_implementation(build_multiband_melgan)


MELGAN = Family(
    name="melgan",
    config_class=MelganConfig,
    load=_load,
    faults=adversarial_faults,
    run_faults=adversarial_run_faults,
    discriminator="model_d",
    needs_waveforms=True,
)
FULLBAND_MELGAN = Family(
    name="fullband_melgan",
    config_class=FullbandMelganConfig,
    load=_load,
    faults=adversarial_faults,
    run_faults=adversarial_run_faults,
    discriminator="model_d",
    needs_waveforms=True,
)
MULTIBAND_MELGAN = Family(
    name="multiband_melgan",
    config_class=MultibandMelganConfig,
    load=_load_multiband_melgan,
    faults=adversarial_faults,
    run_faults=adversarial_run_faults,
    discriminator="model_d",
    needs_waveforms=True,
)
