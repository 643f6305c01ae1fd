"""What makes a config describe the VITS that weights are of."""

from collections.abc import Container, Mapping
from typing import Any

from torch import Tensor

from finetune_tts.families.family import Fitted
from finetune_tts.families.vits.config import VitsConfig
from finetune_tts.families.vits.piper import network_changes


def fit_to_weights(
    config: VitsConfig, weights: Mapping[str, Tensor], known: Mapping[str, Any], chosen: Container[str]
) -> Fitted:
    """Take the sizes of a network that Piper trained from its checkpoint: the voice's config does not have them."""
    return Fitted(weights, tuple(network_changes(config, known.get("config"))))
