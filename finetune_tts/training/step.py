"""One step: forward and backward over some batches, then the optimizers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, ReduceLROnPlateau

from finetune_tts.errors import UserError
from finetune_tts.tasks.schedules import Schedule
from finetune_tts.tasks.task import TTSTask, numbered_losses
from finetune_tts.training.loss_meter import LossMeter
from finetune_tts.training.non_finite import StepGuard
from finetune_tts.training.settings import TrainerSettings


class Stepper:
    """Makes steps, each from one or more batches that count the same.

    Args:
        task: network and objective.
        criteria, optimizers, schedules: one of each for every part that is trained against its own loss.
        clips: norm that the gradient of each optimizer is cut to; 0 for none.
        settings: of the run.
        meter: takes the losses, on the device.
    """

    def __init__(
        self,
        task: TTSTask,
        criteria: Sequence[nn.Module],
        optimizers: Sequence[torch.optim.Optimizer],
        schedules: Sequence[Schedule],
        clips: Sequence[float],
        settings: TrainerSettings,
        meter: LossMeter,
    ) -> None:
        self._task = task
        self._criteria = criteria
        self._optimizers = optimizers
        self._schedules = schedules
        self._clips = clips
        self._settings = settings
        self._meter = meter
        self.guard = StepGuard()
        self.scaler = torch.GradScaler(settings.device.type) if settings.precision.scales_loss else None
        self.used_rates = self.next_rates()
        self.stepped: set[int] = set()
        """Optimizers that have stepped in this epoch."""

    def next_rates(self) -> list[float]:
        """The rate that each optimizer uses in its next step."""
        return [float(optimizer.param_groups[0]["lr"]) for optimizer in self._optimizers]

    def step(self, number: int, batches: Sequence[Any]) -> None:
        """Step each optimizer once.

        Args:
            number: of the step, for messages.
            batches: on the device.

        Raises:
            NonFiniteLoss: too many steps in a row had no finite loss or gradient.
        """
        names = [name for batch in batches for name in self._task.clip_names(batch)]
        self.used_rates = self.next_rates()
        for index in range(len(self._optimizers)):
            self._step_optimizer(number, index, batches, names)

    def end_epoch(self) -> None:
        """Step the schedules that count epochs."""
        for index, schedule in enumerate(self._schedules):
            if schedule.after_epoch and index in self.stepped:
                _step_schedule(schedule.scheduler)
        self.stepped.clear()

    def main_part_learns(self, number: int) -> bool:
        """Whether step ``number`` (from 1) moves the part that the held-out loss is measured of."""
        return True

    def measured(self, loss: float) -> None:
        """Tell the schedules that follow the held-out loss what it is."""
        for schedule in self._schedules:
            if isinstance(schedule.scheduler, ReduceLROnPlateau):
                schedule.scheduler.step(loss)

    def _step_optimizer(self, number: int, index: int, batches: Sequence[Any], names: Sequence[str]) -> None:
        loss = self._backward(index, batches)
        if loss is not None:
            self._advance(number, {index: loss}, names)

    def _advance(self, number: int, mean_losses: Mapping[int, Tensor], names: Sequence[str]) -> None:
        """Step the optimizers whose gradients stand, all of them or none.

        Args:
            number: of the step.
            mean_losses: place of the optimizer → mean of what it minimises.
            names: of the clips.
        """
        judged = torch.zeros((), device=self._settings.device)
        for index, loss in mean_losses.items():
            norm = self._clip(index)
            loss = self._settings.world.mean(loss)
            # The search for a loss scale meets overflows; there only the loss itself tells that something is wrong.
            judged = judged + (loss if self.scaler else norm + 0 * loss)
        optimizers = [self._optimizers[index] for index in mean_losses]
        if self.guard.allows(number, optimizers, judged, names):
            for optimizer in optimizers:
                if self.scaler:
                    self.scaler.step(optimizer)
                else:
                    optimizer.step()
            self.stepped.update(mean_losses)
            for index in mean_losses:
                if not self._schedules[index].after_epoch:
                    _step_schedule(self._schedules[index].scheduler)
        if self.scaler:
            self.scaler.update()
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)

    def _clip(self, index: int) -> Tensor:
        """Cut the gradient of one optimizer, the mean over all processes; return its norm before."""
        optimizer = self._optimizers[index]
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        self._settings.world.average_gradients(parameters)
        if self.scaler:
            self.scaler.unscale_(optimizer)
        self._task.before_gradient_clipping()
        norm = nn.utils.clip_grad_norm_(parameters, self._clips[index] if self._clips[index] > 0 else math.inf)
        name = f"grad_norm_{index}" if len(self._optimizers) > 1 else "grad_norm"
        self._meter.add({name: norm}, 1.0)
        return norm

    def _backward(self, index: int, batches: Sequence[Any]) -> Tensor | None:
        """Leave the mean gradient over ``batches``; return the mean loss, or None if the task sits all of them out."""
        several = len(self._optimizers) > 1
        if several:
            # What another optimizer's loss left behind is none of this one's business.
            self._task.zero_grad(set_to_none=True)
        total: Tensor | None = None
        for batch in batches:
            with self._settings.precision.autocast():
                _, losses = self._task.train_step(batch, self._criteria[index], index if several else None)
            if not losses:
                continue
            self._task.before_backward_pass(losses, list(self._optimizers))
            loss = losses["loss"] / len(batches)
            (self.scaler.scale(loss) if self.scaler else loss).backward()
            total = loss.detach() if total is None else total + loss.detach()
            self._meter.add(numbered_losses(losses, index if several else None), self._task.clips(batch))
        return total


def _step_schedule(scheduler: LRScheduler | None) -> None:
    # That one is stepped with a held-out loss, by measured().
    if scheduler is None or isinstance(scheduler, ReduceLROnPlateau):
        return
    # OneCycleLR fails beyond its end, in the middle of a run that is longer: the rate stays at its last.
    if not isinstance(scheduler, OneCycleLR) or scheduler.last_epoch < scheduler.total_steps - 1:
        scheduler.step()


def clip_norms(grad_clip: float | list[float] | None, optimizers: int) -> list[float]:
    """The norm for each optimizer from the config's ``grad_clip``.

    Raises:
        UserError: a list of another length.
    """
    if not isinstance(grad_clip, list):
        return [float(grad_clip or 0.0)] * optimizers
    if len(grad_clip) != optimizers:
        raise UserError(f"--coqpit.grad_clip {grad_clip}: needs one number for each of {optimizers} optimizers.")
    return [float(clip or 0.0) for clip in grad_clip]
