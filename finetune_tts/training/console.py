"""What the user sees during a run: a bar on a terminal, lines elsewhere, all of it in the run's log."""

import logging
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from finetune_tts.errors import ProcessLost, UserError

logger = logging.getLogger(__name__)

LOG_NAME = "trainer_{rank}_log.txt"
#: how the last line of a run's log begins that trained to its end, and of one that was stopped.
ENDED, STOPPED = "The run has ended after step", "Stopped after step"


class Progress:
    """Tells how far a run is.

    Args:
        total: steps of the whole run.
        done: steps done before.
        show: whether this process speaks at all.
        stream: where the bar goes; a terminal gets one, anything else gets lines.
    """

    def __init__(self, total: int, done: int = 0, *, show: bool = True, stream: TextIO | None = None) -> None:
        stream = stream or sys.stderr
        self._total = total
        self._show = show
        self._bar: Any = None
        self._mark = (time.monotonic(), done)
        if show and stream.isatty():
            self._bar = tqdm(total=total, initial=done, file=stream, unit="step", dynamic_ncols=True, smoothing=0.1)

    def step(self) -> None:
        """One step more is done."""
        if self._bar is not None:
            self._bar.update()

    def losses(self, step: int, losses: Mapping[str, float], rate: float) -> None:
        """Show the losses and the rate at ``step``."""
        now = time.monotonic()
        before, step_before = self._mark
        self._mark = (now, step)
        speed = (step - step_before) / (now - before) if now > before else 0.0
        shown = shown_losses(losses)
        if self._bar is not None:
            self._bar.set_postfix_str(f"{shown}, rate {rate:.3g}", refresh=False)
        if self._show:
            left = duration(max(self._total - step, 0) / speed) if speed else "?"
            line = "step %d/%d: %s, rate %.3g, %.2f steps/s, %s left"
            on_bar = {"on_bar": self._bar is not None}
            logger.info(line, step, self._total, shown, rate, speed, left, extra=on_bar)

    def paused(self) -> None:
        """Time has passed that no step took: it does not count into the speed."""
        self._mark = (time.monotonic(), self._mark[1])

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()


def shown_losses(losses: Mapping[str, float]) -> str:
    """Losses as ``loss 0.1234, log_mle 0.1``, the total first."""
    names = sorted(losses, key=lambda name: (name != "loss", name))
    return ", ".join(f"{name} {losses[name]:.4f}" for name in names)


def duration(seconds: float) -> str:
    """Seconds as the user reads them: ``45 s``, ``12 min``, ``3 h 05 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


@contextmanager
def run_log(folder: Path, rank: int = 0) -> Iterator[None]:
    """Write what the package logs into the run folder too, and keep it from tearing a bar on the terminal.

    What ends the run is written there as well, with its traceback unless it is an error that tells all in its message.
    """
    folder.mkdir(parents=True, exist_ok=True)  # of a process on a machine that does not see the main one's files
    package = logging.getLogger(__name__.partition(".")[0])
    file_handler = logging.FileHandler(folder / LOG_NAME.format(rank=rank), encoding="utf-8", errors="backslashreplace")
    file_handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    level = package.level
    with ExitStack() as stack:
        stack.callback(file_handler.close)
        for handler in {*package.handlers, *logging.getLogger().handlers}:
            if isinstance(handler, logging.StreamHandler) and handler.stream in (sys.stdout, sys.stderr):
                stack.callback(handler.setStream, handler.setStream(AboveBar(handler.stream)))
                handler.addFilter(not_on_bar)
                stack.callback(handler.removeFilter, not_on_bar)
        package.addHandler(file_handler)
        stack.callback(package.removeHandler, file_handler)
        # The file holds the whole story, even in a program that has set up no logging.
        package.setLevel(min(package.getEffectiveLevel(), logging.INFO))
        stack.callback(package.setLevel, level)
        try:
            yield
        except BaseException as error:
            file_handler.handle(_last_words(error))
            raise


def _last_words(error: BaseException) -> logging.LogRecord:
    level, trace = logging.ERROR, None
    if isinstance(error, KeyboardInterrupt):
        level = logging.INFO
    elif not isinstance(error, UserError | ProcessLost):
        trace = (type(error), error, error.__traceback__)
    said = str(error) or type(error).__name__
    return logger.makeRecord(logger.name, level, __file__, 0, said, (), trace)


class AboveBar:
    """A stream whose lines go above tqdm's bar."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write ``text``, and draw the bar again below it."""
        tqdm.write(text, file=self._stream, end="")

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()


def not_on_bar(record: logging.LogRecord) -> bool:
    """Whether ``record`` belongs on the terminal: what the bar shows already does not."""
    return not getattr(record, "on_bar", False)
