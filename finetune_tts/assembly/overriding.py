"""The user's overrides, put into the config of a run."""

import logging
from collections.abc import Sequence

from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.config.making import without_effect
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.families.checks import require_valid
from finetune_tts.families.overrides import Override, apply_overrides

logger = logging.getLogger(__name__)


def make_room_for_dataset(
    config: SpeechConfig | VocoderConfig, overrides: Sequence[Override], *, replace: bool
) -> None:
    """Put a data set whose layout is looked at where the overrides are going to name one.

    Args:
        config: is changed if an override names a field of a data set.
        overrides: of the user.
        replace: the data sets of the config are not the user's.
    """
    if any(override.path.split(".")[0] == "datasets" for override in overrides) and (replace or not config.datasets):
        config.datasets = [DatasetConfig(formatter="auto")]


def apply(config: SpeechConfig | VocoderConfig, overrides: Sequence[Override], *, own: bool = False) -> None:
    """Apply the overrides, refuse a config that is out of range, and name what was set without effect.

    Args:
        config: of the run.
        overrides: of the user.
        own: the config is the user's own, not that of a model or of a run that is resumed.

    Raises:
        UserError: a field is unknown, or its value is out of range.
    """
    apply_overrides(config, overrides)
    require_valid(config)
    if idle := without_effect(config, {override.path for override in overrides}, whole=own):
        logger.info("Kept for coqui-tts, has no effect here: %s.", ", ".join(idle))
