"""Fields that say what of a network learns, how fast, and what is kept of it: for small GPUs and few recordings."""

from collections.abc import Iterator
from dataclasses import dataclass

from finetune_tts.config.base import Config, own
from finetune_tts.config.ranges import ABOVE_ZERO
from finetune_tts.config.values import shown


@dataclass
class AdaptationConfig(Config):
    """What learns, and how fast."""

    freeze: str | list[str] = own(
        [], "Patterns of names of weights that do not learn, a list or separated by commas: text_encoder.*"
    )
    lr_by: dict[str, float] = own(
        {}, 'Pattern of names of weights → factor of the learning rate there: {"encoder.*": 0.1}'
    )


def patterns_of(value: str | list[str]) -> list[str]:
    """Return the patterns of a field: those of a list, or those that commas separate."""
    parts = value.split(",") if isinstance(value, str) else [part for item in value for part in item.split(",")]
    return [part.strip() for part in parts if part.strip()]


def adaptation_faults(config: AdaptationConfig) -> Iterator[str]:
    """Yield what is out of range, one line each."""
    for pattern, factor in config.lr_by.items():
        if not ABOVE_ZERO.holds(factor):
            yield f"lr_by.{pattern} = {shown(factor)}: must be {ABOVE_ZERO}; freeze keeps weights from learning"
