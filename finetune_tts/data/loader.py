"""The loader: batches from worker processes, in the sampler's order, counted for a resume."""

import atexit
import gc
import logging
import multiprocessing
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader

from finetune_tts.data.batching import LengthBatchSampler
from finetune_tts.data.processes import usable_cpus
from finetune_tts.data.training_data import TrainingData
from finetune_tts.errors import UserError

logger = logging.getLogger(__name__)

# A terminal sends Ctrl-C and SIGHUP, and a batch system SIGTERM, to the workers too; when to end is for their parent to
# say. Windows lacks the last.
_LEFT_TO_THE_PARENT = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class ResumableLoader(Protocol):
    """What a run needs of a loader (:class:`SpeechLoader`)."""

    batch_sampler: Any

    def __iter__(self) -> Iterator[Any]: ...

    def __len__(self) -> int: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


class SpeechLoader(DataLoader[Any]):
    """A ``DataLoader`` that counts the batches it hands out in the sampler's ``batches_done``."""

    dataset: TrainingData
    batch_sampler: LengthBatchSampler

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]  # counts what the parent's gives
        sampler = self.batch_sampler
        self.dataset.set_epoch(sampler.epoch)
        start = sampler.first_batch
        if self.num_workers:
            self.dataset.pack()
        try:
            with _signals_held_back(self.num_workers), _memory_left_alone(self.num_workers):
                batches = super().__iter__()
            for done, batch in enumerate(batches, start=start + 1):
                sampler.batches_done = done
                yield batch
        except UserError as error:
            self._end_workers()
            # A worker's error carries its traceback as text; what the user needs is the last line.
            raise UserError(str(error).rsplit("UserError: ", 1)[-1].strip()) from error

    def check_worker_number_rationality(self) -> None:
        """Torch warns here of more workers than CPUs, in a long Python warning; `make_loader` says it in a line."""

    def _end_workers(self) -> None:
        # The error's traceback holds the iterator, in a cycle. When such a one is collected, its queues are closed
        # before it can tell its workers to end.
        iterator: Any = self._iterator
        self._iterator = None
        if iterator is not None:
            iterator._shutdown_workers()

    def state_dict(self) -> dict[str, Any]:
        """Where the run stands (``LengthBatchSampler.state_dict``)."""
        return self.batch_sampler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from there (``LengthBatchSampler.load_state_dict``)."""
        self.batch_sampler.load_state_dict(state)


def make_loader(
    dataset: TrainingData,
    batch_sampler: LengthBatchSampler,
    num_workers: int = 0,
    pin_memory: bool = False,
    seed: int = 0,
) -> SpeechLoader:
    """A loader over a data set.

    Args:
        dataset: the samples.
        batch_sampler: which of them make up each batch.
        num_workers: processes that read features; they live as long as the loader. 0 reads in this process.
        pin_memory: put batches into page-locked memory (for a GPU).
        seed: seeds the workers.
    """
    if num_workers > usable_cpus():
        logger.warning(
            "%d processes that load clips share %d CPUs; more processes than CPUs load no faster. "
            "Lower num_loader_workers and num_eval_loader_workers.",
            num_workers,
            usable_cpus(),
        )
    loader = SpeechLoader(
        dataset,
        batch_sampler=batch_sampler,
        collate_fn=dataset.collate,
        num_workers=num_workers,
        pin_memory=pin_memory,
        persistent_workers=num_workers > 0,
        worker_init_fn=_seed_worker,
        generator=torch.Generator().manual_seed(seed),
    )
    if num_workers:
        atexit.unregister(_kill_daemons)
        atexit.register(_kill_daemons)
    return loader


def _kill_daemons() -> None:
    """Kill the processes that Python, at its end, sends SIGTERM and waits for: the workers ignore it."""
    if hasattr(signal, "SIGCHLD"):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch raises an error wherever it hears of a killed worker
    for process in multiprocessing.active_children():
        if process.daemon:
            process.kill()


@contextmanager
def _signals_held_back(num_workers: int) -> Iterator[None]:
    """Let workers start with these signals blocked: torch's workers die of SIGTERM until `_seed_worker` ignores it."""
    if not num_workers or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _LEFT_TO_THE_PARENT)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _memory_left_alone(num_workers: int) -> Iterator[None]:
    """Let workers start with all objects out of the collector's sight: it would write to each, and so copy it."""
    if not num_workers:
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _seed_worker(worker_id: int) -> None:
    for number in _LEFT_TO_THE_PARENT:
        signal.signal(number, signal.SIG_IGN)
    seed = torch.initial_seed() % 2**32
    np.random.seed(seed)
    random.seed(seed)
