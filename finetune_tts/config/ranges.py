"""Ranges of numbers and sets of words that config fields take."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from finetune_tts.config.base import Config
from finetune_tts.config.values import shown


def is_number(value: Any) -> bool:
    """Tell whether a value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_finite(number: float) -> bool:
    """Tell whether a number is finite and a float can hold it; :func:`math.isfinite` fails on huge whole numbers."""
    return abs(number) < 2**1023


def is_whole(value: Any) -> bool:
    """Tell whether a value is a whole number, as 2.0 is."""
    return is_number(value) and is_finite(value) and value == int(value)


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``; finite ones unless ``infinite``."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False
    infinite: bool = False

    def holds(self, number: float) -> bool:
        """Tell whether a number lies in the range."""
        if not is_finite(number):
            return self.infinite and number > 0
        above = number > self.low if self.open_low else number >= self.low
        return above and (number < self.high if self.open_high else number <= self.high)

    def __str__(self) -> str:
        if self.low == self.high:
            return _digits(self.low)
        low = f"{'above' if self.open_low else 'at least'} {_digits(self.low)}"
        high = f"{'below' if self.open_high else 'at most'} {_digits(self.high)}"
        parts = [low] if self.low > -math.inf else []
        parts += [high] if self.high < math.inf else []
        return " and ".join(parts) or "a finite number"


def _digits(number: float) -> str:
    return str(int(number)) if is_whole(number) else f"{number:g}"


ABOVE_ZERO = Range(0, open_low=True)
FROM_ZERO = Range(0)
FROM_ONE = Range(1)
SHARE = Range(0, 1, open_high=True)
LENGTH = Range(0, infinite=True)
#: Layers, blocks, heads: many times those of any network, so that nothing is built for hours.
COUNT = Range(1, 256)
#: Channels of a layer, or the size of a vector.
CHANNELS = Range(1, 2**16)
#: Taps of a convolution, or its dilation.
KERNEL = Range(1, 1024)
#: Samples or frames that are held in memory at once.
STRETCH = Range(1, 2**24)


def out_of_range(group: Config, ranges: dict[str, Range], prefix: str = "") -> Iterator[str]:
    """Yield the numbers of a group that lie outside their range; null has none, a list has that of its items."""
    for name, allowed in ranges.items():
        for path, number in leaves(getattr(group, name), name):
            if number is not None and not allowed.holds(number):
                yield f"{prefix}{path} = {shown(number)}: must be {allowed}"


def leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield what stands in a value, or in the lists of it, with its dotted path."""
    if isinstance(value, list):
        for place, item in enumerate(value):
            yield from leaves(item, f"{path}.{place}")
    else:
        yield path, value


def limited(faults: Sequence[str], most: int = 10) -> list[str]:
    """Return the first of many faults, and how many there are beside them."""
    more = len(faults) - most
    return [*faults[:most], f"… and {more} more"] if more > 1 else list(faults)


def not_among(group: Config, choices: dict[str, tuple[str, ...]], prefix: str = "") -> Iterator[str]:
    """Yield the texts of a group that are none of the known ones."""
    for name, known in choices.items():
        value = getattr(group, name)
        if value not in known:
            yield f"{prefix}{name} = {shown(value)}: must be one of {', '.join(known)}"
