"""Optimizers by the name that a config gives."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn

from finetune_tts.errors import UserError
from finetune_tts.tasks.radam import RAdam

EIGHT_BIT = ("Adam8bit", "AdamW8bit")
"""Optimizers that keep a byte where others keep a float32 (Dettmers et al. 2022, https://arxiv.org/abs/2110.02861)."""


def make_optimizer(
    name: str | None,
    parameters: Iterable[nn.Parameter],
    lr: float,
    params: Mapping[str, Any],
    *,
    undecayed: Iterable[nn.Parameter] = (),
    factors: Mapping[nn.Parameter, float] | None = None,
    what: str = "network",
) -> torch.optim.Optimizer:
    """Make the optimizer of this name.

    RAdam decouples its weight decay from the gradient unless ``params`` says otherwise, as 🐸TTS's own RAdam does.

    Args:
        name: of a class in ``torch.optim``, or of :data:`EIGHT_BIT`; upper and lower case are the same.
        parameters: those without ``requires_grad`` are left out.
        lr: learning rate.
        params: further arguments of the class.
        undecayed: further parameters, which get no weight decay.
        factors: parameter → factor of the rate that it gets in :func:`step_optimizer`.
        what: it trains, for messages.

    Raises:
        UserError: no such optimizer, bitsandbytes is missing, an argument that it lacks, or nothing to learn for it.
    """
    found = _class_of(name)
    arguments = dict(params)
    if found is torch.optim.RAdam:
        found = RAdam
        arguments.setdefault("decoupled_weight_decay", True)
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    spared = [parameter for parameter in undecayed if parameter.requires_grad]
    if not trained and not spared:
        raise UserError(f"--coqpit.freeze: leaves nothing of the {what} to learn. Freeze less.")
    if _is_eight_bit(name):
        # As bitsandbytes makes them in its first step, after which sums over them come out another way.
        for weight in (*trained, *spared):
            weight.data = weight.data.contiguous()
    # One kernel for all weights; on a GPU it can also leave a step out without asking the host (see guard.py).
    if found in (torch.optim.Adam, torch.optim.AdamW) and all(
        p.device.type in ("cpu", "cuda") for p in (*trained, *spared)
    ):
        arguments.setdefault("fused", True)
    try:
        groups: Any = (
            [{"params": trained}, {"params": spared, "weight_decay": 0.0}] if spared else [{"params": trained}]
        )
        if factors:
            groups = [part for group in groups for part in _by_factor(group, factors)]
        optimizer = found(groups, lr=lr, **arguments)
    except (TypeError, ValueError) as error:
        raise UserError(f"--coqpit.optimizer_params {dict(params)}: {name} refuses them ({error}).") from error
    if isinstance(optimizer, torch.optim.RAdam):
        # Where 🐸TTS's own RAdam keeps what it computed, and without which it cannot resume from a checkpoint of ours.
        for group in optimizer.param_groups:
            group["buffer"] = [[None, None, None] for _ in range(10)]
    return optimizer


def _is_eight_bit(name: str | None) -> bool:
    return (name or "").lower() in (known.lower() for known in EIGHT_BIT)


def _class_of(name: str | None) -> Callable[..., torch.optim.Optimizer]:
    """The class of an optimizer, of torch or, where it keeps its state in 8 bits, of bitsandbytes."""
    wanted = (name or "").lower()
    if _is_eight_bit(name):
        try:
            from bitsandbytes import optim
        except ImportError as error:
            raise UserError(
                f"--coqpit.optimizer {name} needs bitsandbytes: pip install 'finetune-tts[8bit]'. Or choose "
                f"{wanted.removesuffix('8bit')}, whose state takes four times the memory."
            ) from error
        eight_bit: dict[str, Callable[..., torch.optim.Optimizer]]
        eight_bit = {known.lower(): getattr(optim, known) for known in EIGHT_BIT}
        return eight_bit[wanted]
    optimizers: dict[str, Callable[..., torch.optim.Optimizer]] = {
        key.lower(): value
        for key, value in vars(torch.optim).items()
        if isinstance(value, type) and issubclass(value, torch.optim.Optimizer) and value is not torch.optim.Optimizer
    }
    if wanted not in optimizers:
        names = ", ".join(sorted([*(value.__name__ for value in optimizers.values()), *EIGHT_BIT]))
        raise UserError(f"--coqpit.optimizer {name}: no such optimizer. There are {names}.")
    return optimizers[wanted]


_FACTOR = "lr_factor"


def _by_factor(group: dict[str, Any], factors: Mapping[nn.Parameter, float]) -> list[dict[str, Any]]:
    """Split a group by the factors of its weights; those without one come first."""
    found: dict[float, list[nn.Parameter]] = {1.0: []}
    for weight in group["params"]:
        found.setdefault(factors.get(weight, 1.0), []).append(weight)
    return [{**group, "params": weights, _FACTOR: factor} for factor, weights in found.items() if weights]


def step_optimizer(optimizer: torch.optim.Optimizer) -> None:
    """Step an optimizer, each group of weights with its factor of the rate that schedule and history know."""
    rates = [group["lr"] for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["lr"] = group["lr"] * group.get(_FACTOR, 1.0)
    try:
        optimizer.step()
    finally:
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate


IMPLEMENTATION = frozenset({"fused", "foreach", "capturable", "differentiable"})
"""Settings of an optimizer that say how it computes, and nothing of what comes out."""


def load_state(optimizer: torch.optim.Optimizer, saved: Mapping[str, Any]) -> None:
    """Restore an optimizer from a state that was saved on any device.

    A saved state says how its machine computed the steps too. This one goes by its own choice, for its own device.

    Args:
        optimizer: of :func:`make_optimizer`, for the same weights.
        saved: what ``state_dict()`` gave.

    Raises:
        KeyError, RuntimeError, TypeError, ValueError: the state is that of other weights, or of another optimizer.
    """
    groups = []
    for number, group in enumerate(saved["param_groups"]):
        own = optimizer.param_groups[number] if number < len(optimizer.param_groups) else {}
        kept = {name: value for name, value in group.items() if name not in IMPLEMENTATION}
        groups.append(kept | {name: own[name] for name in IMPLEMENTATION if name in own})
    optimizer.load_state_dict({**saved, "param_groups": groups})
