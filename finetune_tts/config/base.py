"""The base of every config class: a Coqpit that keeps the fields it does not know.

Coqpit drops unknown keys of a dictionary without a word. A released config holds many that no class here has; they
are carried along and written back, so that a config that passed through this program has lost nothing.
"""

from copy import deepcopy
from dataclasses import dataclass, field, fields
from typing import Any

from coqpit import Coqpit


@dataclass
class Config(Coqpit):
    """A group of config fields.

    Every field has a default, and a help text under ``metadata["help"]`` that ``--help`` shows.
    """

    def kept_fields(self) -> dict[str, Any]:
        """Return the unknown fields of this group, by name; changing the dictionary changes the config."""
        # Coqpit takes every dataclass field for a config field, so the unknown ones live beside them.
        kept: dict[str, Any] = self.__dict__.setdefault("_kept_fields", {})
        return kept

    def serialize(self) -> dict[str, Any]:
        """Return the config as plain values, the unknown fields after the known ones."""
        values: dict[str, Any] = super().serialize()
        for member in fields(self):
            if "own" in member.metadata and getattr(self, member.name) == member.metadata["own"]:
                del values[member.name]
        return {**values, **self.kept_fields()}

    def copy(self) -> "Config":
        """Return a shallow copy that knows the same unknown fields."""
        duplicate: Config = super().copy()
        duplicate.kept_fields().update(self.kept_fields())
        return duplicate

    @classmethod
    def field_names(cls) -> list[str]:
        """Return the names of the known fields, in order."""
        return [member.name for member in fields(cls)]


def kept(default: Any, instead: str = "not used here") -> Any:
    """Declare a field that coqui-tts reads and nothing here: it stays in the config, and is named where you set it.

    Args:
        default: its value, as coqui-tts has it.
        instead: what counts in its place, for the help text.
    """
    text = {"help": f"Kept for coqui-tts; {instead}.", "kept": True}
    return field(default_factory=lambda: deepcopy(default), metadata=text)


def own(default: Any, text: str) -> Any:
    """Declare a field that coqui-tts does not know: a config tells it where it differs from its default.

    Args:
        default: its value.
        text: for help.
    """
    return field(default_factory=lambda: deepcopy(default), metadata={"help": text, "own": default})
