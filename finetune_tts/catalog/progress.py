"""How far a download is: a bar on a terminal, plain lines elsewhere."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from finetune_tts.catalog.failure import megabytes

logger = logging.getLogger(__name__)

_PERCENT_BETWEEN_LINES = 20
_BYTES_BETWEEN_LINES = 100_000_000


@contextmanager
def progress(name: str, start: int, total: int | None) -> Iterator[Callable[[int], object]]:
    """Show the progress of one file; the block calls what it gets with the number of bytes that have come.

    Args:
        name: the file.
        start: bytes that are there already.
        total: bytes of the whole file, None where the server does not say.
    """
    if sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(desc=name, initial=start, total=total, unit="B", unit_scale=True, file=sys.stderr) as bar:
            yield bar.update
    else:
        yield _lines(name, start, total)


def _lines(name: str, start: int, total: int | None) -> Callable[[int], None]:
    whole = f" of {megabytes(total)}" if total else ""
    step = max(1, total * _PERCENT_BETWEEN_LINES // 100) if total else _BYTES_BETWEEN_LINES
    logger.info("%s: %s%s", name, f"continuing at {megabytes(start)}" if start else "starting", whole)
    arrived = start
    next_line = start - start % step + step

    def update(count: int) -> None:
        nonlocal arrived, next_line
        arrived += count
        if arrived >= next_line or arrived == total:
            logger.info("%s: %s%s", name, megabytes(arrived), whole)
            next_line = arrived - arrived % step + step

    return update
