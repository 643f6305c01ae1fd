"""What comes out of a weight file, made plain: containers of bounded size, numbers, texts and real, dense tensors."""

from typing import Any

import torch
from torch import Tensor

from finetune_tts.checkpoints.allowlist import unfolded
from finetune_tts.checkpoints.names import shown
from finetune_tts.checkpoints.scanning import DEEPEST, MOST_VALUES

# A file may give this many times its own size in tensors, or the second number if that is more: two names may share
# one tensor, and a small view may repeat its numbers. More is a few bytes that ask for all the memory there is.
_MOST_GROWTH = 4
_ALWAYS_ALLOWED_BYTES = 256 * 2**20

_KINDS = (Tensor, torch.nn.Parameter, torch.nn.Buffer)
_DTYPES = frozenset(
    {
        *(torch.float64, torch.float32, torch.float16, torch.bfloat16),
        *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
        *(torch.uint16, torch.uint32, torch.uint64),
    }
)


class UnfitContent(ValueError):
    """Something that no weight file needs; the message says what and where."""


def plain_content(value: Any, file_size: int, *, most_values: int = MOST_VALUES) -> Any:
    """Turn what `torch.load` returned into plain values: dictionaries, lists, numbers, texts, tensors on the CPU.

    What stands in several places is the same object afterwards, too. Tensors are without gradients, and share their
    memory with the given ones.

    Args:
        value: with the stand-ins of `allowlist` in it.
        file_size: of the file that it comes from, in bytes.
        most_values: that it may hold, each counted as often as it stands there.

    Raises:
        UnfitContent: there are more, they lie too deep or in themselves; a tensor is larger than such a file can hold,
            or of a kind that networks here cannot take: sparse, quantised, complex, of 8 or 4 bits, without numbers.
    """
    return _Reading(max(_ALWAYS_ALLOWED_BYTES, _MOST_GROWTH * file_size), most_values).plain(value, ())[0]


class _Reading:
    """One pass over a content."""

    def __init__(self, most_bytes: int, most_values: int) -> None:
        self._bytes_left = most_bytes
        self._most_values = most_values
        # By the identity of what was given, which stays alive as long as it is kept here: the result and its size.
        self._done: dict[int, tuple[Any, Any, int]] = {}
        self._open: set[int] = set()

    def plain(self, value: Any, path: tuple[Any, ...]) -> tuple[Any, int]:
        """Return the plain value and how many values are in it."""
        if value is None or isinstance(value, (str, int, float, bytes)):
            return value, 1
        key = id(value)
        if key in self._done:
            return self._done[key][1:]
        if key in self._open:
            raise UnfitContent(f"{_named(path)} contains itself")
        if len(path) > DEEPEST:
            raise UnfitContent(f"{_named(path)} lies too deep")
        self._open.add(key)
        result, size = self._tensor(value, path) if isinstance(value, Tensor) else self._container(value, path)
        self._open.discard(key)
        if size > self._most_values:
            raise UnfitContent(f"{_named(path)} holds more than {self._most_values:,} values")
        self._done[key] = (value, result, size)
        return result, size

    def _container(self, value: Any, path: tuple[Any, ...]) -> tuple[Any, int]:
        opened = unfolded(value)
        if opened is not value:
            return self.plain(opened, path)
        if isinstance(value, dict):
            items = {name: self.plain(item, (*path, name)) for name, item in value.items()}
            return {name: item for name, (item, _) in items.items()}, 1 + sum(size for _, size in items.values())
        if isinstance(value, (list, tuple)) and not isinstance(value, torch.Size):
            parts = [self.plain(item, (*path, place)) for place, item in enumerate(value)]
            return type(value)(item for item, _ in parts), 1 + sum(size for _, size in parts)
        return value, 1

    def _tensor(self, tensor: Tensor, path: tuple[Any, ...]) -> tuple[Tensor, int]:
        # Attributes that the file gave a tensor could stand in the place of its methods, so none is called on it.
        detached = torch.Tensor.detach(tensor) if type(tensor) in _KINDS else None
        if detached is None or detached.layout is not torch.strided or detached.is_quantized or detached.is_nested:
            raise UnfitContent(f"{_named(path)} is a sparse, quantised or nested tensor; a dense one is needed")
        if detached.device.type != "cpu":
            raise UnfitContent(f"{_named(path)} is a tensor without numbers ({detached.device})")
        if detached.is_complex():
            raise UnfitContent(f"{_named(path)} holds complex numbers; weights are real ones")
        if detached.dtype not in _DTYPES:
            kind = str(detached.dtype).removeprefix("torch.")
            raise UnfitContent(f"{_named(path)} holds numbers of the type {kind}, which no network here computes with")
        self._bytes_left -= detached.numel() * detached.element_size()
        if self._bytes_left < 0:
            raise UnfitContent(f"{_named(path)} is larger than such a file can hold ({list(detached.shape)})")
        return detached, 1


def _named(path: tuple[Any, ...]) -> str:
    """Where a value stands: ``'model.encoder.emb.weight'``."""
    words = [part if isinstance(part, str) else str(part) if isinstance(part, int) else "…" for part in path]
    return f"'{shown('.'.join(words), 60)}'" if words else "the content"
