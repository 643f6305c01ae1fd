"""One thread that synthesises for all requests, one after the other, and the queue before it."""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue

import numpy as np

from finetune_tts.errors import UserError

logger = logging.getLogger(__name__)

_WEIGHT_OF_NEWEST = 0.2  # in the mean time of a request


class Busy(Exception):
    """As many requests wait as may.

    Attributes:
        seconds: after which it is worth asking again.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(f"as many requests wait as may; try again in {seconds} s")
        self.seconds = seconds


class Job:
    """A request that waits, or is being synthesised.

    Args:
        speak: gives the parts of the speech, each as soon as it is made; called in the thread of the worker.
    """

    def __init__(self, speak: Callable[[], Iterator[np.ndarray]]) -> None:
        self.speak = speak
        self.cancelled = False
        self.answers: SimpleQueue[np.ndarray | Exception | None] = SimpleQueue()

    def parts(self, waiting: Callable[[], None] = lambda: None, patience: float = 0.2) -> Iterator[np.ndarray]:
        """The parts of the speech as they come.

        Args:
            waiting: called before each, and from time to time while there is none; what it raises ends the waiting.
            patience: seconds between these calls.

        Raises:
            UserError, RuntimeError: it could not be synthesised.
        """
        while True:
            waiting()
            try:
                answer = self.answers.get(timeout=patience)
            except Empty:
                continue
            if answer is None:
                return
            if isinstance(answer, Exception):
                raise answer
            yield answer


class SpeechWorker:
    """Synthesises one request after the other.

    Args:
        most_waiting: requests that may wait beside the one in progress.

    Attributes:
        done: requests that were answered to their end.
    """

    def __init__(self, most_waiting: int) -> None:
        self._most_waiting = most_waiting
        self._waiting: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._seconds = 1.0
        self.done = 0
        self._current: Job | None = None
        self._thread = threading.Thread(target=self._work, name="speech", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._waiting)

    def add(self, job: Job) -> None:
        """Put a request at the end of the queue.

        Raises:
            Busy: as many wait as may.
        """
        with self._changed:
            if len(self._waiting) >= self._most_waiting:
                raise Busy(max(1, math.ceil(self._seconds * (len(self._waiting) + 1))))
            self._waiting.append(job)
            self._changed.notify()

    def cancel(self, job: Job) -> None:
        """Make room for others: whoever asked has gone."""
        with self._changed:
            job.cancelled = True
            if job in self._waiting:
                self._waiting.remove(job)

    def close(self) -> None:
        """Stop after the part that is being made."""
        with self._changed:
            self._closed = True
            for job in (*self._waiting, *([self._current] if self._current else ())):
                job.cancelled = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            started = time.monotonic()
            try:
                for part in job.speak():
                    job.answers.put(part)
                    if job.cancelled:
                        break
                job.answers.put(None)
            except Exception as error:  # whatever it is: the requests of others are answered all the same
                if not isinstance(error, UserError):
                    logger.warning("A request could not be synthesised: %s: %s", type(error).__name__, error)
                job.answers.put(error)
            self.done += not job.cancelled
            self._seconds += _WEIGHT_OF_NEWEST * (time.monotonic() - started - self._seconds)

    def _next(self) -> Job | None:
        with self._changed:
            self._current = None
            self._changed.wait_for(lambda: self._closed or self._waiting)
            if self._closed:
                for job in self._waiting:
                    job.answers.put(RuntimeError("the server is being closed"))
                return None
            self._current = self._waiting.popleft()
            return self._current
