"""Files of safetensors: a header of JSON that says where each tensor lies, then their bytes; nothing that could run.

The bytes are: the length of the header (8, little-endian), the header, the tensors one behind the other. The header is
an object: name → ``{"dtype": "F32", "shape": [4, 3], "data_offsets": [begin, end]}``, and ``__metadata__`` → texts.
"""

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from finetune_tts.checkpoints.names import shown
from finetune_tts.errors import UserError
from finetune_tts.files import replacing
from finetune_tts.json_text import NotJSON, parse_json

SUFFIX = ".safetensors"
METADATA = "__metadata__"

_LENGTH_BYTES = 8
_LONGEST_HEADER = 100_000_000  # as the format's own program has it
_ALIGNMENT = 8
_AGAIN = "Download or copy it again."
_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U64": torch.uint64,
    "U32": torch.uint32,
    "U16": torch.uint16,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


@dataclass(frozen=True)
class _Place:
    """Where a tensor lies: bytes from ``begin`` to ``end`` behind the header."""

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    begin: int
    end: int


def begins_as_safetensors(head: bytes) -> bool:
    """Tell from the first bytes of a file whether it is meant to be one of safetensors."""
    return (
        len(head) > _LENGTH_BYTES
        and head[_LENGTH_BYTES : _LENGTH_BYTES + 1] == b"{"
        and int.from_bytes(head[:_LENGTH_BYTES], "little") < 2**56  # of a text, the eighth byte is no zero
    )


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a file of safetensors.

    Args:
        path: a file that :func:`begins_as_safetensors`.

    Returns:
        Tensors by name, on the CPU, mapped from the file where they lie well, and the texts of its metadata.

    Raises:
        UserError: it is cut off, or its header is not what such a header is.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        if length > _LONGEST_HEADER:
            raise UserError(f"{path}: refused: its header has {length:,} bytes, more than a list of tensors needs.")
        start = _LENGTH_BYTES + length
        if start > size:
            raise UserError(f"{path}: is cut off: its header has {length:,} bytes, the file {size:,}. {_AGAIN}")
        header = file.read(length)
    try:
        values = parse_json(header.decode("utf-8"))
    except (UnicodeDecodeError, NotJSON) as error:
        reason = error.reason if isinstance(error, NotJSON) else "not UTF-8"
        raise UserError(f"{path}: the header of this safetensors file is damaged ({shown(reason, 200)}).") from error
    try:
        places, metadata = _places(values, size - start)
    except _Unfit as error:
        raise UserError(f"{path}: {error} {_AGAIN}") from error
    if not places:
        raise UserError(f"{path}: is a safetensors file without tensors. Give the one that holds the weights.")
    return _tensors(path, size, start, places), metadata


class _Unfit(ValueError):
    """A header that no program writes; the message says what and where."""


def _places(values: Any, room: int) -> tuple[list[_Place], dict[str, str]]:
    """Where all tensors lie, in the order of their names in the header, and the metadata."""
    metadata = values.pop(METADATA, None) or {}
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise _Unfit(f"is damaged: {METADATA} in its header holds something else than texts.")
    places = [_place(name, entry) for name, entry in values.items()]
    end = 0
    for place in sorted(places, key=lambda place: (place.begin, place.end)):
        if place.begin != end:
            what = "overlaps another tensor" if place.begin < end else "leaves a gap behind the tensor before"
            raise _Unfit(f"is damaged: '{shown(place.name, 60)}' {what} (at byte {place.begin:,}).")
        end = place.end
    if end > room:
        raise _Unfit(f"is cut off: its tensors have {end:,} bytes, of which {room:,} are there.")
    if end < room:
        raise _Unfit(f"is damaged: {room - end:,} bytes behind its last tensor belong to none.")
    return places, metadata


def _place(name: str, entry: Any) -> _Place:
    named = f"'{shown(name, 60)}'"
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise _Unfit(f"is damaged: its header does not say dtype, shape and data_offsets of {named}, and only these.")
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in _DTYPES:
        known = ", ".join(_DTYPES)
        raise _Unfit(f"is refused: {named} holds numbers of the type {shown(str(kind), 20)}; known are {known}.")
    if not _are_counts(shape) or not _are_counts(offsets) or len(offsets) != 2 or len(shape) > 64:
        raise _Unfit(f"is damaged: shape or data_offsets of {named} are not whole numbers from 0 on.")
    dtype = _DTYPES[kind]
    begin, end = offsets
    if math.prod(shape) * dtype.itemsize != end - begin:
        raise _Unfit(f"is damaged: {named} of the shape {shown(str(shape), 60)} does not fill {end - begin:,} bytes.")
    return _Place(name, dtype, tuple(shape), begin, end)


def _are_counts(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**62 for value in values)


def _tensors(path: Path, size: int, start: int, places: list[_Place]) -> dict[str, Tensor]:
    # Mapped and private: pages are read when they are looked at, and nothing that is changed goes to the file.
    whole = torch.from_file(str(path), shared=False, size=size, dtype=torch.uint8)
    found: dict[str, Tensor] = {}
    for place in places:
        raw = whole[start + place.begin : start + place.end]
        if (start + place.begin) % place.dtype.itemsize:
            raw = raw.clone()
        tensor = raw.ne(0) if place.dtype is torch.bool else raw.view(place.dtype)
        found[place.name] = tensor.reshape(place.shape)
    return found


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write a file of safetensors, whole or not at all.

    Args:
        path: the file; its folder must exist.
        tensors: by name; of the types that such a file has. What two names share is written twice.
        metadata: texts to go with them.

    Raises:
        OSError: the file cannot be written.
        TypeError: a tensor is of another type.
    """
    assert sys.byteorder == "little", "the format is little-endian, as all machines that torch is built for"
    header: dict[str, Any] = {METADATA: dict(metadata)} if metadata else {}
    # The largest numbers first, so that each tensor lies at a multiple of its numbers' size.
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0]))
    end = 0
    for name, tensor in ordered:
        if tensor.dtype not in _NAMES:
            raise TypeError(f"{name} holds numbers of the type {tensor.dtype}, which a safetensors file does not have")
        begin, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": _NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % _ALIGNMENT)
    with replacing(path) as file:
        file.write(len(text).to_bytes(_LENGTH_BYTES, "little") + text)
        for _, tensor in ordered:
            plain = tensor.detach().cpu().contiguous()
            file.write(plain.reshape(-1).view(torch.uint8).numpy().data if plain.numel() else b"")
