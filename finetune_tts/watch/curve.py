"""Values over the steps of a run in bounded room: neighbours are put together, the more the longer the run is."""

import math
from dataclasses import dataclass

#: points of a curve that are shown at most; there are at least half as many once there were so many.
MOST_POINTS = 512
_LARGEST = 1e30  # beyond it a sum of values is no number any more


@dataclass
class _Group:
    """Neighbours: their number, sums, and extremes."""

    count: int
    steps: float
    values: float
    low: float
    high: float

    def add(self, other: "_Group") -> None:
        self.count += other.count
        self.steps += other.steps
        self.values += other.values
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)


class Curve:
    """Values over steps.

    Attributes:
        not_finite: how many values were no finite numbers, and are not in the curve.
    """

    def __init__(self) -> None:
        self.not_finite = 0
        self._groups: list[_Group] = []
        self._size = 1  # values of a full group

    def add(self, step: int, value: float | None) -> None:
        """Add a value; None stands for one that was not finite."""
        if value is None or not math.isfinite(value) or abs(value) > _LARGEST:
            self.not_finite += 1
            return
        one = _Group(1, step, value, value, value)
        if self._groups and self._groups[-1].count < self._size:
            self._groups[-1].add(one)
            return
        if len(self._groups) == MOST_POINTS:
            for first, second in zip(self._groups[::2], self._groups[1::2], strict=True):
                first.add(second)
            del self._groups[1::2]
            self._size *= 2
        self._groups.append(one)

    def as_json(self) -> dict[str, list[float]]:
        """Step and mean of each group, its lowest and its highest value."""
        return {
            "steps": [round(group.steps / group.count, 1) for group in self._groups],
            "means": [_short(group.values / group.count) for group in self._groups],
            "lows": [_short(group.low) for group in self._groups],
            "highs": [_short(group.high) for group in self._groups],
        }


def _short(value: float) -> float:
    return float(f"{value:.6g}")
