"""Changes of a config: decided in one place, returned, and applied in another, so that a run can tell all of them."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Any

from finetune_tts.config.base import Config


@dataclass(frozen=True)
class Change:
    """A value that was chosen, and why.

    Attributes:
        field: dotted name.
        value: that it gets.
        reason: in a few words; "" for what follows from another choice.
    """

    field: str
    value: Any
    reason: str = ""


def apply_changes(config: Any, changes: Iterable[Change], chosen: Container[str] = ()) -> list[Change]:
    """Make changes, and return those that were made.

    Args:
        config: is changed.
        changes: those of a field that the config lacks are ignored.
        chosen: names of fields that the user set; they stay.
    """
    made = []
    for change in changes:
        first = change.field.partition(".")[0]
        if first not in chosen and hasattr(config, first):
            set_field(config, change.field, change.value)
            made.append(change)
    return made


def has_field(config: Any, name: str) -> bool:
    """Whether there is a field of a dotted name."""
    *groups, last = name.split(".")
    for group in groups:
        config = config.get(group, {}) if isinstance(config, dict) else getattr(config, group, {})
    return last in config


def set_field(config: Any, name: str, value: Any) -> None:
    """Set a field by its dotted name; a field of a nested dictionary that holds a list gets a list of one."""
    *groups, last = name.split(".")
    for group in groups:
        config = config[group] if isinstance(config, dict) else getattr(config, group)
    if isinstance(config, dict):
        config[last] = [value] if isinstance(config.get(last), list) else value
    elif isinstance(config, Config) and last in config.kept_fields():
        config.kept_fields()[last] = value
    else:
        # d_vector_file too: coqui-tts takes a single text there for Glow-TTS, and drops a list.
        setattr(config, last, value)
