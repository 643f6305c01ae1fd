"""What the families of vocoders that are trained against a discriminator have in common."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from finetune_tts.config.vocoder import GANVocoderConfig
from finetune_tts.families.family import Implementation
from finetune_tts.families.vocoder_export import NoiseShape, export_vocoder
from finetune_tts.tasks.gan_vocoder import GANVocoderTask

logger = logging.getLogger(__name__)

Params = Mapping[str, Any]


def gan_implementation(
    generator: Callable[[GANVocoderConfig], nn.Module],
    discriminators: Mapping[str, Callable[[Params], nn.Module]] | None = None,
    noise: NoiseShape | None = None,
) -> Implementation:
    """The implementation of a family.

    Args:
        generator: builds it from a config.
        discriminators: name in a config → builds it from its parameters.
        noise: of a generator that turns noise into speech: its shape.
    """
    return Implementation(
        task=GANVocoderTask,
        generator=generator,
        discriminators=discriminators or {},
        exporters={"onnx": partial(export_vocoder, noise=noise)},
    )


def counting(params: Params, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the parameters that count; others, which coqui-tts takes no notice of either, are logged."""
    ignored = [name for name in params if name not in names]
    if ignored and torch.get_default_device().type != "meta":  # which is where parameters are counted
        logger.info("not used, as in the released networks: %s", ", ".join(ignored))
    return {name: params[name] for name in names if name in params}
