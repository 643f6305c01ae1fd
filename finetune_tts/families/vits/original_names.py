"""Tensor names of the original VITS program under 🐸TTS's: of the massively multilingual releases (MMS), of Piper."""

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

Value = TypeVar("Value")

#: A tensor that every such checkpoint has, and no other.
SIGN = "enc_p.emb.weight"
#: What names of the generator begin with where a checkpoint holds the discriminator too.
GENERATOR = "model_g."
#: A second discriminator of newer voices of Piper's, which no VITS here has.
_OTHERS = ("model_mrd.",)

# The original counts the swaps of channels as flows too; they have no weights.
_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"model_d\.discriminators\."), "disc.nets."),
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


def original_translated(state: Mapping[str, Value]) -> dict[str, Value]:
    """The state under 🐸TTS's names; one that is not of the original program stays as it is."""
    if SIGN not in state and f"{GENERATOR}{SIGN}" not in state:
        return dict(state)
    used = {name: value for name, value in state.items() if not name.startswith(_OTHERS)}
    return {_translated(name.removeprefix(GENERATOR)): value for name, value in used.items()}


def _translated(name: str) -> str:
    for pattern, replacement in _RULES:
        if pattern.match(name):
            return pattern.sub(replacement, name, count=1)
    return name
