"""What a step takes of memory, for each of the ways to train that a family offers: which of them a machine holds."""

import logging
from collections.abc import Callable, Container
from copy import deepcopy
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from finetune_tts.check.step_memory import StepMemory, step_memory
from finetune_tts.data.batch import TensorGroup
from finetune_tts.families.building import make_task
from finetune_tts.families.registry import family_of
from finetune_tts.machine.precision import choose_precision
from finetune_tts.tasks.task import TTSTask

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PlannedMemory:
    """What one way to train takes.

    Attributes:
        title: of the way.
        flags: of the command line that choose it.
        used: the run goes this way.
        memory: bytes of a step.
    """

    title: str
    flags: str
    used: bool
    memory: StepMemory

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        return {"title": self.title, "flags": self.flags, "used": self.used, **asdict(self.memory),
                "together": self.memory.peak}  # fmt: skip


def planned_memory(
    config: Any,
    network_of: Callable[[Any], nn.Module],
    batch: TensorGroup,
    device: torch.device,
    chosen: Container[str],
    passes: int,
) -> tuple[PlannedMemory, ...]:
    """Work out what a step takes of memory in each of the ways to train; nothing where a family offers none.

    Args:
        config: of the run.
        network_of: builds the network that a config describes.
        batch: the longest of the run.
        device: of the run.
        chosen: names of the config fields that the user set.
        passes: batches of a step.
    """
    found: list[PlannedMemory] = []
    for plan in family_of(config.model).implementation.memory_plans(config):
        other = deepcopy(config)
        for name, value in plan.fields.items():
            setattr(other, name, value)
        precision = choose_precision(other, device, chosen)
        make = partial(_task_of, other, network_of)
        try:
            memory = step_memory(make, batch, device, precision, passes)
        except RuntimeError as error:  # a network that does more than fake tensors can
            logger.warning("What a step takes of memory cannot be worked out (%s).", str(error).splitlines()[0])
            return ()
        if any(memory == before.memory for before in found):  # a device without a second number format
            continue
        flags = " ".join(f"--coqpit.{name} {str(value).lower()}" for name, value in plan.fields.items())
        used = all(getattr(config, name) == value for name, value in plan.fields.items())
        found.append(PlannedMemory(plan.title, flags, used, memory))
    return tuple(found)


def _task_of(config: Any, network_of: Callable[[Any], nn.Module]) -> TTSTask:
    return make_task(network_of(config), config)
