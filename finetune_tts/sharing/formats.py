"""The formats that a model can be exported in, by name; none of them is loaded before it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finetune_tts.errors import UserError

if TYPE_CHECKING:
    from finetune_tts.sharing.source import Shared, Source

Writer = Callable[["Source"], "Shared"]


@dataclass(frozen=True)
class Format:
    """A way out.

    Attributes:
        title: what it is, in a few words.
        load: gives what writes it.
        precisions: in which its numbers can be written.
    """

    title: str
    load: Callable[[], Writer]
    precisions: tuple[str, ...] = ("fp32",)


def _onnx() -> Writer:
    from finetune_tts.sharing.onnx import write

    return write


def _safetensors() -> Writer:
    from finetune_tts.sharing.safetensors import write

    return write


def _card() -> Writer:
    from finetune_tts.sharing.card_folder import write

    return write


def _hub() -> Writer:
    from finetune_tts.sharing.hub import write

    return write


def _piper() -> Writer:
    from finetune_tts.sharing.piper import write

    return write


def _sherpa() -> Writer:
    from finetune_tts.sharing.sherpa import write

    return write


def _transformers() -> Writer:
    from finetune_tts.sharing.transformers import write

    return write


FORMATS = {
    "onnx": Format("ONNX file for onnxruntime", _onnx, ("fp32", "fp16", "int8")),
    "piper": Format("voice for Piper", _piper),
    "sherpa": Format("folder for sherpa-onnx", _sherpa),
    "transformers": Format("folder that transformers loads", _transformers),
    "safetensors": Format("folder with the weights as safetensors", _safetensors, ("fp32", "fp16")),
    "card": Format("folder with a model card, as it goes to the model hub", _card, ("fp32", "fp16")),
    "hub": Format("repository of the model hub, --hub_name", _hub, ("fp32", "fp16")),
}

PRECISIONS = {"fp32": "32-bit floats", "fp16": "16-bit floats, half the size", "int8": "8-bit whole numbers"}


def writer_of(kind: str, precision: str = "fp32") -> Writer:
    """What writes a format.

    Args:
        kind: the format.
        precision: that its numbers are to have.

    Raises:
        UserError: there is no such format, or it cannot be written in this precision.
    """
    if kind not in FORMATS:
        raise UserError(f"--export {kind}: unknown format; there is {', '.join(FORMATS)}.")
    if precision not in PRECISIONS:
        raise UserError(f"--precision {precision}: unknown; there is {', '.join(PRECISIONS)}.")
    able = FORMATS[kind].precisions
    if precision not in able:
        raise UserError(f"--precision {precision}: --export {kind} writes {' or '.join(able)}.")
    return FORMATS[kind].load()
