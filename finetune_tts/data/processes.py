"""The same work on many items, in several processes, with a bar."""

import multiprocessing
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from finetune_tts.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")

_LARGEST_CHUNK = 16
_FEW = 50
"""Recordings that are read before processes have begun."""
_LOOKS_EVERY = 1.0
"""Seconds from one look at whether the parent lives to the next."""


class Team(Protocol):
    """The processes of a run, which share work (``training.distributed.World``)."""

    @property
    def rank(self) -> int: ...

    @property
    def size(self) -> int: ...

    @property
    def local_size(self) -> int:
        """How many of them are on this machine."""

    def gathered(self, value: Any) -> list[Any]:
        """The ``value`` of every process, by rank. All have to ask."""


@dataclass(frozen=True)
class Alone:
    """A team of one."""

    rank: int = 0
    size: int = 1
    local_size: int = 1

    def gathered(self, value: Any) -> list[Any]:
        """The value."""
        return [value]


ALONE = Alone()


@dataclass(frozen=True)
class PartOfTeam:
    """Some of a team, seen from one of them. What they gather all of the team has to gather, part by part.

    Attributes:
        whole: the team.
        ranks: of those that belong to the part.
    """

    whole: Team
    ranks: tuple[int, ...]

    @property
    def rank(self) -> int:
        """Place among them."""
        return self.ranks.index(self.whole.rank)

    @property
    def size(self) -> int:
        """How many they are."""
        return len(self.ranks)

    @property
    def local_size(self) -> int:
        """How many processes of the team are on this machine."""
        return self.whole.local_size

    def gathered(self, value: Any) -> list[Any]:
        """The ``value`` of each of them."""
        values = self.whole.gathered(value)
        return [values[rank] for rank in self.ranks]


def those_that_see(folder: Path, team: Team) -> Team:
    """Those of a team that see the same files in ``folder`` as this process; all have to ask.

    Several machines may have no file system in common. Then the processes of each share its work.
    """
    if team.size == 1:
        return team
    own = folder / f".seen-by-{secrets.token_hex(8)}"
    own.touch()
    try:
        marks = team.gathered(own.name)
        ranks = tuple(rank for rank, mark in enumerate(marks) if (folder / mark).exists())
        team.gathered(None)  # before the first mark goes
    finally:
        own.unlink(missing_ok=True)
    return PartOfTeam(team, ranks) if len(ranks) < team.size else team


def share_of(items: Sequence[Item], team: Team) -> Sequence[Item]:
    """Those of ``items``, the same in all processes, that are this process's to work through."""
    return items[team.rank :: team.size]


def workers_for(items: int, team: Team = ALONE) -> int:
    """Processes that suit so many recordings: for all CPUs that the team leaves to each, but none for a few."""
    return max(1, usable_cpus() // team.local_size) if items > _FEW else 0


def usable_cpus() -> int:
    """How many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_processes(
    work: Callable[[Item], Result], items: Sequence[Item], workers: int, *, apart: bool = False
) -> Iterator[Result]:
    """Yield ``work(item)`` for each item, in their order.

    Args:
        work: is handed to each process once.
        items: to work through.
        workers: processes; 0 and 1 work in this one.
        apart: never work in this one: what uses libraries whose threads a fork would be without afterwards.

    Raises:
        UserError: a process was ended from outside.
    """
    workers = min(workers, len(items))
    if workers <= 1 and not (apart and items):
        yield from map(work, items)
        return
    workers = max(1, workers)
    # Forking spares each worker the imports, and works in a recipe whose module has no main guard.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with ProcessPoolExecutor(workers, context, initializer=_take, initargs=(work, os.getpid())) as pool:
        try:
            yield from pool.map(_do, items, chunksize=max(1, min(_LARGEST_CHUNK, len(items) // workers)))
        except BrokenProcessPool as error:
            raise UserError(
                "A process that reads recordings was ended from outside, mostly for lack of memory. "
                "Run the command again (what is done is kept), with a lower precompute_num_workers."
            ) from error


_work_of_process: list[Callable[[Any], Any]] = []


def _take(work: Callable[[Any], Any], parent: int) -> None:
    _work_of_process.append(work)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when the one that it works for is gone: a killed one has no time to say so."""
    while os.getppid() == parent:
        time.sleep(_LOOKS_EVERY)
    os._exit(1)


def _do(item: Any) -> Any:
    return _work_of_process[-1](item)
