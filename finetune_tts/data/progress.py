"""Progress of long work: a bar on a terminal, a few plain lines elsewhere."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
SECONDS_BETWEEN_LINES = 15.0


def progress(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """Pass ``items`` on and show how far it is, on standard error.

    Args:
        items: what is worked through.
        total: how many there are.
        what: the work, such as ``Features``.
    """
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(items, total=total, desc=what, leave=False, file=sys.stderr)
        return
    start = last = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last >= SECONDS_BETWEEN_LINES:
            last = now
            left = (now - start) / done * (total - done)
            logger.info("%s: %d of %d, about %d s left", what, done, total, round(left))
