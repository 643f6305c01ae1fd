"""Learning-rate schedules by the name that a config gives, and what rate step 1 uses."""

import logging
import math
from bisect import bisect_right
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim.lr_scheduler import LRScheduler

from finetune_tts.errors import UserError

logger = logging.getLogger(__name__)


class NoamLR(LRScheduler):
    """Linear warm-up, then decay with the inverse square root (Vaswani et al. 2017), peaking at the base rate.

    The rate of step ``s`` is ``lr * warmup^0.5 * min(s * warmup^-1.5, s^-0.5)``, as in the 🐸 trainer.

    Args:
        optimizer: its rate is the peak.
        warmup_steps: steps until the peak.
        start_at_peak: enter the curve where the warm-up ends: for weights that are warm already.
        last_epoch: steps done.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        warmup_steps: float = 0.1,
        *,
        start_at_peak: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self.warmup_steps = float(warmup_steps)
        self.skipped_steps = max(self.warmup_steps - 1, 0.0) if start_at_peak else 0.0
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float | torch.Tensor]:
        step = self.last_epoch + 1 + self.skipped_steps
        scale = self.warmup_steps**0.5 * min(step * self.warmup_steps**-1.5, step**-0.5)
        return [base * scale for base in self.base_lrs]


class StepwiseGradualLR(LRScheduler):
    """Fixed rates from fixed steps on.

    Args:
        optimizer: its own rate is not used.
        gradual_learning_rates: pairs of first step and rate; a recipe of 🐸TTS has them out of order.
        last_epoch: steps done.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        gradual_learning_rates: Sequence[tuple[int, float]],
        last_epoch: int = -1,
    ) -> None:
        pairs = sorted((int(step), float(rate)) for step, rate in gradual_learning_rates)
        self.first_steps = [step for step, _ in pairs]
        self.rates = [rate for _, rate in pairs]
        # The base rates count only as far as they change: a run that is resumed may scale them.
        self.first_base_lrs = [float(group.get("initial_lr", group["lr"])) for group in optimizer.param_groups]
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float | torch.Tensor]:
        place = max(bisect_right(self.first_steps, self.last_epoch) - 1, 0)
        pairs = zip(self.base_lrs, self.first_base_lrs, strict=True)
        return [self.rates[place] * (base / first if first else 1.0) for base, first in pairs]


def schedule_class(name: str, field: str = "lr_scheduler") -> type[LRScheduler]:
    """Find the schedule of this name, upper and lower case being the same.

    Args:
        name: of a class in ``torch.optim.lr_scheduler``, or of one here.
        field: the config's field that names it, for messages.

    Raises:
        UserError: there is none.
    """
    schedules: dict[str, type[LRScheduler]] = {
        key.lower(): value
        for key, value in vars(torch.optim.lr_scheduler).items()
        if isinstance(value, type) and issubclass(value, LRScheduler) and not key.startswith("_")
    }
    schedules |= {"noamlr": NoamLR, "stepwisegraduallr": StepwiseGradualLR}
    schedules.pop("lrscheduler", None)
    if name.lower() not in schedules:
        names = ", ".join(sorted(value.__name__ for value in schedules.values()))
        raise UserError(f"--coqpit.{field} {name}: no such schedule. There are {names}, or null for none.")
    return schedules[name.lower()]


@dataclass(frozen=True)
class Schedule:
    """A schedule on an optimizer, and how it came to be."""

    scheduler: LRScheduler | None
    after_epoch: bool
    """Stepped after each epoch rather than after each step."""
    first_rate: float
    """What step 1 uses."""
    explanation: str
    warm_up: float = 0.0
    """Epochs or steps, whichever the schedule counts, until the rate is reached."""


def make_schedule(
    optimizer: torch.optim.Optimizer,
    name: str | None,
    params: Mapping[str, Any],
    *,
    after_epoch: bool,
    restored: bool,
    chosen: Container[str] = (),
    field: str = "lr_scheduler",
) -> Schedule:
    """Make the schedule that a config names, so that the rate which the user sets is the one that step 1 uses.

    A warm-up protects random weights. For restored ones NoamLR is entered at its peak, where the rate is ``lr``; the
    same holds for any schedule if the user sets ``lr`` and leaves the schedule alone. A schedule that the user
    names (``lr_scheduler`` or ``lr_scheduler_params``) is used just as it is.

    Args:
        optimizer: with the rate of the config.
        name, params: ``lr_scheduler`` and ``lr_scheduler_params``.
        after_epoch: ``scheduler_after_epoch``.
        restored: the weights are pre-trained.
        chosen: names of the config fields that the user set.
        field: the config's field that names the schedule, for messages.

    Raises:
        UserError: no such schedule, or one without such an argument.
    """
    rate = float(optimizer.param_groups[0]["lr"])
    if not name:
        return Schedule(None, after_epoch, rate, "no schedule: the rate stays")
    found = schedule_class(name, field)
    named_by_person = "lr_scheduler" in chosen or "lr_scheduler_params" in chosen
    wants_rate = not named_by_person and (restored or "lr" in chosen)
    arguments = dict(params)
    if found is NoamLR and wants_rate:
        arguments["start_at_peak"] = True
    try:
        scheduler = found(optimizer, **arguments)
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise UserError(f"--coqpit.{field}_params {dict(params)}: {found.__name__} refuses them ({error}).") from error
    first = float(optimizer.param_groups[0]["lr"])
    unit = "epoch" if after_epoch else "step"
    # Fixed rates were those of the training from scratch, and know nothing of lr.
    overrules = "lr" in chosen or first < rate or found is StepwiseGradualLR
    if wants_rate and not math.isclose(first, rate, rel_tol=1e-6) and overrules:
        for group in optimizer.param_groups:
            group["lr"] = rate
        return Schedule(None, after_epoch, rate, f"without {found.__name__}, which would start at {first:g}")
    if found is NoamLR and wants_rate:
        why = "the restored weights need no warm-up" if restored else "lr was set, and not the schedule"
        return Schedule(scheduler, after_epoch, first, f"NoamLR, stepped each {unit}, entered at its peak: {why}")
    warm_up = scheduler.warmup_steps if isinstance(scheduler, NoamLR) and scheduler.warmup_steps > 1 else 0.0
    rising = f", rising to {rate:g} at {unit} {warm_up:g}" if warm_up else ""
    return Schedule(scheduler, after_epoch, first, f"{found.__name__}, stepped each {unit}{rising}", warm_up)


def scale_rates(optimizer: torch.optim.Optimizer, scheduler: LRScheduler | None, rate: float) -> None:
    """Make ``rate`` the rate of the next step, and scale what the schedule does from there on.

    Args:
        optimizer: in the middle of a run.
        scheduler: its schedule.
        rate: what the user asks for when the run is resumed.
    """
    now = float(optimizer.param_groups[0]["lr"])
    factor = rate / now if now else 1.0
    for group in optimizer.param_groups:
        group["lr"] = float(group["lr"]) * factor if now else rate
        if "initial_lr" in group:
            group["initial_lr"] = float(group["initial_lr"]) * factor
    if scheduler is not None:
        scheduler.base_lrs = [base * factor for base in scheduler.base_lrs]


def start_schedules(optimizers: Sequence[torch.optim.Optimizer], schedulers: Sequence[LRScheduler | None]) -> None:
    """Make the rates those of fresh schedules, on optimizers that bring the rates of another one along."""
    for optimizer, scheduler in zip(optimizers, schedulers, strict=True):
        if scheduler is not None:
            for group, rate in zip(optimizer.param_groups, scheduler.get_last_lr(), strict=True):
                group["lr"] = rate
