"""What the package logs during a check: progress is shown, warnings are kept for the report, the rest is its own."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from finetune_tts.check import trial
from finetune_tts.data import filtering, gathering, preparing, progress
from finetune_tts.training import non_finite as guard

_TELLS_PROGRESS = (progress.__name__, gathering.__name__, trial.__name__)
#: what these warn of is among the findings: clips that are left out, unknown symbols, steps without a finite loss.
_SAID_BY_FINDINGS = (filtering.__name__, preparing.__name__, guard.__name__)


@contextmanager
def warnings_kept() -> Iterator[list[str]]:
    """Collect what the package warns of into the list that is given, and let it show nothing but progress."""
    package = logging.getLogger(__name__.partition(".")[0])
    notes = _Notes()
    silenced = list(package.handlers)
    for handler in silenced:
        handler.addFilter(_tells_progress)
    package.addHandler(notes)
    try:
        yield notes.messages
    finally:
        package.removeHandler(notes)
        for handler in silenced:
            handler.removeFilter(_tells_progress)


class _Notes(logging.Handler):
    """Collects warnings."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name not in _SAID_BY_FINDINGS:
            self.messages.append(record.getMessage())


def _tells_progress(record: logging.LogRecord) -> bool:
    return record.levelno < logging.WARNING and record.name in _TELLS_PROGRESS
