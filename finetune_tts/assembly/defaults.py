"""Settings that suit the recordings, where the user and the model have nothing to say about them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from finetune_tts.config.changes import Change

#: field → what it is the rate of.
RATES = {"lr": "", "lr_gen": " of the generator", "lr_disc": " of the discriminator"}

MOST_LOADER_WORKERS = 4
"""Features come ready from the cache, so that more processes have nothing to do."""


def fine_tune_defaults(
    *,
    minutes: float,
    clips: int,
    device: torch.device,
    rates: Mapping[str, float],
    bf16: bool = False,
    batch_size: int | None = None,
    epochs: int | None = None,
    batches_per_step: int = 1,
    cpus: int = 1,
    adapters: bool = False,
) -> list[Change]:
    """Choose settings for fine-tuning a pre-trained model.

    The rule of thumb for the length of a run: 1,500 steps for five minutes of recordings, growing with the power 0.6
    of their length, so 6,700 for an hour and 40,000 for twenty.

    Args:
        minutes: of all recordings to train on.
        clips: their number.
        device: of the run.
        rates: learning rates that the architecture trains from scratch with, by field (:func:`rates_from_scratch`).
        bf16: the device computes fast in bfloat16.
        batch_size, epochs: what the user chose.
        batches_per_step: of all processes together.
        cpus: cores that this process may use.
        adapters: low-rank adapters learn, and the weights stay.
    """
    batch_size = batch_size or _batch_size(clips)
    steps = max(500, round(1500 * (max(minutes, 1) / 5) ** 0.6, -2))
    steps_per_epoch = math.ceil(clips / (batch_size * batches_per_step))
    epochs = epochs or max(1, math.ceil(steps / steps_per_epoch))
    total = epochs * steps_per_epoch
    eval_steps = _round_step(total / 20)
    save_steps = eval_steps * 2
    amount = f"{minutes:.0f} min in {clips} clips"
    defaults = [
        *(_rate(field, rate, adapters=adapters) for field, rate in rates.items()),
        Change("batch_size", batch_size, f"{steps_per_epoch} steps in an epoch of {clips} clips"),
        Change("eval_batch_size", batch_size, "as the training batches"),
        Change("epochs", epochs, f"about {total:,} steps for {amount}"),
        Change("run_eval_steps", eval_steps, "twenty evaluations in the run"),
        Change("save_step", save_steps, "ten checkpoints in the run"),
        Change("save_n_checkpoints", 2, "the newest two and the best one are kept"),
        Change("print_step", min(25, max(5, eval_steps // 5)), "a few lines between two looks"),
        Change("plot_step", min(100, max(10, eval_steps // 5)), "as many points on the dashboard"),
    ]
    if device.type == "cuda" and cpus > 1:
        workers = min(cpus - 1, MOST_LOADER_WORKERS)
        defaults.append(Change("num_loader_workers", workers, "they read clips while the GPU computes"))
    if bf16 and device.type == "cuda":
        defaults.append(Change("mixed_precision", True, "this GPU is faster in bf16, which needs no loss scaling"))
    return defaults


def split_defaults() -> list[Change]:
    """What is held out, which has to be chosen before the recordings are read."""
    return [
        Change("eval_split_size", 0.05, "one clip of twenty is held out, to see when the model overfits"),
        Change("eval_split_max_size", 200, "enough held-out clips to tell models apart"),
    ]


def rates_from_scratch(config: Any) -> dict[str, float]:
    """The learning rates of an architecture's own recipe: the defaults of its config class, by field.

    Where generator and discriminator have rates of their own, ``lr`` is none.
    """
    fresh = type(config)()
    names = [name for name in RATES if isinstance(getattr(fresh, name, None), int | float)]
    return {name: float(getattr(fresh, name)) for name in names if name != "lr" or "lr_gen" not in names}


def from_scratch(defaults: Sequence[Change], rates: Mapping[str, float]) -> list[Change]:
    """Of the settings for fine-tuning, those that hold for a model that starts from scratch too, with its own rates."""
    rate = [Change(field, value, "the rate of the architecture's own recipe") for field, value in rates.items()]
    return [*rate, *(change for change in defaults if change.field in ("batch_size", "eval_batch_size"))]


def defaults_table(applied: Sequence[Change]) -> str:
    """Say what was chosen and why, a line for each field."""
    rows = [(f"{change.field} = {shown(change.value)}", change.reason) for change in applied]
    width = max((len(left) for left, _ in rows), default=0)
    return "\n".join(f"{left:<{width}}  {reason}" for left, reason in rows)


def _rate(field: str, rate: float, *, adapters: bool) -> Change:
    what = f"the rate{RATES[field]} that trains from scratch"
    if adapters and field != "lr_disc":  # a discriminator has none
        return Change(field, rate, f"{what}: adapters begin at zero, and change the network less")
    reason = f"a third of {what}: fast, and still close to the pre-trained weights"
    return Change(field, float(f"{rate / 3:.0e}"), reason)


def _batch_size(clips: int) -> int:
    """A power of two up to 32 that leaves at least eight batches, where there are clips enough."""
    return max(4, min(32, 2 ** int(math.log2(max(clips / 8, 1)))))


def _round_step(steps: float) -> int:
    """Round to a number that the user likes to see."""
    unit = 10 if steps < 200 else 50 if steps < 1000 else 500
    return max(unit, round(steps / unit) * unit)


def shown(value: Any) -> str:
    """A value as the user would type it."""
    return f"{value:g}" if isinstance(value, float) else str(value)
