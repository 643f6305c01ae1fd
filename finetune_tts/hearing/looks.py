"""What was heard of a run, look by look: whether it still gets better, and where it was best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from finetune_tts.hearing.metrics import METRICS

DECIDING = ("wer", "similarity", "mcd", "f0")
"""Metrics that say whether a run still gets better: words, voice, sound, melody."""
FLAT_LOOKS = 4
"""Looks that are compared with as many before them, unless the user says how many."""

_FEWEST_METRICS = 2


@dataclass(frozen=True)
class Look:
    """What was heard of the model of one step.

    Attributes:
        step: of the weights that spoke.
        values: key of a metric → mean over the sentences.
    """

    step: int
    values: Mapping[str, float]


def shown_values(look: Look) -> str:
    """What decides, and how fast it is spoken, as the user reads it."""
    keys = [key for key in (*DECIDING, "duration") if key in look.values]
    return ", ".join(f"{METRICS[key].title} {METRICS[key].text(look.values[key])}" for key in keys)


def is_flat(looks: Sequence[Look], count: int) -> bool:
    """Whether the last ``count`` looks are no better than the ``count`` before them, in any metric that decides.

    Means of several looks are compared: of a single one, heard in a few sentences, much is chance. False as long as
    there are not enough looks, or fewer than two metrics.
    """
    return len(_comparable(looks, count)) >= _FEWEST_METRICS and not improved(looks, count)


def improved(looks: Sequence[Look], count: int) -> list[str]:
    """The metrics that decide in which the last ``count`` looks are better than the ``count`` before them."""
    before, recent = looks[-2 * count : -count], looks[-count:]
    return [
        key for key in _comparable(looks, count) if _badness(before, key) - _badness(recent, key) > METRICS[key].least
    ]


def flat_since(looks: Sequence[Look], count: int) -> int | None:
    """The step after which nothing that is heard has become better; None where something still does."""
    end = len(looks)
    if not is_flat(looks, count):
        return None
    while is_flat(looks[: end - 1], count):
        end -= 1
    return looks[end - count - 1].step


def known_metrics(looks: Sequence[Look]) -> list[str]:
    """The metrics that decide and that every one of the looks has."""
    return [key for key in DECIDING if looks and all(key in look.values for look in looks)]


def better_in(one: Look, other: Look) -> list[str]:
    """The metrics that decide in which ``one`` is clearly better than ``other``."""
    keys = known_metrics([one, other])
    return [key for key in keys if _badness([other], key) - _badness([one], key) > METRICS[key].least]


def nearest(looks: Sequence[Look], step: int) -> Look:
    """The look at the model of a step, or at the one closest to it; of two the later."""
    return min(looks, key=lambda look: (abs(look.step - step), -look.step))


def _comparable(looks: Sequence[Look], count: int) -> list[str]:
    return known_metrics(looks[-2 * count :]) if len(looks) >= 2 * count else []


def _badness(looks: Sequence[Look], key: str) -> float:
    return sum(METRICS[key].badness(look.values[key]) for look in looks) / len(looks)
