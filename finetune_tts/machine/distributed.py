"""Several processes that train one model: torchrun's environment, gradients, and what they have to agree on."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from finetune_tts.errors import UserError
from finetune_tts.machine.gradients import back_from_row, in_rows


@dataclass(frozen=True)
class World:
    """The processes of a run, as seen from this one."""

    rank: int = 0
    local_rank: int | None = None
    """Number on this machine; None without a launcher."""
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process writes the run folder."""
        return self.rank == 0

    def highest(self, value: int) -> int:
        """The highest ``value`` of all processes. All have to ask."""
        if self.size == 1:
            return value
        highest = torch.tensor(value)
        dist.all_reduce(highest, op=dist.ReduceOp.MAX, group=_host_group())
        return int(highest)

    def mean(self, value: torch.Tensor) -> torch.Tensor:
        """The mean of a scalar over the processes, on the device. All have to ask."""
        if self.size == 1:
            return value
        value = value.clone()
        dist.all_reduce(value)
        return value / self.size

    def gathered(self, value: Any) -> list[Any]:
        """The ``value`` of every process, by rank. All have to ask."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value, group=_host_group())
        return values

    def from_main(self, value: Any) -> Any:
        """The main process's ``value``. All have to ask."""
        if self.size == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, src=0, group=_host_group())
        return values[0]

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            dist.barrier(group=_host_group())

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by its mean over the processes, in place.

        A parameter that had no gradient in some process counts as zero there. Gradients are averaged here, not by
        DistributedDataParallel, so that a task may run its network in any way: several losses, several optimizers,
        parts that a batch does not touch.
        """
        if self.size == 1:
            return
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        for parameter in trained:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        pending = []
        for row, gradients in in_rows([parameter.grad for parameter in trained if parameter.grad is not None]):
            pending.append((row, gradients, dist.all_reduce(row, async_op=True)))
        for row, gradients, work in pending:
            work.wait()
            back_from_row(row / self.size, gradients)

    def share_weights(self, module: nn.Module) -> None:
        """Give every process the main one's parameters and buffers."""
        if self.size > 1:
            for tensor in module.state_dict().values():
                dist.broadcast(tensor, src=0)

    def share_buffers(self, module: nn.Module) -> None:
        """Give every process the main one's buffers, such as running means, which differ from batch to batch."""
        if self.size > 1:
            for buffer in module.buffers():
                dist.broadcast(buffer, src=0)


def world_from_environment(environment: Mapping[str, str] = os.environ) -> World:
    """Read what torchrun tells each process: ``RANK``, ``LOCAL_RANK`` and ``WORLD_SIZE``.

    Raises:
        UserError: some of them are set and others are not.
    """
    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE")
    if "WORLD_SIZE" not in environment or "RANK" not in environment:
        return World()
    try:
        rank, local_rank, size = (int(environment[name]) for name in names)
    except (KeyError, ValueError) as error:
        raise UserError(f"RANK, LOCAL_RANK and WORLD_SIZE have to be numbers: {error}. Start with torchrun.") from error
    return World(rank, local_rank, size)


@contextmanager
def process_group(world: World, device: torch.device) -> Iterator[None]:
    """Connect the processes of ``world`` for as long as the context lasts: NCCL between GPUs, gloo between CPUs."""
    if world.size == 1 or dist.is_initialized():
        yield
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, rank=world.rank, world_size=world.size)
    global _hosts
    _hosts = dist.new_group(backend="gloo") if backend == "nccl" else dist.group.WORLD
    try:
        yield
    finally:
        _hosts = None
        dist.destroy_process_group()


# Plain values travel between the hosts by gloo: over NCCL they would wait for the GPU.
_hosts: Any = None


def _host_group() -> Any:
    return _hosts
