"""What the losses of a run tell: which step was best, and whether the run went on for too long."""

from collections.abc import Sequence
from dataclasses import dataclass

from finetune_tts.runs.history import HistoryEntry

_LEAST_AFTER = 2
"""Evaluations after the best one that have to be worse, before it is called a turn."""
_MARGIN = 0.005
"""Share of the loss's whole fall that it has to rise again: less is noise."""


@dataclass(frozen=True)
class Course:
    """How the held-out loss went.

    Attributes:
        first: at the first evaluation.
        best, best_step: the lowest, and where it was.
        last, last_step: at the last evaluation.
        overfits: since the best step the held-out loss has risen, while the training loss went on falling.
    """

    first: float
    best: float
    best_step: int
    last: float
    last_step: int
    overfits: bool
    falling: bool = False
    """The last evaluation was the best one, and clearly better than the one before it."""


def targets(entries: Sequence[HistoryEntry], split: str) -> list[tuple[int, float]]:
    """Step and the loss that decides, where it is known."""
    points = []
    for entry in entries:
        value = entry.losses.get("loss") if entry.target is None else entry.target
        if entry.split == split and value is not None and value == value:
            points.append((entry.step, value))
    return points


def course(entries: Sequence[HistoryEntry]) -> Course | None:
    """Sum up a history; None where nothing was held out."""
    held_out = targets(entries, "eval")
    if not held_out:
        return None
    best_step, best = min(held_out, key=lambda point: point[1])
    later = [value for step, value in held_out if step > best_step]
    trained_before = [value for step, value in targets(entries, "train") if step <= best_step]
    trained_after = [value for step, value in targets(entries, "train") if step > best_step]
    fall = max(value for _, value in held_out) - best
    rises = len(later) >= _LEAST_AFTER and min(later) > best and later[-1] > best + _MARGIN * fall
    learns_on = bool(trained_before and trained_after) and trained_after[-1] < trained_before[-1]
    before = held_out[-2][1] if len(held_out) > 1 else best
    falling = held_out[-1][0] == best_step and before - best > 2 * _MARGIN * fall
    return Course(held_out[0][1], best, best_step, held_out[-1][1], held_out[-1][0], rises and learns_on, falling)


def seconds_trained(entries: Sequence[HistoryEntry]) -> float:
    """Time that the run and its continuations took, as far as the history tells."""
    total = before = 0.0
    for entry in entries:
        if entry.seconds < before:
            total += before  # the clock starts again where a run is resumed
        before = entry.seconds
    return total + before
