"""What is wrong with optimizers and schedules in a config: names that there are not, and arguments that cannot be."""

from collections.abc import Iterator
from typing import Any

from finetune_tts.config.optimizers import OPTIMIZERS, SCHEDULERS
from finetune_tts.config.ranges import FROM_ONE, FROM_ZERO, SHARE, is_number
from finetune_tts.config.training import TrainingConfig
from finetune_tts.config.values import shown


def optimizers(config: TrainingConfig, *, own: bool = False) -> Iterator[str]:
    """Yield optimizers and schedules that do not exist, and arguments of them that cannot be.

    Args:
        config: what to check.
        own: the optimizers are named in a way of the architecture's own, which it checks itself.
    """
    if not own:
        yield from named_among("optimizer", config.optimizer, OPTIMIZERS)
        if isinstance(config.optimizer_params, dict):
            yield from optimizer_arguments(config.optimizer_params)
    yield from named_among("lr_scheduler", config.lr_scheduler, SCHEDULERS)
    if isinstance(config.lr_scheduler_params, dict) and "warmup_steps" in config.lr_scheduler_params:
        steps = config.lr_scheduler_params["warmup_steps"]
        if not is_number(steps) or not FROM_ONE.holds(steps):
            yield f"lr_scheduler_params.warmup_steps = {shown(steps)}: must be {FROM_ONE}"


def named_among(field: str, names: str | list[str] | None, known: tuple[str, ...]) -> Iterator[str]:
    """Yield those of the names that are unknown, in any letter case; null is none."""
    for name in names if isinstance(names, list) else [names]:
        if name is not None and name.lower() not in {known_name.lower() for known_name in known}:
            yield f"{field} = {shown(name)}: must be one of {', '.join(known)}"


def optimizer_arguments(params: dict[str, Any], prefix: str = "optimizer_params.") -> Iterator[str]:
    """Yield numbers among an optimizer's arguments that cannot be."""
    for name, allowed in {"weight_decay": FROM_ZERO, "eps": FROM_ZERO, "momentum": SHARE}.items():
        if name in params and not (is_number(params[name]) and allowed.holds(params[name])):
            yield f"{prefix}{name} = {shown(params[name])}: must be {allowed}"
    betas = params.get("betas", [0.9, 0.99])
    if not (
        isinstance(betas, list | tuple)
        and len(betas) == 2
        and all(is_number(beta) and SHARE.holds(beta) for beta in betas)
    ):
        yield f"{prefix}betas = {shown(betas)}: must be two numbers, at least 0 and below 1"
