"""The flags of ``tts`` that say in which style a Tacotron speaks."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from finetune_tts.errors import UserError
from finetune_tts.json_text import NotJSON, describe, parse_json, read_json

#: A recording, or the weight of each token by its number, as a text.
Style = str | Path | Mapping[str, Any]


@dataclass(frozen=True)
class StyleRecording:
    """A recording to imitate.

    Attributes:
        path: the audio file.
        text: what is said there; a model whose prosody encoder does not look at the text needs none.
        refusal: what is said where a model takes no such style.
    """

    path: str | Path
    text: str | None = None
    refusal: ClassVar[str] = "--capacitron_style_wav: this model has no Capacitron. Leave the flag out."


def style_of_flags(flags: Mapping[str, Any]) -> Style | StyleRecording | None:
    """How it is to be synthesised, as far as the flags say.

    Raises:
        UserError: they contradict each other, or a style cannot be read.
    """
    recording, text = flags.get("capacitron_style_wav"), flags.get("capacitron_style_text")
    if text is not None and not recording:
        raise UserError("--capacitron_style_text is what is said in --capacitron_style_wav: give both or none.")
    if recording and flags.get("gst_style"):
        raise UserError("--capacitron_style_wav and --gst_style both say how it is to sound: give one of them.")
    if recording:
        return StyleRecording(recording, text)
    return read_style(flags["gst_style"]) if flags.get("gst_style") else None


def read_style(given: str) -> Style:
    """Read a style as you name it: a recording, a JSON object of weights, or a file that holds one.

    Raises:
        UserError: a JSON object that cannot be read.
    """
    text = given.strip()
    if text.startswith("{") or text.lower().endswith(".json"):
        try:
            weights = parse_json(text) if text.startswith("{") else read_json(text, what="file of weights")
        except NotJSON as error:
            raise UserError(describe(error, text, "--gst_style")) from error
        except UserError as error:
            raise UserError(f"--gst_style {error}") from error
        if not isinstance(weights, dict):
            raise UserError(f"--gst_style {given}: must be an object of token numbers and weights.")
        return weights
    return given
