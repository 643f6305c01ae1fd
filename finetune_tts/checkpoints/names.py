"""The names of weights: what wrappers put before them, and the two namings of weight norm.

Released checkpoints store a weight-normalised tensor as ``weight_g`` and ``weight_v``; torch's parametrized form
calls the same two ``parametrizations.weight.original0`` and ``original1``.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

Value = TypeVar("Value")

_WRAPPERS = ("module.", "_orig_mod.")  # DistributedDataParallel, torch.compile
_PARAMETRIZED = re.compile(r"^(.*\.)?parametrizations\.(\w+)\.original([01])$")
_LETTERS = {"0": "g", "1": "v"}


def released_name(name: str) -> str:
    """``a.parametrizations.weight.original0`` → ``a.weight_g``, ``...original1`` → ``a.weight_v``; others stay."""
    match = _PARAMETRIZED.match(name)
    if match is None:
        return name
    return f"{match.group(1) or ''}{match.group(2)}_{_LETTERS[match.group(3)]}"


def released_names(state: Mapping[str, Value]) -> dict[str, Value]:
    """The state with the names that released checkpoints use, in the same order."""
    return {released_name(name): value for name, value in state.items()}


def fitted_names(state: Mapping[str, Value], targets: Iterable[str]) -> dict[str, Value]:
    """The state with weight norm named as the network names it, whichever of the two forms each of them uses.

    Args:
        state: name → value of a checkpoint.
        targets: the tensor names of the network.
    """
    wanted = {released_name(target): target for target in targets}
    return {wanted.get(released_name(name), name): value for name, value in state.items()}


def unwrapped_names(state: Mapping[str, Value]) -> dict[str, Value]:
    """The state without the prefix that a wrapper (DDP, torch.compile) put before every name."""
    result = dict(state)
    while result:
        prefix = next((wrapper for wrapper in _WRAPPERS if all(name.startswith(wrapper) for name in result)), None)
        if prefix is None:
            break
        result = {name[len(prefix) :]: value for name, value in result.items()}
    return result


def shown(name: str, longest: int = 100) -> str:
    """A name that a file gives, fit for a message: without line breaks and control characters, and not endless."""
    letters = "".join(letter if letter.isprintable() else "?" for letter in name[: longest + 1])
    return letters if len(letters) <= longest else f"{letters[: longest - 1]}…"
