"""Weights, gradients and moments shared out over the processes (FSDP2): each keeps a part of every one.

A weight is whole only while its module computes. What leaves the processes is whole again: checkpoints hold plain
tensors, and a run is resumed by any number of processes. See "PyTorch FSDP" (Zhao et al. 2023,
https://arxiv.org/abs/2304.11277).
"""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from finetune_tts.machine.distributed import World
from finetune_tts.machine.gradients import is_shared_out
from finetune_tts.tasks.task import TTSTask


class Sharding:
    """Shares out the network of a task, in place.

    The main process keeps a whole copy beside it, in the machine's memory, to synthesise test sentences with.

    Args:
        task: that names the modules whose weights are gathered one after the other.
        world: more than one process, connected; all of them have to come.
        device: of the network.
    """

    def __init__(self, task: TTSTask, world: World, device: torch.device) -> None:
        from torch.distributed.device_mesh import init_device_mesh  # costs half a second, which few runs need
        from torch.distributed.fsdp import fully_shard

        self._task, self._world, self._device = task, world, device
        self._copy: nn.Module | None = None
        if world.is_main and task.speak is not None:
            self._copy = copy.deepcopy(task.network).requires_grad_(False).to("cpu")
        mesh = init_device_mesh(device.type, (world.size,))
        for module in (*task.units_to_shard(), task.network):
            fully_shard(module, mesh=mesh)

    @contextmanager
    def whole_network(self) -> Iterator[None]:
        """Let the task of the main process have a whole network in this block. All processes have to come."""
        weights = gathered(self._task.network.state_dict(), self._world)
        if self._copy is None:
            yield
            return
        shared_out = self._task.network
        self._copy.load_state_dict(weights)
        self._task.network = self._copy.to(self._device).eval()
        try:
            yield
        finally:
            self._task.network = shared_out
            self._copy.to("cpu")


def gathered(value: Any, world: World) -> Any:
    """The same nest of dictionaries and lists with whole tensors on the CPU, for those that are shared out.

    All processes have to ask; whoever is not the main one gets None in their places.
    """
    if isinstance(value, Mapping):
        return {name: gathered(part, world) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(gathered(part, world) for part in value)
    if not is_shared_out(value):
        return value
    whole: Tensor = value.full_tensor().detach()
    return whole.to("cpu") if world.is_main else None


def shared_out_as(whole: Tensor, sharded: Tensor) -> Tensor:
    """A whole tensor in the way that another one of its shape is kept. All processes have to ask."""
    if not is_shared_out(sharded) or whole.shape != sharded.shape:
        return whole
    from torch.distributed.tensor import distribute_tensor

    like: Any = sharded
    return distribute_tensor(whole.to(like.device), like.device_mesh, like.placements)


def state_shared_out(saved: Mapping[str, Any], optimizer: torch.optim.Optimizer) -> Mapping[str, Any]:
    """A whole state of an optimizer, each tensor in the way that its weight is kept. All processes have to ask."""
    own = [weight for group in optimizer.param_groups for weight in group["params"]]
    if not any(map(is_shared_out, own)):
        return saved
    numbers = [number for group in saved["param_groups"] for number in group["params"]]
    states = {
        number: {
            name: shared_out_as(value, weight) if isinstance(value, Tensor) else value
            for name, value in saved["state"][number].items()
        }
        for number, weight in zip(numbers, own, strict=True)
        if number in saved["state"]
    }
    return {**saved, "state": states}
