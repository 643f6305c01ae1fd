"""The flag of ``tts`` that says how high a feed-forward model speaks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from finetune_tts.errors import UserError

LOWEST, HIGHEST = 0.25, 4.0
"""Factors of the pitch: two octaves down and up."""


@dataclass(frozen=True)
class Melody:
    """How high to speak.

    Attributes:
        pitch: factor of the pitch in Hz; 1 is as the model predicts it.
        refusal: what is said where a model takes no such style.
    """

    pitch: float
    refusal: ClassVar[str] = "--pitch: this model predicts no pitch. Leave the flag out."


def read_melody(flags: Mapping[str, Any]) -> Melody | None:
    """How high it is to be spoken, as far as the flags say.

    Raises:
        UserError: the factor is no number, or beyond what makes sense.
    """
    given = flags.get("pitch")
    if given is None:
        return None
    try:
        factor = float(given)
    except ValueError:
        raise UserError(f"--pitch {given}: must be a number: 1.1 is a tenth higher.") from None
    if not LOWEST <= factor <= HIGHEST:
        raise UserError(f"--pitch {given}: must be between {LOWEST:g} and {HIGHEST:g}.")
    return Melody(factor)
