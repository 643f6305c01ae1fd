"""Steps whose loss or gradient is not finite: left out, named, and the end of the run if they do not stop."""

import logging
from collections import deque
from collections.abc import Sequence

import torch
from torch import Tensor

from finetune_tts.machine.gradients import zero_unless

logger = logging.getLogger(__name__)

MOST_IN_A_ROW = 5


class NonFiniteLoss(RuntimeError):
    """Several steps in a row had no finite loss or gradient; the message says what to do."""


class StepGuard:
    """Decides whether an optimizer may step, and keeps count of those that may not.

    On a GPU the decision stays on the device, and what happened is looked at some steps later, by :meth:`report`: a
    fused optimizer leaves the step out by itself; any other one steps with a gradient of zero, so that only its
    momentum moves the weights.
    """

    def __init__(self) -> None:
        self.in_a_row = 0
        self.skipped = 0
        self._pending: deque[tuple[int, Tensor, Sequence[str]]] = deque()

    def allows(
        self, step: int, optimizers: Sequence[torch.optim.Optimizer], judged: Tensor, names: Sequence[str]
    ) -> bool:
        """Whether ``step()`` of the optimizers is to be called: of all of them, or of none.

        Args:
            step: number of the step.
            optimizers: about to step together.
            judged: a scalar that is finite if the step is sound, the same in all processes.
            names: of the clips that the step is computed from.

        Raises:
            NonFiniteLoss: too many steps in a row had none.
        """
        finite = torch.isfinite(judged)
        if not _decides_on_device(judged):
            self._count(step, bool(finite), names)
            return bool(finite)
        self._pending.append((step, finite, names))
        for optimizer in optimizers:
            if optimizer.defaults.get("fused"):
                optimizer.grad_scale = None  # type: ignore[attr-defined]
                optimizer.found_inf = (~finite).to(torch.float32)  # type: ignore[attr-defined]
            else:
                weights = [weight for group in optimizer.param_groups for weight in group["params"]]
                zero_unless(finite, [weight.grad for weight in weights if weight.grad is not None])
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
        for (step, _, names), finite in zip(steps, torch.stack([flag for _, flag, _ in steps]).tolist(), strict=True):
            self._count(step, finite, names)

    def _count(self, step: int, finite: bool, names: Sequence[str]) -> None:
        if finite:
            self.in_a_row = 0
            return
        self.in_a_row += 1
        self.skipped += 1
        shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        logger.warning("Step %d is left out: its loss or gradient is not finite. Clips: %s", step, shown)
        if self.in_a_row >= MOST_IN_A_ROW:
            raise NonFiniteLoss(
                f"{MOST_IN_A_ROW} steps in a row, up to step {step}, had no finite loss or gradient; the last clips "
                f"were {shown}. Lower --coqpit.lr, set --coqpit.mixed_precision false, and look at these clips."
            )


def _decides_on_device(judged: Tensor) -> bool:
    return judged.is_cuda
