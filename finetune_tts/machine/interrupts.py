"""Ctrl-C, SIGTERM and a terminal that is closed: finish the step, save, and say how to resume."""

import logging
import os
import signal
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

logger = logging.getLogger(__name__)

EXIT_STATUS = 130

STOPPING = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
"""What stops a run; Windows has no SIGHUP."""


class TrainingInterrupted(KeyboardInterrupt):
    """The user, or the system, stopped the run; its message says how to resume it.

    A ``KeyboardInterrupt``, so that a script which calls the training does not continue as if it had finished.

    Attributes:
        folder: of the run.
    """

    def __init__(self, message: str, folder: Path | None = None) -> None:
        super().__init__(message)
        self.folder = folder


class Interrupts(AbstractContextManager["Interrupts"]):
    """Turns a signal into a request; a Ctrl-C after that stops the program at once.

    No other signal does so: a batch system and a launcher both send SIGTERM, a shell and the system both SIGHUP.
    """

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[int, Any] = {}
        self._process = os.getpid()
        self._terminals = [descriptor for descriptor in _STREAMS if os.isatty(descriptor)]

    def __enter__(self) -> "Interrupts":
        # Python lets only the main thread handle signals; elsewhere they keep their meaning.
        if threading.current_thread() is threading.main_thread():
            for number in STOPPING:
                if number not in (signal.SIGINT, signal.SIGTERM) and signal.getsignal(number) is signal.SIG_IGN:
                    continue  # nohup: the run is to outlive its terminal
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        # A loader's worker inherits this handler and gets the terminal's Ctrl-C too; it ends with its parent.
        if os.getpid() != self._process:
            return
        _let_go_of(self._terminals)
        if self.requested:
            if number != signal.SIGINT:
                return
            self._restore()
            raise KeyboardInterrupt
        self.requested = True
        logger.warning("Stopping after this step, with a checkpoint. Ctrl-C now stops at once, without one.")

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()


_STREAMS = (0, 1, 2)


def _let_go_of(terminals: list[int]) -> None:
    """Send to nowhere what is still said to terminals that have been closed: each word would be an error."""
    for descriptor in terminals:
        if not os.isatty(descriptor):
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
