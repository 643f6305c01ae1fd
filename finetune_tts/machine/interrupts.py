"""Ctrl-C and SIGTERM: finish the step, save, and say how to go on."""

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


class TrainingInterrupted(KeyboardInterrupt):
    """The person, or the system, stopped the run; its message says how to go on.

    A ``KeyboardInterrupt``, so that a script which calls the training does not go on as if it had finished.

    Attributes:
        folder: of the run.
    """

    def __init__(self, message: str, folder: Path | None = None) -> None:
        super().__init__(message)
        self.folder = folder


class Interrupts(AbstractContextManager["Interrupts"]):
    """Turns the first signal into a request, and leaves the second one to stop the program at once."""

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[int, Any] = {}
        self._process = os.getpid()

    def __enter__(self) -> "Interrupts":
        # Python lets only the main thread handle signals; elsewhere they keep their meaning.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
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
        if self.requested:
            self._restore()
            raise KeyboardInterrupt
        self.requested = True
        logger.warning("Stopping after this step, with a checkpoint. Once more, and the run stops at once without one.")

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()
