"""What becomes of gradients in several processes, as facts: ``several_processes.py COUNT gradients FOLDER``.

A generator and a discriminator of one layer each, of which the generator has a spare layer that only some batches
reach, one that none reaches, and one that is frozen.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from finetune_tts.config.speech import SpeechConfig
from finetune_tts.machine.distributed import World, connect
from finetune_tts.machine.precision import Precision
from finetune_tts.machine.shared_gradients import SharedGradients
from finetune_tts.tasks.adversarial import AdversarialTask
from finetune_tts.tasks.schedules import Schedule
from finetune_tts.training.loss_meter import LossMeter
from finetune_tts.training.settings import TrainerSettings
from finetune_tts.training.step import Stepper

CPU = torch.device("cpu")


@dataclass
class Rows:
    x: Tensor
    y: Tensor
    spare: bool = False
    """The spare layer adds to what is generated."""

    @property
    def names(self) -> list[str]:
        return [f"row {number}" for number in range(len(self.x))]


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.main, self.spare, self.never = nn.Linear(3, 2), nn.Linear(3, 2), nn.Linear(3, 2)
        self.frozen = nn.Linear(500, 500).requires_grad_(False)
        self.disc = nn.Linear(2, 1)


class PairTask(AdversarialTask):
    network: Pair

    @property
    def discriminator(self) -> nn.Module:
        return self.network.disc

    def run_network(self, batch: Rows) -> Tensor:
        made = self.network.main(batch.x)
        return made + self.network.spare(batch.x) if batch.spare else made

    def judge(self, outputs: Tensor, batch: Rows) -> tuple[Tensor, Tensor]:
        return self.network.disc(batch.y), self.network.disc(outputs)

    def discriminator_losses(self, judgement: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        real, made = judgement
        return {"loss": ((1 - real) ** 2).mean() + (made**2).mean()}

    def generator_losses(self, outputs: Tensor, batch: Rows, judgement: Any) -> dict[str, Tensor]:
        return {"loss": ((outputs - batch.y) ** 2).mean() + ((1 - judgement[1]) ** 2).mean()}


def stepper(network: Pair, world: World) -> Stepper:
    task = PairTask(network, SpeechConfig())
    # A weight that has no gradient must not decay either.
    parts = [task.discriminator.parameters(), task.generator_parameters()]
    optimizers = [torch.optim.SGD(part, 0.1, weight_decay=0.5) for part in parts]
    settings = TrainerSettings(device=CPU, precision=Precision("cpu", torch.float32, ""), world=world)
    schedules = [Schedule(None, False, 0.1, "")] * 2
    return Stepper(task, optimizers, schedules, [0.0, 0.0], settings, LossMeter(CPU))


def stepped(network: Pair, world: World, groups: Sequence[list[Rows]], scale: float | None = None) -> Pair:
    """A copy of ``network`` after a step for each group of batches."""
    network = copy.deepcopy(network)
    steps = stepper(network, world)
    if scale is not None:
        steps.scaler = torch.GradScaler("cpu", init_scale=scale)
    for number, group in enumerate(groups, start=1):
        steps.step(number, group)
    return network


def distance(one: Pair, other: Pair) -> float:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return max(float((weight - another).abs().max()) for weight, another in pairs)


def facts(world: World) -> dict[str, Any]:
    """By name, of this process."""
    connect(world, CPU)
    torch.manual_seed(1)
    start, whole = Pair(), [Rows(torch.randn(6, 3), torch.randn(6, 2)) for _ in range(4)]
    own = [Rows(rows.x[world.rank :: world.size], rows.y[world.rank :: world.size]) for rows in whole]
    alone = stepped(start, World(), [[rows] for rows in whole])
    found: dict[str, Any] = {
        "moved": distance(start, alone),
        "whole": distance(alone, stepped(start, world, [[rows] for rows in own])),
        "scaled": distance(alone, stepped(start, world, [[rows] for rows in own], scale=4.0)),
        "accumulated": distance(
            stepped(start, World(), [whole[:2], whole[2:]]), stepped(start, world, [own[:2], own[2:]])
        ),
        **spare_facts(start, own, world),
    }
    for searches in (True, False):
        found[f"direct, searches {searches}"] = direct_facts(world, searches=searches)
    world.wait()
    return found


def spare_facts(start: Pair, own: Sequence[Rows], world: World) -> dict[str, Any]:
    """What becomes of a layer that one process reaches, in the first of two batches of a step."""
    first = Rows(own[0].x, own[0].y, spare=world.rank == 1)
    mixed = stepped(start, world, [[first, own[1]], [own[2], own[3]]])
    weights = torch.cat([weight.detach().reshape(-1) for weight in mixed.parameters()])
    apart = [float((weights - torch.tensor(other)).abs().max()) for other in world.gathered(weights.tolist())]
    return {
        "spare moved": float((mixed.spare.weight - start.spare.weight).abs().max()),
        "never moved": float((mixed.never.weight - start.never.weight).abs().max()),
        "apart": max(apart),
    }


def direct_facts(world: World, *, searches: bool) -> dict[str, Any]:
    """Gradients of a weight that all reach, one that a process reaches, and one that nobody does."""
    torch.manual_seed(2)
    reached, some, never = (nn.Parameter(torch.ones(2)) for _ in range(3))
    frozen = nn.Parameter(torch.ones(1000), requires_grad=False)
    shared = SharedGradients([reached, some, never, frozen], world, searches=searches)
    travelled: list[int] = []
    send = dist.all_reduce

    def counted(tensor: Tensor, *args: Any, **kwargs: Any) -> Any:
        travelled.append(tensor.numel())
        return send(tensor, *args, **kwargs)

    dist.all_reduce = counted
    try:
        loss = (reached * float(world.rank)).sum() + ((some * 3.0).sum() if world.rank == 0 else 0.0)
        shared.backward(loss, last=True, alone=False)
    finally:
        dist.all_reduce = send
    is_sound = bool(torch.isfinite(shared.take_own()))
    gradients = [None if weight.grad is None else weight.grad.tolist() for weight in (reached, some, never, frozen)]
    for weight in (reached, some, never):
        weight.grad = None
    poison = torch.nan if world.rank == 1 else 1.0
    shared.backward((reached * poison).sum() + some.sum() + never.sum(), last=True, alone=False)
    return {
        "gradients": gradients,
        "travelled": sum(travelled),
        "sound": [is_sound, bool(torch.isfinite(shared.take_own()))],
        "then": [bool(torch.isfinite(weight.grad).all()) for weight in (reached, some) if weight.grad is not None],
    }
