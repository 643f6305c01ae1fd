"""A pass that is thrown away, before the first step: memory that does not suffice shows now, not in the night."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from finetune_tts.machine.memory import bounded_memory
from finetune_tts.machine.seeds import borrowed_randomness
from finetune_tts.tasks.task import TTSTask
from finetune_tts.training.settings import TrainerSettings
from finetune_tts.training.step import Stepper

if TYPE_CHECKING:
    from finetune_tts.training.loop import TrainingLoop

logger = logging.getLogger(__name__)

_PASSES = 2
"""With more batches in a step than one, the gradients of those before lie in memory during a pass."""


def rehearse_if_needed(run: "TrainingLoop") -> None:
    """Try the greatest step of ``run`` where its next one is not that: all parts, over the longest clips.

    The first step of a run is over the longest clips, so that it needs no rehearsal. But while a fresh discriminator
    learns alone, or the generator does, a step takes less than later ones; a sampler with weights may draw the longest
    clips at any time; and a run that is resumed may have met them before, on another GPU or with smaller batches.
    Nothing of it remains: neither random numbers nor running means nor gradients.

    Raises:
        UserError: the memory does not suffice.
    """
    following = run.total_steps_done + 1
    if following > run.total_steps or not _is_needed(run, following):
        return
    batches = run.train_loader.batch_sampler
    clips = batches.longest()
    logger.info("Trying a step in which all parts learn over the %d longest clips, for its memory.", len(clips))
    data = run.train_loader.dataset
    batch = run.train_loader.collate_fn([data[index] for index in clips])
    with run.memory_explained(f"Before step {following}", [batch]):
        rehearse(run.task, run.optimizers, run.stepper, batch, run.settings)


def rehearse(
    task: TTSTask, optimizers: Sequence[torch.optim.Optimizer], stepper: Stepper, batch: Any, settings: TrainerSettings
) -> None:
    """Make a pass in which all parts learn, and let nothing of it remain; memory that does not suffice is an error.

    Args:
        task: in any mode; it is left in that of training.
        optimizers: of the stepper.
        stepper: of the run.
        batch: as it comes from the loader.
        settings: of the run.
    """
    task.train()
    with (
        borrowed_randomness(task.config.training_seed),
        _kept(list(task.buffers())),
        bounded_memory(settings.device),
    ):
        on_device = task.on_device(batch, settings.device)
        room = room_for_moments(optimizers)
        stepper.rehearse(on_device, min(settings.grad_accum_steps, _PASSES))
        del room


def _is_needed(run: "TrainingLoop", following: int) -> bool:
    if not run.stepper.all_parts_learn(following):
        return True
    # A machine's own memory is what it was; a pass over the longest clips takes long there.
    resumed_on_a_gpu = run.total_steps_done > 0 and run.settings.device.type != "cpu"
    is_drawn = run.total_steps_done == 0 and not run.train_loader.batch_sampler.begins_with_longest
    return resumed_on_a_gpu or is_drawn


def room_for_moments(optimizers: Sequence[torch.optim.Optimizer]) -> list[Tensor]:
    """Memory as large as what the optimizers are going to keep of each weight and do not yet."""
    room = []
    for optimizer in optimizers:
        moments = 2 if "betas" in optimizer.defaults else 1 if optimizer.defaults.get("momentum") else 0
        weights: list[nn.Parameter] = [weight for group in optimizer.param_groups for weight in group["params"]]
        room += [
            torch.empty_like(weight) for weight in weights if weight not in optimizer.state for _ in range(moments)
        ]
    return room


@contextmanager
def _kept(tensors: Sequence[Tensor]) -> Iterator[None]:
    """Put ``tensors`` back afterwards to what they hold."""
    before = [tensor.clone() for tensor in tensors]
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, value in zip(tensors, before, strict=True):
                tensor.copy_(value)
