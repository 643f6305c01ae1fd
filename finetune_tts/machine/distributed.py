"""Several processes that train one model: torchrun's environment, gradients, and what they have to agree on."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from finetune_tts.errors import ProcessLost, UserError
from finetune_tts.machine.interrupts import TrainingInterrupted
from finetune_tts.machine.memory import is_out_of_memory


@dataclass(frozen=True)
class World:
    """The processes of a run, as seen from this one.

    What they do together raises :class:`ProcessLost` where one of them has gone. On a GPU such work is only put into a
    queue, and whoever then looks at a result waits for ever. So before a process looks, they meet on their hosts
    (:meth:`wait`), where a connection that breaks is noticed at once.
    """

    rank: int = 0
    local_rank: int | None = None
    """Number on this machine; None without a launcher."""
    size: int = 1
    local_size: int = 1
    """Processes on this machine."""

    @property
    def is_main(self) -> bool:
        """Whether this process writes the run folder."""
        return self.rank == 0

    def highest(self, value: int) -> int:
        """The highest ``value`` of all processes. All have to ask."""
        if self.size == 1:
            return value
        highest = torch.tensor(value)
        with _said_who_is_lost():
            dist.all_reduce(highest, op=dist.ReduceOp.MAX, group=_host_group())
        return int(highest)

    def mean(self, value: torch.Tensor) -> torch.Tensor:
        """The mean of a scalar over the processes, on the device. All have to ask."""
        if self.size == 1:
            return value
        value = value.clone()
        with _said_who_is_lost():
            dist.all_reduce(value)
        return value / self.size

    def gathered(self, value: Any) -> list[Any]:
        """The ``value`` of every process, by rank. All have to ask."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        with _said_who_is_lost():
            dist.all_gather_object(values, value, group=_host_group())
        return values

    def from_main(self, value: Any) -> Any:
        """The main process's ``value``. All have to ask."""
        if self.size == 1:
            return value
        values = [value]
        with _said_who_is_lost():
            dist.broadcast_object_list(values, src=0, group=_host_group())
        return values[0]

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            with _said_who_is_lost():
                dist.barrier(group=_host_group())

    def share_weights(self, module: nn.Module) -> None:
        """Give every process the main one's parameters and buffers."""
        if self.size > 1:
            self._share(module.state_dict().values())

    def share_buffers(self, module: nn.Module) -> None:
        """Give every process the main one's buffers, such as running means, which differ from batch to batch."""
        if self.size > 1:
            self._share(module.buffers())

    def _share(self, tensors: Iterable[torch.Tensor]) -> None:
        self.wait()  # GPUs that connect, at the first work of theirs, wait for ever for one that does not come
        with _said_who_is_lost():
            for tensor in tensors:
                dist.broadcast(tensor, src=0)
        self.wait()


def world_from_environment(environment: Mapping[str, str] = os.environ) -> World:
    """Read what torchrun tells each process: ``RANK``, ``LOCAL_RANK``, ``WORLD_SIZE`` and ``LOCAL_WORLD_SIZE``.

    Raises:
        UserError: some of them are set and others are not.
    """
    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE")
    if "WORLD_SIZE" not in environment or "RANK" not in environment:
        return World()
    try:
        rank, local_rank, size = (int(environment[name]) for name in names)
        local_size = int(environment.get("LOCAL_WORLD_SIZE") or 1)
    except (KeyError, ValueError) as error:
        raise UserError(f"RANK, LOCAL_RANK and WORLD_SIZE have to be numbers: {error}. Start with torchrun.") from error
    return World(rank, local_rank, size, local_size)


_PATIENCE = timedelta(hours=6)
"""How much longer the features of a very large data set may take one machine than another."""


def connect(world: World, device: torch.device) -> None:
    """Connect the processes of ``world``, which stay so until :func:`process_group` ends: NCCL between GPUs, else gloo.

    What is connected already stays as it is.

    Raises:
        UserError: nobody says where the processes meet.
        ProcessLost: not all of them came.
    """
    global _hosts, _is_ours
    if world.size == 1 or _hosts is not None:
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    _is_ours = not dist.is_initialized()
    try:
        with _said_who_is_lost():
            if _is_ours:
                patience = _PATIENCE if backend == "gloo" else None
                dist.init_process_group(backend, rank=world.rank, world_size=world.size, timeout=patience)
            # Plain values travel between the hosts by gloo: over NCCL they would wait for the GPU.
            own = dist.get_backend() == "gloo"
            _hosts = dist.group.WORLD if own else dist.new_group(backend="gloo", timeout=_PATIENCE)
    except ValueError as error:
        raise UserError(f"WORLD_SIZE is {world.size}, but: {error} Start with torchrun.") from error


@contextmanager
def process_group(world: World, device: torch.device) -> Iterator[None]:
    """Let the processes of ``world`` be connected for as long as the context lasts (raises as :func:`connect`).

    After an error they stay connected. Taking the connection down is work of all of them, and with one that failed
    alone it would hang before anybody has heard why. The program that ends breaks the connection, and by that tells
    the others.
    """
    connect(world, device)
    try:
        yield
    except TrainingInterrupted:  # all of them stop there, and at the same step
        _disconnect()
        raise
    _disconnect()


def _disconnect() -> None:
    global _hosts
    if _hosts is not None and _is_ours:
        dist.destroy_process_group()
    _hosts = None


_hosts: Any = None
_is_ours = False


def _host_group() -> Any:
    return _hosts


@contextmanager
def _said_who_is_lost() -> Iterator[None]:
    """Turn what gloo and NCCL say of a process that has gone into the error that stands for it."""
    try:
        yield
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        raise process_lost(error) from error


def tells_of_lost(error: RuntimeError) -> bool:
    """Whether an error comes from the connection of the processes, as far as it says so."""
    return isinstance(error, dist.DistError) or "gloo" in str(error)


@contextmanager
def lost_processes_told() -> Iterator[None]:
    """Tell a process that has gone from whatever else may fail in what torch does with several of them."""
    try:
        yield
    except ProcessLost:
        raise
    except RuntimeError as error:
        if not tells_of_lost(error) or is_out_of_memory(error):
            raise
        raise process_lost(error) from error


def process_lost(error: RuntimeError) -> ProcessLost:
    """The error that stands for what gloo and NCCL say of a process that has gone."""
    said = (str(error).strip() or type(error).__name__).splitlines()[0]
    reason = re.sub(r"^\[[^]]*\]\s*", "", said).partition(". ")[0].rstrip(".")  # without the place in gloo's source
    return ProcessLost(
        f"Another process of this run has failed, or cannot be reached ({reason}). Its own message tells why, "
        "unless it was killed."
    )
