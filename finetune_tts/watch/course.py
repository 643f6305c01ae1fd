"""What the history of a run tells while it grows: its curves, its best evaluation, how fast it is."""

import math
from collections import deque
from pathlib import Path
from typing import Any

from finetune_tts.errors import counted, excerpt
from finetune_tts.hearing.metrics import METRICS
from finetune_tts.json_text import parse_json
from finetune_tts.runs.history import FILE_NAME
from finetune_tts.watch.curve import Curve
from finetune_tts.watch.tail import Tail

RATE, SPEED = "learning rate", "steps per second"
TRAINING, HELD_OUT, HEARD = "train", "eval", "heard"
_MOST_CURVES = 64
_RECENT = 20  # entries of which the speed is the mean
_MOST_STEPS = 2**53


class Course:
    """Reads ``history.jsonl`` on and on.

    Attributes:
        version: another number whenever anything has changed.
        step, epoch, total: of the last entry; total is None where it is not known.
        best: step and loss of the best evaluation.
        since_best: evaluations after it.
        longest_pause: seconds between two entries.
        decisive: the loss that decides which model is the best, if it is one of those that are shown.
    """

    def __init__(self, folder: Path) -> None:
        self.version = 0
        self._tail = Tail(folder / FILE_NAME, self._begin_again)
        self._clear()

    def read_on(self) -> None:
        """Take in what has been written since.

        Raises:
            OSError: the history cannot be read.
        """
        for number, line in self._tail.lines():
            self.version += 1
            try:
                self._add(parse_json(line.decode("utf-8"), infinity=True))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                self._faults += 1
                self._fault = f"line {number} is not an entry of a run's history ({excerpt(str(error))})"

    @property
    def seconds(self) -> float:
        """That the run and its continuations took."""
        return self._seconds_before + self._seconds

    @property
    def speed(self) -> float | None:
        """Steps per second of late, evaluations and samples included; None where nothing tells."""
        (first_step, first), (last_step, last) = self._recent[0], self._recent[-1]
        return (last_step - first_step) / (last - first) if last > first and last_step > first_step else None

    @property
    def seconds_left(self) -> float | None:
        """Until all steps are done, at this speed."""
        speed = self.speed
        return None if speed is None or self.total is None else max(0, self.total - self.step) / speed

    def warnings(self) -> list[str]:
        """What is wrong with the history, or with what it tells."""
        found = []
        if self._faults:
            more = f", nor are {self._faults - 1:,} others" if self._faults > 1 else ""
            found.append(f"{FILE_NAME}: {self._fault}{more}.")
        for (name, split), curve in self._curves.items():
            if curve.not_finite:
                which = {TRAINING: "training ", HELD_OUT: "held-out ", HEARD: ""}[split]
                found.append(f"{which}{name}: {counted(curve.not_finite, 'value')} not finite (NaN or infinite).")
        if self._left_out:
            found.append(f"There are more than {_MOST_CURVES} curves: {', '.join(sorted(self._left_out))} …")
        return found

    def as_json(self) -> list[dict[str, Any]]:
        """The curves, the decisive loss first, what is heard behind the losses, and what is neither last."""
        names = dict.fromkeys(name for name, _ in self._curves)
        heard = {name: 1 for name, split in self._curves if split == HEARD}
        order = {**heard, RATE: 3, SPEED: 4, "grad_norm": 2}
        ordered = sorted(names, key=lambda name: (order.get(name, 0), name != self.decisive, name != "loss", name))
        return [
            {"name": name, "decides": name == self.decisive, "exact": name == RATE, **{
                split: self._curves[name, split].as_json() if (name, split) in self._curves else None
                for split in (TRAINING, HELD_OUT, HEARD)
            }}
            for name in ordered
        ]  # fmt: skip

    def _begin_again(self) -> None:
        self.version += 1
        self._clear()

    def _clear(self) -> None:
        self._curves: dict[tuple[str, str], Curve] = {}
        self._left_out: set[str] = set()
        self._faults, self._fault = 0, ""
        self._seconds = self._seconds_before = 0.0
        self._recent: deque[tuple[int, float]] = deque([(0, 0.0)], maxlen=_RECENT)
        self.step = self.epoch = 0
        self.total: int | None = None
        self.best: tuple[int, float] | None = None
        self.since_best = 0
        self.longest_pause = 0.0
        self.decisive: str | None = None

    def _add(self, values: dict[str, Any]) -> None:
        step, epoch = _whole(values, "step"), _whole(values, "epoch")
        split, rate, seconds = values["split"], _number(values.get("rate")), _number(values.get("seconds", 0.0)) or 0.0
        total = None if values.get("total") is None else _whole(values, "total")
        losses = {str(name): _number(value) for name, value in values["losses"].items()}
        target = _number(values["target"]) if "target" in values else losses.get("loss")
        if split == HEARD:
            # Written down when it has been heard: the run is further than this step by then.
            self._note_time(self.step, seconds, split)
            for name, value in losses.items():
                self._draw_heard(name, step, value)
            return
        if split not in (TRAINING, HELD_OUT):
            raise ValueError(f"split {split!r}")
        self._note_time(step, seconds, split)
        self.step, self.epoch, self.total = step, epoch, total
        for name, value in losses.items():
            self._draw(name, split, step, value)
        if split == TRAINING and rate is not None:
            self._draw(RATE, split, step, rate)
        if target is not None:
            self.decisive = next((name for name in losses if losses[name] == target), self.decisive)
        if split == HELD_OUT:
            self.since_best += 1
            if target is not None and math.isfinite(target) and (self.best is None or target < self.best[1]):
                self.best, self.since_best = (step, target), 0

    def _note_time(self, step: int, seconds: float, split: str) -> None:
        if seconds < self._seconds:  # the clock starts again where a run is resumed
            self._seconds_before += self._seconds
            self._seconds = 0.0
            self._recent = deque([(self.step, 0.0)], maxlen=_RECENT)
        self.longest_pause = max(self.longest_pause, seconds - self._seconds)
        before_step, before = self._recent[-1]
        if split == TRAINING and seconds > before and step > before_step:
            self._draw(SPEED, split, step, (step - before_step) / (seconds - before))
        self._seconds = seconds
        self._recent.append((step, seconds))

    def _draw_heard(self, key: str, step: int, value: float | None) -> None:
        metric = METRICS.get(key)
        if metric is None:
            self._draw(key, HEARD, step, value)
        else:
            scale = 100.0 if metric.unit == "%" else 1.0
            name = f"{metric.title} ({metric.unit})" if metric.unit else metric.title
            self._draw(name, HEARD, step, None if value is None else scale * value)

    def _draw(self, name: str, split: str, step: int, value: float | None) -> None:
        curve = self._curves.get((name, split))
        if curve is None:
            if len(self._curves) >= _MOST_CURVES:
                if len(self._left_out) < _MOST_CURVES:
                    self._left_out.add(excerpt(name))
                return
            curve = self._curves[name, split] = Curve()
        curve.add(step, value)


def _whole(values: dict[str, Any], field: str) -> int:
    value = values[field]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MOST_STEPS:
        raise ValueError(f"{field} {value!r}")
    return value


def _number(value: Any) -> float | None:
    if value is not None and (not isinstance(value, int | float) or isinstance(value, bool)):
        raise ValueError(f"{value!r} is no number")
    return None if value is None else float(value)
