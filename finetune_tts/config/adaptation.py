"""Fields that say what of a network learns, how fast, and what is kept of it: for small GPUs and few recordings."""

from collections.abc import Iterator
from dataclasses import dataclass

from finetune_tts.config.base import Config, own
from finetune_tts.config.ranges import ABOVE_ZERO, SHARE, Range, out_of_range
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
    lora_rank: int = own(
        0, "Rank of the low-rank adapters that learn in place of the weights, 16 for example; 0 trains the weights."
    )
    lora_alpha: float | None = own(
        None, "What the adapters add is scaled by this over the rank; null is twice the rank."
    )
    lora_dropout: float = own(0.0, "Dropout before the adapters.")
    lora_targets: str | list[str] = own(
        [], "Patterns of names of layers that get adapters, a list or separated by commas; none are the architecture's."
    )
    ema_decay: float = own(
        0.0, "Decay of the moving average of the weights that is evaluated and saved too, 0.999 for example; 0 is off."
    )


@dataclass
class MemoryConfig(Config):
    """What a step takes of memory, and nothing of what it learns."""

    batch_frames: int = own(
        0, "Mel frames of a training batch, padding counted, in place of batch_size clips; 0 counts clips."
    )
    recompute_activations: bool | None = own(
        None, "Keep less in memory and compute it twice; null leaves it to the architecture."
    )


def patterns_of(value: str | list[str]) -> list[str]:
    """Return the patterns of a field: those of a list, or those that commas separate."""
    parts = value.split(",") if isinstance(value, str) else [part for item in value for part in item.split(",")]
    return [part.strip() for part in parts if part.strip()]


_RANGES = {"lora_rank": Range(0, 4096), "lora_alpha": ABOVE_ZERO, "lora_dropout": SHARE, "ema_decay": SHARE}


def adaptation_faults(config: AdaptationConfig) -> Iterator[str]:
    """Yield what is out of range, one line each."""
    yield from out_of_range(config, _RANGES)
    for pattern, factor in config.lr_by.items():
        if not ABOVE_ZERO.holds(factor):
            yield f"lr_by.{pattern} = {shown(factor)}: must be {ABOVE_ZERO}; freeze keeps weights from learning"
