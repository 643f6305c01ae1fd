"""Parallel WaveGAN, as the program knows it."""

from typing import Any

from finetune_tts.config.vocoder_checks import adversarial_faults, adversarial_run_faults
from finetune_tts.families.family import Family, Implementation
from finetune_tts.families.parallel_wavegan.config import ParallelWaveganConfig


def _load() -> Implementation:
    from finetune_tts.families.gan_vocoders import gan_implementation
    from finetune_tts.families.parallel_wavegan.building import DISCRIMINATORS, build_parallel_wavegan

    def noise(network: Any, frames: int) -> tuple[int, ...]:
        return 1, network.in_channels, (frames + 2 * network.inference_padding) * network.hop_length

    return gan_implementation(build_parallel_wavegan, DISCRIMINATORS, noise)


FAMILY = Family(
    name="parallel_wavegan",
    config_class=ParallelWaveganConfig,
    load=_load,
    faults=adversarial_faults,
    run_faults=adversarial_run_faults,
    discriminator="model_d",
    needs_waveforms=True,
)
