"""Tensor names of the original VITS program, which the massively multilingual releases (MMS) have, under 🐸TTS's."""

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

Value = TypeVar("Value")

#: A tensor that every such checkpoint has, and no other.
SIGN = "enc_p.emb.weight"

# The original counts the swaps of channels as flows too; they have no weights.
_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"enc_p\."), "text_encoder."),
    (re.compile(r"enc_q\."), "posterior_encoder."),
    (re.compile(r"dec\.cond\."), "waveform_decoder.cond_layer."),
    (re.compile(r"dec\."), "waveform_decoder."),
    (re.compile(r"flow\.flows\.(\d{1,9})\."), lambda match: f"flow.flows.{int(match[1]) // 2}."),
    (re.compile(r"dp\.((?:post_)?flows)\.0\.m$"), r"duration_predictor.\1.0.translation"),
    (re.compile(r"dp\.((?:post_)?flows)\.0\.logs$"), r"duration_predictor.\1.0.log_scale"),
    (
        re.compile(r"dp\.((?:post_)?flows)\.(\d{1,9})\."),
        lambda match: f"duration_predictor.{match[1]}.{(int(match[2]) + 1) // 2}.",
    ),
    (re.compile(r"dp\."), "duration_predictor."),
)


def translated_names(state: Mapping[str, Value]) -> dict[str, Value]:
    """The state under 🐸TTS's names; one that is not of the original program stays as it is."""
    if SIGN not in state:
        return dict(state)
    return {_translated(name): value for name, value in state.items()}


def _translated(name: str) -> str:
    for pattern, replacement in _RULES:
        if pattern.match(name):
            return pattern.sub(replacement, name, count=1)
    return name
