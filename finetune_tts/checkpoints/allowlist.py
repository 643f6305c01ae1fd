"""What a weight file may name besides tensors: a short list, each name answered by an inert stand-in of ours.

A pickle names the classes and functions that rebuild it, so an unrestricted one can run anything. `torch.load` with
``weights_only=True`` looks every name up in a list of harmless ones. Old 🐸 checkpoints name more than that list: their
config object, numpy numbers, paths, dates. The stand-ins here take the place of those names, keep the state that
the file gives them, and are turned into plain Python values afterwards. No code of numpy, pathlib or 🐸TTS is called.
"""

import datetime
import re
from collections import OrderedDict
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

# Objects of these packages are configs and counters of 🐸TTS; the classes themselves are not needed to read them.
COQUI_PACKAGES = ("TTS.", "trainer.", "coqpit.")
# The names outside torch that every `torch.load(weights_only=True)` accepts.
TORCH_ACCEPTS = frozenset(
    {
        "collections.OrderedDict",
        "collections.Counter",
        "_codecs.encode",
        "builtins.bytearray",
        "builtins.complex",
        "builtins.set",
    }
)
_NUMBER_OR_TEXT = re.compile(r"[biufcSU?]\d*")
_MARK = "finetune_tts: class name"
_ARGUMENTS = "finetune_tts: arguments"


class _CoquiObject:
    """Becomes an `OrderedDict`: the only type to which torch's unpickler adds both items and attributes."""

    def __new__(cls, *arguments: Any) -> Any:
        """Make the dictionary that collects the object's state."""
        collected: OrderedDict[Any, Any] = OrderedDict()
        collected.__dict__.update({_MARK: f"{cls.__module__}.{cls.__qualname__}", _ARGUMENTS: arguments})
        return collected


class _NumpyType:
    """The data type of a numpy number: a code such as ``f8`` and a byte order."""

    def __init__(self, code: str, *_: Any) -> None:
        if not isinstance(code, str) or not _NUMBER_OR_TEXT.fullmatch(code):
            raise ValueError(f"numpy values of type {code!r} are not numbers or text")
        self.code = code
        self.order = "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] in ("<", ">", "|", "="):
            self.order = state[1]
        if self.code in ("S", "U"):  # text keeps its width apart from its code
            self.code += str(int(state[5]) // (4 if self.code == "U" else 1))

    def __str__(self) -> str:
        return str(np.dtype(self.code))


class _NumpyNumber:
    """Becomes the Python number (or string) that the numpy scalar held."""

    def __new__(cls, kind: _NumpyType, data: bytes) -> Any:
        """Read one value of the given type from its bytes."""
        if not isinstance(kind, _NumpyType) or not isinstance(data, bytes):
            raise ValueError("a numpy number is written as a type and its bytes")
        return np.frombuffer(data, np.dtype(kind.order + kind.code), count=1)[0].item()


class _Container:
    """`defaultdict`, and the `dict`, `list`, ... that it makes: becomes an empty dictionary."""

    def __new__(cls, *_: Any) -> Any:
        """Make the dictionary that the items go into."""
        return {}


class _Path:
    """Becomes the path as a string."""

    def __new__(cls, *parts: str) -> Any:
        """Join the parts as the system that wrote them would."""
        flavour = PureWindowsPath if "Windows" in cls.__qualname__ else PurePosixPath
        return str(flavour(*parts))


class _Moment:
    """A date, time or span: becomes the string that ``str`` shows."""

    def __new__(cls, *arguments: Any) -> Any:
        """Make the date and write it out; an argument that is no number and no packed date is refused."""
        if not all(isinstance(argument, (int, float, bytes)) for argument in arguments):
            raise ValueError("a date is written as numbers or as bytes")
        return str(getattr(datetime, cls.__qualname__)(*arguments))


_STAND_INS: dict[str, type] = {
    "collections.defaultdict": _Container,
    "builtins.dict": _Container,
    "builtins.list": _Container,
    "builtins.int": _Container,
    "builtins.float": _Container,
    "datetime.date": _Moment,
    "datetime.datetime": _Moment,
    "datetime.timedelta": _Moment,
    "numpy.dtype": _NumpyType,
    "numpy.core.multiarray.scalar": _NumpyNumber,  # numpy 1
    "numpy._core.multiarray.scalar": _NumpyNumber,  # numpy 2
}
# The settings of a training by Lightning, as Piper's voices have them: a dictionary of its own class, and options.
_STAND_INS["argparse.Namespace"] = _CoquiObject
for _module in (
    "pytorch_lightning.utilities.parsing",
    "lightning.pytorch.utilities.parsing",
    "lightning.fabric.utilities.data",
    "lightning_fabric.utilities.data",
):
    _STAND_INS[f"{_module}.AttributeDict"] = _CoquiObject
for _module in ("pathlib", "pathlib._local"):  # the second one is Python 3.13
    for _name in ("Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath"):
        _STAND_INS[f"{_module}.{_name}"] = _Path


def stand_ins(names: set[str]) -> list[Any]:
    """Make the stand-ins for those of ``names`` that may be in a weight file and that torch does not know.

    Each is a class of its own that bears the foreign name, which is what torch compares.
    """
    made = []
    for name in sorted(names - TORCH_ACCEPTS):
        base = _CoquiObject if name.startswith(COQUI_PACKAGES) else _STAND_INS.get(name)
        if base is not None:
            module, _, qualified = name.rpartition(".")
            made.append(type(qualified, (base,), {"__module__": module, "__qualname__": qualified}))
    return made


def refused(names: set[str]) -> list[str]:
    """The names that no weight file needs. Names of torch are left to torch, which has its own list."""
    return sorted(
        name
        for name in names
        if name not in TORCH_ACCEPTS and name not in _STAND_INS and not name.startswith((*COQUI_PACKAGES, "torch."))
    )


def unfolded(value: Any) -> Any:
    """Return what a stand-in holds as a dictionary, a string or a value; anything else as it is."""
    if isinstance(value, OrderedDict) and _MARK in vars(value):
        fields = {**vars(value), **value}
        del fields[_MARK]
        arguments = fields.pop(_ARGUMENTS)
        if not fields and len(arguments) == 1:  # an enumeration's member
            return arguments[0]
        return {key: item for key, item in fields.items() if not str(key).startswith("_")}
    if isinstance(value, _NumpyType):
        return str(value)
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    return value
