"""The largest batch that the memory of a device holds, tried over the longest clips; a step sees as many as before."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from finetune_tts.data.batching import LengthBatchSampler
from finetune_tts.data.training_data import TrainingData
from finetune_tts.errors import UserError
from finetune_tts.machine.memory import is_out_of_memory
from finetune_tts.tasks.task import TTSTask
from finetune_tts.training.loss_meter import LossMeter
from finetune_tts.training.rehearsal import rehearse
from finetune_tts.training.settings import TrainerSettings
from finetune_tts.training.step import Stepper

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FittingBatch:
    """A batch that fits.

    Attributes:
        size: its clips, or its frames where these are counted.
        accumulated: batches of a step.
    """

    size: int
    accumulated: int


def fitting_batch(task: TTSTask, config: Any, data: TrainingData, settings: TrainerSettings) -> FittingBatch:
    """Find the largest batch that fits, by halves of what a step takes.

    On a GPU all clips of a step are tried as one batch first, which is fastest. A CPU is no faster with larger batches
    than the run has; there these are tried first.

    Args:
        task: on the device.
        config: of the run.
        data: that it is trained on.
        settings: of the run, with as many batches to a step as were asked for.

    Raises:
        UserError: not even one clip fits, or not even the longest one.
    """
    by_frames = bool(config.batch_frames)
    unit = "frames" if by_frames else "clips"
    asked, accumulated = int(config.batch_frames or config.batch_size), settings.grad_accum_steps
    if settings.device.type != "cpu":
        asked, accumulated = asked * accumulated, 1
    lengths = data.mel_lengths()
    least = max(lengths) if by_frames else 1
    found = task.get_optimizer()
    optimizers = found if isinstance(found, list) else [found]
    stepper = Stepper(task, optimizers, [], [0.0] * len(optimizers), settings, LossMeter(settings.device))
    size = asked
    while True:
        logger.info("Trying a batch of %d %s for its memory.", size, unit)
        clips = _longest(lengths, size, by_frames, settings)
        fits = _fits(task, optimizers, stepper, data.collate([data[index] for index in clips]), settings)
        if not settings.world.highest(int(not fits)):
            break
        if size <= least:
            raise UserError(
                f"--auto_batch: the memory of {settings.device} does not hold the longest clip. Leave long clips out: "
                "--coqpit.max_audio_len (samples), or use a smaller model."
            )
        size, accumulated = max(math.ceil(size / 2), least), accumulated * 2
    more = f"; a step takes {accumulated} of them" if accumulated > 1 else ""
    logger.info("A batch of %d %s fits into the memory of %s%s.", size, unit, settings.device, more)
    return FittingBatch(size, accumulated)


def _longest(lengths: Sequence[int], size: int, by_frames: bool, settings: TrainerSettings) -> list[int]:
    world = settings.world
    sampler = LengthBatchSampler(
        lengths,
        1 if by_frames else size,
        batch_frames=size if by_frames else 0,
        rank=world.rank,
        world_size=world.size,
    )
    return sampler.longest()


def _fits(
    task: TTSTask, optimizers: Sequence[torch.optim.Optimizer], stepper: Stepper, batch: Any, settings: TrainerSettings
) -> bool:
    try:
        rehearse(task, optimizers, stepper, batch, settings)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        fits = False
    else:
        fits = True
    if settings.device.type == "cuda":
        torch.cuda.empty_cache()  # what a batch of another size leaves behind in pieces
    return fits
