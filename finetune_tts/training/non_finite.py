"""Steps whose loss or gradient is not finite: left out, named, and the end of the run if they do not stop."""

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from finetune_tts.machine.distributed import World
from finetune_tts.machine.gradients import is_shared_out, own_part, zero_unless

logger = logging.getLogger(__name__)

MOST_IN_A_ROW = 5


class NonFiniteLoss(RuntimeError):
    """Several steps in a row had no finite loss or gradient; the message says what to do."""


@dataclass(frozen=True)
class Contribution:
    """What one process brings to a step.

    Attributes:
        clips: the names of the clips of each batch.
        losses: a scalar for each batch, on the device; finite if the batch is sound.
        gradient: a scalar on the device that is finite if this process's own gradient is; None for a process alone.
    """

    clips: Sequence[Sequence[str]]
    losses: Sequence[Tensor]
    gradient: Tensor | None = None

    def names(self) -> list[str]:
        """All clips."""
        return [name for names in self.clips for name in names]

    def at_fault(self) -> list[str]:
        """The clips that make the step unsound: of the batches without finite loss, else of a gradient that is none."""
        bad = [
            name
            for names, loss in zip(self.clips, self.losses, strict=True)
            if not torch.isfinite(loss)
            for name in names
        ]
        if bad or self.gradient is None or torch.isfinite(self.gradient):
            return bad
        return self.names()


class StepGuard:
    """Decides whether an optimizer may step, and keeps count of those that may not.

    Args:
        world: the processes that step together.

    On a GPU the decision stays on the device, and what happened is looked at some steps later, by :meth:`report`: a
    fused optimizer leaves the step out by itself; any other one steps with a gradient of zero, so that only its
    momentum moves the weights.
    """

    def __init__(self, world: World | None = None) -> None:
        self.in_a_row = 0
        self.skipped = 0
        self._world = world or World()
        self._pending: deque[tuple[int, Tensor, Contribution]] = deque()

    def allows(
        self,
        step: int,
        optimizers: Sequence[torch.optim.Optimizer],
        judged: Tensor,
        contribution: Contribution,
        counted: Tensor | None = None,
    ) -> bool:
        """Whether ``step()`` of the optimizers is to be called: of all of them, or of none.

        Args:
            step: number of the step.
            optimizers: about to step together.
            judged: a scalar that is finite if the step is sound, the same in all processes.
            contribution: of this process.
            counted: a scalar that is finite unless the step counts as one without finite loss or gradient, likewise;
                ``judged`` by default. The search for a loss scale skips steps with which nothing is wrong.

        Raises:
            NonFiniteLoss: too many steps in a row had none.
        """
        sound = torch.isfinite(judged)
        fine = sound if counted is None else torch.isfinite(counted)
        if not _decides_on_device(judged):
            self._count(step, bool(fine), contribution)
            return bool(sound)
        self._pending.append((step, fine, contribution))
        for optimizer in optimizers:
            weights = [weight for group in optimizer.param_groups for weight in group["params"]]
            if all(group.get("fused") for group in optimizer.param_groups) and not any(map(is_shared_out, weights)):
                optimizer.grad_scale = None  # type: ignore[attr-defined]
                optimizer.found_inf = (~sound).to(torch.float32)  # type: ignore[attr-defined]
            else:
                zero_unless(sound, [own_part(weight.grad) for weight in weights if weight.grad is not None])
        return True

    def report(self) -> None:
        """Look at the steps that a device decided by itself; this waits for it.

        Raises:
            NonFiniteLoss: too many steps in a row had none.
        """
        if not self._pending:
            return
        steps = list(self._pending)
        self._pending.clear()
        flags = torch.stack([fine for _, fine, _ in steps]).tolist()
        for (step, _, contribution), fine in zip(steps, flags, strict=True):
            self._count(step, fine, contribution)

    def _count(self, step: int, fine: bool, contribution: Contribution) -> None:
        if fine:
            self.in_a_row = 0
            return
        self.in_a_row += 1
        self.skipped += 1
        names = self._names(contribution)
        shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        # All processes meet the step, one of them says so; the logs of the others hold it too.
        level = logging.WARNING if self._world.is_main else logging.INFO
        logger.log(level, "Step %d is left out: its loss or gradient is not finite. Clips: %s", step, shown)
        if self.in_a_row >= MOST_IN_A_ROW:
            raise NonFiniteLoss(
                f"{MOST_IN_A_ROW} steps in a row, up to step {step}, had no finite loss or gradient; the last clips "
                f"were {shown}. Lower --coqpit.lr, set --coqpit.mixed_precision false, and look at these clips."
            )

    def _names(self, contribution: Contribution) -> list[str]:
        """The clips at fault, of all processes; all clips of the step where nobody can tell."""
        told = self._world.gathered((contribution.at_fault(), contribution.names()))
        at_fault = [name for bad, _ in told for name in bad]
        return at_fault or [name for _, names in told for name in names]


def _decides_on_device(judged: Tensor) -> bool:
    return judged.is_cuda
