"""The same work on many items, in several processes, with a bar."""

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from finetune_tts.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")

_LARGEST_CHUNK = 16


def usable_processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_processes(work: Callable[[Item], Result], items: Sequence[Item], workers: int) -> Iterator[Result]:
    """Yield ``work(item)`` for each item, in their order.

    Args:
        work: is handed to each process once.
        items: to work through.
        workers: processes; 0 and 1 work in this one.

    Raises:
        UserError: a process was ended from outside.
    """
    workers = min(workers, len(items))
    if workers <= 1:
        yield from map(work, items)
        return
    # Forking spares each worker the imports, and works in a recipe whose module has no main guard.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with ProcessPoolExecutor(workers, context, initializer=_take, initargs=(work,)) as pool:
        try:
            yield from pool.map(_do, items, chunksize=max(1, min(_LARGEST_CHUNK, len(items) // workers)))
        except BrokenProcessPool as error:
            raise UserError(
                "A process that reads recordings was ended from outside, mostly for lack of memory. "
                "Run the command again (what is done is kept), with a lower precompute_num_workers."
            ) from error


_work_of_process: list[Callable[[Any], Any]] = []


def _take(work: Callable[[Any], Any]) -> None:
    _work_of_process.append(work)


def _do(item: Any) -> Any:
    return _work_of_process[-1](item)
