"""What a program that starts a run is told while it goes on, and how it ends it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

STOP = "stop"
"""What a callback returns to end the run."""


class RunHandle:
    """The run, for callbacks.

    Attributes:
        folder: of the run.
        total_steps: of the whole run, as far as they are known beforehand.
    """

    def __init__(self, folder: Path, total_steps: int) -> None:
        self.folder, self.total_steps = folder, total_steps
        self.stopped = False

    def stop(self) -> None:
        """End the run after this step, as if it had come to its end: evaluated and saved."""
        self.stopped = True


@dataclass(frozen=True)
class StepDone:
    """A step is done."""

    step: int
    epoch: int
    """Whole epochs so far."""
    losses: Mapping[str, float] = field(default_factory=dict)
    """Means since the last ones, every ``print_step`` steps; empty in between, as nothing waits for the device."""


@dataclass(frozen=True)
class Evaluated:
    """The held-out loss was measured."""

    step: int
    losses: Mapping[str, float]


@dataclass(frozen=True)
class SampleSpoken:
    """A test sentence was synthesised into the run folder."""

    step: int
    path: Path


@dataclass(frozen=True)
class CheckpointWritten:
    """A checkpoint, or the best model so far, is whole in the run folder."""

    step: int
    path: Path
    is_best: bool


@dataclass(frozen=True)
class Callbacks:
    """Functions that are called in the run's main process, each with the run and with what has happened.

    One that returns ``"stop"``, or calls ``run.stop()``, ends the run, which is evaluated and saved as at its end. What
    one raises ends the run too: it is saved, so that it can be resumed, and then raised.
    """

    on_step: Callable[[RunHandle, StepDone], object] | None = None
    on_evaluation: Callable[[RunHandle, Evaluated], object] | None = None
    on_sample: Callable[[RunHandle, SampleSpoken], object] | None = None
    on_checkpoint: Callable[[RunHandle, CheckpointWritten], object] | None = None


class Announcer:
    """Calls the callbacks of a run.

    Args:
        callbacks: of whoever started it.
        run: what they get.

    Attributes:
        failure: what one of them raised; no more are called then.
    """

    def __init__(self, callbacks: Callbacks, run: RunHandle) -> None:
        self._callbacks, self._run = callbacks, run
        self._losses: Mapping[str, float] = {}
        self.failure: Exception | None = None

    @property
    def stopped(self) -> bool:
        """Whether one of them has ended the run."""
        return self._run.stopped

    def step(self, step: int, epoch: int) -> None:
        """A step is done."""
        losses, self._losses = self._losses, {}
        self._call(self._callbacks.on_step, StepDone(step, epoch, losses))

    def losses(self, split: str, step: int, losses: Mapping[str, float]) -> None:
        """Losses are known: of training, which go with the step, or held-out ones."""
        if split == "train":
            self._losses = losses
        else:
            self._call(self._callbacks.on_evaluation, Evaluated(step, losses))

    def samples(self, step: int, paths: Sequence[Path]) -> None:
        """Test sentences were synthesised."""
        for path in paths:
            self._call(self._callbacks.on_sample, SampleSpoken(step, path))

    def checkpoint(self, step: int, path: Path, is_best: bool) -> None:
        """A checkpoint was written."""
        self._call(self._callbacks.on_checkpoint, CheckpointWritten(step, path, is_best))

    def raise_failure(self) -> None:
        """Raise what a callback raised, now that the run is saved."""
        if self.failure is not None:
            raise self.failure

    def _call(self, callback: Callable[[RunHandle, Any], object] | None, event: object) -> None:
        if callback is None or self.failure is not None:
            return
        try:
            if callback(self._run, event) == STOP:
                self._run.stop()
        except Exception as error:  # whatever it is: the work so far is saved before it is raised
            logger.warning("A callback failed (%s: %s): the run is saved and ends.", type(error).__name__, error)
            self.failure = error
