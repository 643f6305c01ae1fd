"""One step: forward and backward over some batches, then the optimizers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, ReduceLROnPlateau

from finetune_tts.errors import UserError
from finetune_tts.machine.gradients import is_shared_out
from finetune_tts.machine.shared_gradients import SharedGradients, all_reached
from finetune_tts.tasks.optimizers import step_optimizer
from finetune_tts.tasks.schedules import Schedule
from finetune_tts.tasks.task import TTSTask
from finetune_tts.training.loss_meter import LossMeter
from finetune_tts.training.non_finite import Contribution, StepGuard
from finetune_tts.training.settings import TrainerSettings


class Stepper:
    """Makes steps, each from one or more batches that count the same.

    Args:
        task: network and objective.
        optimizers, schedules: one of each for every part that is trained against its own loss.
        clips: norm that the gradient of each optimizer is cut to; 0 for none.
        settings: of the run.
        meter: takes the losses, on the device.
    """

    def __init__(
        self,
        task: TTSTask,
        optimizers: Sequence[torch.optim.Optimizer],
        schedules: Sequence[Schedule],
        clips: Sequence[float],
        settings: TrainerSettings,
        meter: LossMeter,
    ) -> None:
        self._task = task
        self._optimizers = optimizers
        self._schedules = schedules
        self._clips = clips
        self._settings = settings
        self._meter = meter
        self.guard = StepGuard(settings.world)
        self.scaler = torch.GradScaler(settings.device.type) if settings.precision.scales_loss else None
        self.used_rates = self.next_rates()
        self._rehearses = False
        self._shared: dict[int, SharedGradients] = {}
        """Of each part, from its first step on; none in a process alone."""
        self._is_shared_out = any(is_shared_out(weight) for weight in self._weights(0))
        """Weights that are shared out average their gradients by themselves, batch by batch."""
        self.stepped: set[int] = set()
        """Optimizers that have stepped in this epoch."""

    def next_rates(self) -> list[float]:
        """The rate that each optimizer uses in its next step."""
        return [float(optimizer.param_groups[0]["lr"]) for optimizer in self._optimizers]

    def step(self, number: int, batches: Sequence[Any]) -> None:
        """Let the parts that learn at this step learn: each by one step of its optimizer.

        The network runs once for each batch, and all parts are differentiated at the same weights before any of them
        moves. So the gradients of several batches add up to those of one large batch, with the memory of one, and each
        backward pass computes the gradients of one part alone.

        Args:
            number: of the step, from 1.
            batches: on the device.

        Raises:
            NonFiniteLoss: too many steps in a row had no finite loss or gradient.
        """
        self.used_rates = self.next_rates()
        parts = self._task.parts_at(number, self._settings.discriminator_warm_up)
        means, whole = self._backward(parts, batches)
        if means:
            self._advance(number, means, self._contribution(whole))

    def rehearse(self, batch: Any, passes: int = 1) -> None:
        """Compute the gradients of a step in which all parts learn, for the memory that it takes, and forget them.

        Args:
            batch: on the device.
            passes: whose gradients add up, as those of several batches of a step do.
        """
        meter, self._meter = self._meter, LossMeter(self._settings.device)
        self._rehearses = True  # alone: memory may not suffice for one process while the others wait for its gradients
        try:
            self._backward(range(len(self._optimizers)), [batch] * passes)
        finally:
            self._meter, self._rehearses = meter, False
            self._task.zero_grad(set_to_none=True)

    def _backward(
        self, parts: Sequence[int], batches: Sequence[Any]
    ) -> tuple[dict[int, Tensor], list[tuple[Any, Tensor]]]:
        """Add the gradients of some parts over some batches to what stands.

        Returns:
            The mean of what each part minimises, and for each batch its share of all of them.
        """
        task = self._task
        shares: dict[int, list[Tensor]] = {}
        whole = []
        for place, batch in enumerate(batches):
            with self._settings.precision.autocast():
                _, found = task.part_losses(batch, parts)
            of_batch = []
            for part, losses in found.items():
                task.before_backward_pass(losses, list(self._optimizers))
                share = losses["loss"] / len(batches)
                scaled = self.scaler.scale(share) if self.scaler else share
                last, again = place == len(batches) - 1, part != list(found)[-1]
                self._differentiate(part, scaled, last=last, retain_graph=again)
                self._meter.add(task.recorded(losses, part), task.clips(batch))
                shares.setdefault(part, []).append(share.detach())
                of_batch.append(share.detach())
            if of_batch:
                whole.append((batch, total_of(of_batch)))
        return {part: total_of(of_part) for part, of_part in shares.items()}, whole

    def _differentiate(self, part: int, loss: Tensor, *, last: bool, retain_graph: bool) -> None:
        """Add the gradients of one part to what stands; after the last batch they are the mean over all processes.

        With several parts the others get no gradient, and none is computed for them.
        """
        alone, world = len(self._optimizers) > 1, self._settings.world
        if world.size == 1 or self._is_shared_out or self._rehearses:
            loss.backward(inputs=self._weights(part) if alone else None, retain_graph=retain_graph)
            return
        shared = self._shared.get(part)
        if shared is None:
            weights = self._weights(part)
            missing = world.highest(int(not all_reached(loss, weights)))
            searches = bool(missing) or self._settings.device.type == "cpu"
            shared = self._shared[part] = SharedGradients(weights, world, searches=searches)
        shared.backward(loss, last=last, alone=alone, retain_graph=retain_graph)

    def end_epoch(self) -> None:
        """Step the schedules that count epochs."""
        for index, schedule in enumerate(self._schedules):
            if schedule.after_epoch and index in self.stepped:
                _step_schedule(schedule.scheduler)
        self.stepped.clear()

    def all_parts_learn(self, number: int) -> bool:
        """Whether step ``number`` (from 1) moves all parts."""
        return len(self._task.parts_at(number, self._settings.discriminator_warm_up)) == len(self._optimizers)

    def main_part_learns(self, number: int) -> bool:
        """Whether step ``number`` (from 1) moves the part that the held-out loss is measured of."""
        return self._task.main_optimizer in self._task.parts_at(number, self._settings.discriminator_warm_up)

    def measured(self, loss: float) -> None:
        """Tell the schedules that follow the held-out loss what it is."""
        for schedule in self._schedules:
            if isinstance(schedule.scheduler, ReduceLROnPlateau):
                schedule.scheduler.step(loss)

    def _weights(self, part: int) -> list[nn.Parameter]:
        return [weight for group in self._optimizers[part].param_groups for weight in group["params"]]

    def _contribution(self, shares: Sequence[tuple[Any, Tensor]]) -> Contribution:
        """What this process brings to a step: batches, each with its share of the loss."""
        clips = [self._task.clip_names(batch) for batch, _ in shares]
        return Contribution(clips, [share for _, share in shares])

    def _advance(self, number: int, mean_losses: Mapping[int, Tensor], contribution: Contribution) -> None:
        """Step the optimizers whose gradients stand, all of them or none.

        Args:
            number: of the step.
            mean_losses: place of the optimizer → mean of what it minimises.
            contribution: the clips of this process.
        """
        world = self._settings.world
        norms = torch.zeros((), device=self._settings.device)
        losses = torch.zeros((), device=self._settings.device)
        for index, loss in mean_losses.items():
            norm, own_gradient = self._clip(index)
            norms, losses = norms + norm, losses + world.mean(loss)
            if own_gradient is not None:
                before = 0.0 if contribution.gradient is None else contribution.gradient
                contribution = replace(contribution, gradient=own_gradient + before)
        world.wait()  # before anything is looked at, see World
        optimizers = [self._optimizers[index] for index in mean_losses]
        # The search for a loss scale meets overflows; there only the loss itself tells that something is wrong.
        counted = losses if self.scaler else None
        if self.guard.allows(number, optimizers, norms + 0 * losses, contribution, counted):
            # Not GradScaler.step(): it asks each optimizer by itself, so that one part would step without the other.
            for optimizer in optimizers:
                step_optimizer(optimizer)
            self.stepped.update(mean_losses)
            for index in mean_losses:
                if not self._schedules[index].after_epoch:
                    _step_schedule(self._schedules[index].scheduler)
        if self.scaler:
            self.scaler.update()
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)

    def _clip(self, index: int) -> tuple[Tensor, Tensor | None]:
        """Cut the gradient of one optimizer, the mean over all processes.

        Returns:
            Its norm before, and what :meth:`SharedGradients.take_own` tells of this process's own.
        """
        optimizer = self._optimizers[index]
        parameters = self._weights(index)
        own_gradient = self._shared[index].take_own() if index in self._shared else None
        if self.scaler:
            self.scaler.unscale_(optimizer)
        self._task.before_gradient_clipping()
        norm = nn.utils.clip_grad_norm_(parameters, self._clips[index] if self._clips[index] > 0 else math.inf)
        name = f"grad_norm_{index}" if len(self._optimizers) > 1 else "grad_norm"
        if is_shared_out(norm):
            norm = norm.full_tensor()  # type: ignore[attr-defined]
        self._meter.add({name: norm}, 1.0)
        return norm, own_gradient


def total_of(shares: Sequence[Tensor]) -> Tensor:
    """The sum of scalars."""
    total, *others = shares
    for share in others:
        total = total + share
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
