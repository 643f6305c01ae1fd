"""What a UnivNet cannot be made of."""

from collections.abc import Iterator

from finetune_tts.config.ranges import CHANNELS, COUNT, KERNEL
from finetune_tts.config.vocoder_checks import adversarial_faults, argument_faults
from finetune_tts.families.univnet.config import UnivnetConfig

#: arguments that no other generator has.
RANGES = {
    "kpnet_hidden_channels": CHANNELS,
    "kpnet_conv_size": KERNEL,
    "lvc_layers_each_block": COUNT,
    "lvc_kernel_size": KERNEL,
}


def univnet_faults(config: UnivnetConfig) -> Iterator[str]:
    """Yield what a UnivNet cannot be made of."""
    yield from adversarial_faults(config)
    yield from argument_faults("generator_model_params", config.generator_model_params, RANGES)
