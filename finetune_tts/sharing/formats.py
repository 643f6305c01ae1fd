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
    """

    title: str
    load: Callable[[], Writer]


def _onnx() -> Writer:
    from finetune_tts.sharing.onnx import write

    return write


FORMATS = {
    "onnx": Format("ONNX file for onnxruntime", _onnx),
}


def writer_of(kind: str) -> Writer:
    """What writes a format.

    Raises:
        UserError: there is no such format.
    """
    if kind not in FORMATS:
        raise UserError(f"--export {kind}: unknown format; there is {', '.join(FORMATS)}.")
    return FORMATS[kind].load()
