"""Rates and schedules of a generator and a discriminator, from the fields that 🐸TTS's configs have for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from finetune_tts.config.changes import Change
from finetune_tts.errors import UserError

Part = Literal["disc", "gen"]
#: In the order of the optimizers.
PARTS: tuple[Part, Part] = ("disc", "gen")
RATE_FIELDS = ("lr_disc", "lr_gen")


def spread_rate(config: Any, chosen: frozenset[str]) -> list[Change]:
    """Let ``lr``, set by the user, be the rate of generator and discriminator, where theirs were not set.

    Args:
        config: one without ``lr_gen`` and ``lr_disc`` needs no change.
        chosen: names of the fields that the user set.

    Raises:
        UserError: ``lr`` is a list of another length.
    """
    if "lr" not in chosen or not all(hasattr(config, name) for name in RATE_FIELDS):
        return []
    rates = config.lr if isinstance(config.lr, list) else [config.lr, config.lr]
    if len(rates) != len(RATE_FIELDS):
        raise UserError(f"--coqpit.lr {config.lr}: give one number, or two: of the discriminator and the generator.")
    every = zip(RATE_FIELDS, rates, strict=True)
    return [Change(name, float(rate), "as lr") for name, rate in every if name not in chosen]


def rate_of(config: Any, part: Part) -> float:
    """The rate of one part."""
    return float(getattr(config, f"lr_{part}"))


@dataclass(frozen=True)
class ScheduleSettings:
    """The schedule that a config names for one part.

    Attributes:
        name, params: as ``make_schedule`` takes them.
        chosen: the user's choice in the words of a config with one optimizer: ``lr``, ``lr_scheduler``.
        field: the config's field, for messages.
    """

    name: str | None
    params: Mapping[str, Any]
    chosen: frozenset[str]
    field: str


def schedule_settings(config: Any, part: Part, chosen: frozenset[str]) -> ScheduleSettings:
    """Read the schedule of one part."""
    field = f"lr_scheduler_{part}"
    words = {f"lr_{part}": "lr", "lr": "lr", field: "lr_scheduler", f"{field}_params": "lr_scheduler_params"}
    params = getattr(config, f"{field}_params") or {}
    return ScheduleSettings(
        name=getattr(config, field),
        params=params,
        chosen=frozenset(words[name] for name in chosen if name in words),
        field=field,
    )
