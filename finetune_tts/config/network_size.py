"""Networks that no machine holds are refused before they are built, with the field that makes them so large."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import fields
from typing import Any, TypeVar

from finetune_tts.config.base import Config
from finetune_tts.config.ranges import is_whole
from finetune_tts.config.values import default_of, shown
from finetune_tts.errors import UserError

#: Parameters beyond which a text-to-speech model or a vocoder is a mistake; the largest have some hundred million.
MOST_PARAMETERS = 2**31
#: What building raises for sizes that contradict each other.
NOT_BUILDABLE = (ArithmeticError, AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError)
#: Numbers below are nobody's reason.
_SMALL = 8
_CANDIDATES = 12

AnyConfig = TypeVar("AnyConfig", bound=Config)
Network = TypeVar("Network")
Make = Callable[[], Network]


def built_if_held(
    config: AnyConfig,
    name: str,
    make: Callable[[AnyConfig], Network],
    build_within: Callable[[Make[Network], int], Network | None],
    count_parameters: Callable[[Make[Network], int], int],
) -> Network:
    """Build a network, or refuse a config of which none can be built, or none that the memory of the machine holds.

    Args:
        config: of the network.
        name: of the network, for messages.
        make: builds it.
        build_within: gives what a function makes, None where it has more parameters than a number.
        count_parameters: of what a function makes, counted up to a bound.

    Raises:
        UserError: the field with its value, where one of them can be blamed.
    """
    most = most_parameters()
    try:
        network = build_within(lambda: make(config), most)
    except UserError:
        raise
    except NOT_BUILDABLE as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"The config describes no {name} that can be built: {reason}") from error
    if network is not None:
        return network
    blamed = heaviest(config, lambda other: count_parameters(lambda: make(other), most))
    what = f"{blamed[0]} = {shown(blamed[1])}: t" if blamed is not None else "T"
    raise UserError(
        f"{what}he {name} would have more than {most / 1e9:.1f} billion parameters ({4 * most / 2**30:.0f} GiB), "
        "or so many layers that it could not be built: more than this machine, or any such network, can have."
    )


def most_parameters() -> int:
    """Parameters that the memory of this machine holds in float32, and :data:`MOST_PARAMETERS` at most."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not on every system
        return MOST_PARAMETERS
    return min(MOST_PARAMETERS, memory // 4)


def heaviest(config: AnyConfig, count: Callable[[AnyConfig], int]) -> tuple[str, Any] | None:
    """Return the field, and its value, without which the network would be smallest; None where none makes it smaller.

    Where several make it so large together, it is the one with which the last of them are gone.

    Args:
        config: of a network that is too large.
        count: gives the number of parameters that a config means.
    """
    found: list[tuple[int, str, Any]] = []
    candidates = sorted(_numbers(config, type(config)(), ""), key=lambda entry: -entry[1] / max(entry[2], 1))
    whole = count(config)
    for path, value, default in candidates[:_CANDIDATES]:
        other = deepcopy(config)
        _store(other, path.split("."), default)
        try:
            parameters = count(other)
        except NOT_BUILDABLE:  # it does not go together with another field
            continue
        if parameters < whole:
            found.append((parameters, path, value))
    if found:
        return min(found)[1:]
    other = deepcopy(config)
    for path, value, default in candidates[:_CANDIDATES]:
        _store(other, path.split("."), default)
        with suppress(*NOT_BUILDABLE):  # until more fields have their usual value
            if count(other) < whole:
                return path, value
    return None


def _numbers(value: Any, default: Any, path: str) -> Iterator[tuple[str, int, int]]:
    """Yield the whole numbers that lie above their default: dotted path, value, default."""
    items: list[tuple[str, Any, Any]] = []
    if isinstance(value, Config):
        fresh = {field.name: default_of(field) for field in fields(value)}
        items = [(name, getattr(value, name), fresh[name]) for name in fresh]
    elif isinstance(value, dict):
        known = default if isinstance(default, dict) else {}
        items = [(str(name), item, known.get(name)) for name, item in value.items() if "." not in str(name)]
    elif isinstance(value, list):
        first = default if isinstance(default, list) else []
        items = [(str(place), item, first[place] if place < len(first) else 1) for place, item in enumerate(value)]
    elif is_whole(value) and value > _SMALL:
        usual = int(default) if is_whole(default) and default >= 1 else 1
        if value > usual:
            yield path, int(value), usual
    for name, item, usual in items:
        yield from _numbers(item, usual, f"{path}.{name}" if path else name)


def _store(holder: Any, path: list[str], value: int) -> None:
    *groups, last = path
    for name in groups:
        holder = getattr(holder, name) if isinstance(holder, Config) else holder[_key(holder, name)]
    if isinstance(holder, Config):
        setattr(holder, last, value)
    else:
        holder[_key(holder, last)] = value


def _key(holder: Any, name: str) -> Any:
    return int(name) if isinstance(holder, list) else name
