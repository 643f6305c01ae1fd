"""What the log of a run tells: how it ended, and what it warned of."""

import re
from collections import deque
from pathlib import Path

from finetune_tts.errors import excerpt
from finetune_tts.training.console import ENDED, LOG_NAME, STOPPED
from finetune_tts.watch.tail import Tail

_LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+ (DEBUG|INFO|WARNING|ERROR|CRITICAL) (.*)")
_MOST_WARNINGS = 50
_LONGEST = 600  # characters of a warning that are shown


class RunLog:
    """Reads the log of a run's main process on and on.

    Attributes:
        ended: the line with which it came to its end.
        stopped: the one with which it was stopped, and how to resume it.
        failed: the error that ended it.
        warnings: time and text of the last ones; their number is ``warned``.
    """

    def __init__(self, folder: Path) -> None:
        self._tail = Tail(folder / LOG_NAME.format(rank=0), self._clear)
        self._clear()

    def read_on(self) -> None:
        """Take in what has been written since.

        Raises:
            OSError: the log cannot be read.
        """
        for _, line in self._tail.lines():
            found = _LINE.match(line.decode("utf-8", "replace"))
            if found is None:
                continue  # the second line of something, or of a traceback
            time, level, text = found.groups()
            # Whatever is said later, the run has been resumed.
            self.ended = self.stopped = self.failed = ""
            if level == "WARNING":
                self.warned += 1
                self.warnings.append((time, excerpt(text, _LONGEST)))
            elif level in ("ERROR", "CRITICAL"):
                self.failed = excerpt(text, _LONGEST) or "an error"
            elif text.startswith(ENDED):
                self.ended = text
            elif text.startswith(STOPPED):
                self.stopped = text

    def _clear(self) -> None:
        self.ended = self.stopped = self.failed = ""
        self.warned = 0
        self.warnings: deque[tuple[str, str]] = deque(maxlen=_MOST_WARNINGS)
