"""One step of a task whose parts are trained against losses of their own: the network runs once, all parts learn.

All parts are differentiated at the same weights, batch by batch, and then step together. So the gradients of several
batches add up to those of one large batch, whatever their number, with the memory of one batch; and each backward pass
computes the gradients of one part alone.
"""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor

from finetune_tts.tasks.joint import JointTask
from finetune_tts.training.step import Stepper, total_of


class JointStepper(Stepper):
    """Makes the steps of a :class:`JointTask`."""

    def parts_at(self, number: int) -> tuple[int, ...]:
        """Which optimizers step ``number`` (from 1) moves."""
        return tuple(range(len(self._optimizers)))

    def main_part_learns(self, number: int) -> bool:
        """Whether the part of the task's main optimizer is among those that step ``number`` moves."""
        return self._task.main_optimizer in self.parts_at(number)

    def step(self, number: int, batches: Sequence[Any]) -> None:
        """Step the parts that learn at this step (see :meth:`Stepper.step`)."""
        self.used_rates = self.next_rates()
        parts = self.parts_at(number)
        shares = [self._backward_parts(parts, batch, len(batches)) for batch in batches]
        means = {part: total_of([share[part] for share in shares]) for part in shares[0]}
        whole = [(batch, total_of(list(share.values()))) for batch, share in zip(batches, shares, strict=True)]
        self._advance(number, means, self._contribution(whole))

    def _backward_parts(self, parts: tuple[int, ...], batch: Any, batches: int) -> dict[int, Tensor]:
        """Add one batch's share to the gradients of ``parts``; return its share of the mean losses."""
        task = cast(JointTask, self._task)
        with self._settings.precision.autocast():
            _, found = task.part_losses(batch, parts)
        shares = {}
        for part, losses in found.items():
            task.before_backward_pass(losses, list(self._optimizers))
            share = losses["loss"] / batches
            weights = [weight for group in self._optimizers[part].param_groups for weight in group["params"]]
            scaled = self.scaler.scale(share) if self.scaler else share
            # With ``inputs`` the other parts get no gradient, and none is computed for them.
            torch.autograd.backward(scaled, inputs=weights, retain_graph=part != parts[-1])
            shares[part] = share.detach()
            self._meter.add(task.recorded(losses, part), task.clips(batch))
        return shares
