"""UnivNet, as the program knows it."""

from finetune_tts.config.vocoder_checks import adversarial_run_faults
from finetune_tts.families.family import Family, Implementation
from finetune_tts.families.univnet.config import UnivnetConfig
from finetune_tts.families.univnet.faults import univnet_faults


def _load() -> Implementation:
    from finetune_tts.families.gan_vocoders import gan_implementation
    from finetune_tts.families.univnet.building import DISCRIMINATORS, build_univnet

    return gan_implementation(
        build_univnet, DISCRIMINATORS, noise=lambda network, frames: (1, network.in_channels, frames)
    )


FAMILY = Family(
    name="univnet",
    config_class=UnivnetConfig,
    load=_load,
    faults=univnet_faults,
    run_faults=adversarial_run_faults,
    discriminator="model_d",
    needs_waveforms=True,
)
