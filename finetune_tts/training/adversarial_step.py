"""One step of adversarial training: the generator runs once, the discriminator looks once, both learn from it.

Both parts are differentiated at the same weights, batch by batch, and then step together. So the gradients of several
batches add up to those of one large batch, whatever their number, with the memory of one batch; the discriminator's
view of the recordings serves its own loss and the feature matching of the generator's; and each backward pass computes
the gradients of one part alone.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, cast

import torch
from torch import Tensor

from finetune_tts.training.adversarial import DISCRIMINATOR, GENERATOR, AdversarialTask
from finetune_tts.training.step import Stepper
from finetune_tts.training.task import numbered_losses

WARM_UP_SHARE = 0.1
LONGEST_WARM_UP = 1000


def warm_up_for(total_steps: int) -> int:
    """How many steps a fresh discriminator learns alone in a run of ``total_steps``."""
    return min(LONGEST_WARM_UP, round(total_steps * WARM_UP_SHARE))


class AdversarialStepper(Stepper):
    """Makes the steps of an :class:`AdversarialTask`.

    The first ``steps_to_start_discriminator`` steps train the generator alone; the ``discriminator_warm_up`` steps
    after them the discriminator alone, while the generator stays as it is; all others both.
    """

    def parts_at(self, number: int) -> tuple[int, ...]:
        """Which optimizers step ``number`` (from 1) moves."""
        alone = self._adversarial.steps_before_discriminator()
        if number <= alone:
            return (GENERATOR,)
        if number <= alone + self._settings.discriminator_warm_up:
            return (DISCRIMINATOR,)
        return (DISCRIMINATOR, GENERATOR)

    def step(self, number: int, batches: Sequence[Any]) -> None:
        """Step the parts that learn at this step (see :meth:`Stepper.step`)."""
        names = [name for batch in batches for name in self._task.clip_names(batch)]
        self.used_rates = self.next_rates()
        parts = self.parts_at(number)
        means: dict[int, Tensor] = {}
        for batch in batches:
            for part, loss in self._backward_parts(parts, batch, len(batches)).items():
                means[part] = means[part] + loss if part in means else loss
        self._advance(number, means, names)

    @property
    def _adversarial(self) -> AdversarialTask:
        return cast(AdversarialTask, self._task)

    def _backward_parts(self, parts: tuple[int, ...], batch: Any, batches: int) -> dict[int, Tensor]:
        """Add one batch's share to the gradients of ``parts``; return its share of the mean losses."""
        task = self._adversarial
        found: dict[int, dict[str, Tensor]] = {}
        with self._settings.precision.autocast():
            # A generator that stays as it is needs no graph.
            with nullcontext() if GENERATOR in parts else torch.no_grad():
                outputs = task.run_network(batch)
            judgement = task.judge(outputs, batch) if DISCRIMINATOR in parts else None
            if DISCRIMINATOR in parts:
                found[DISCRIMINATOR] = task.discriminator_losses(judgement)
            if GENERATOR in parts:
                found[GENERATOR] = task.generator_losses(outputs, batch, judgement)
        shares = {}
        for part, losses in found.items():
            task.before_backward_pass(losses, list(self._optimizers))
            share = losses["loss"] / batches
            weights = [weight for group in self._optimizers[part].param_groups for weight in group["params"]]
            scaled = self.scaler.scale(share) if self.scaler else share
            # With ``inputs`` the other part gets no gradient, and none is computed for it.
            torch.autograd.backward(scaled, inputs=weights, retain_graph=part != parts[-1])
            shares[part] = share.detach()
            self._meter.add(numbered_losses(losses, part), task.clips(batch))
        return shares
