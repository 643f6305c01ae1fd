"""RAdam (Liu et al. 2020, "On the Variance of the Adaptive Learning Rate and Beyond"), fast on a CPU.

torch's own goes over the weights some ten times a step there. But past its first steps RAdam is Adam with another
learning rate, and for Adam torch has one kernel that goes over the weights once.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.optim.adam import adam


class RAdam(torch.optim.RAdam):
    """torch's RAdam, with its arguments and its state."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Step, with Adam's kernel where it gives what RAdam's formula does."""
        if closure is not None or not all(self._is_adam(group) for group in self.param_groups):
            return super().step(closure)
        for group in self.param_groups:
            self._step_as_adam(group)
        return None

    def _is_adam(self, group: dict[str, Any]) -> bool:
        """Whether all weights of a group lie on the CPU and have made the same number of steps, and enough."""
        weights = _moved(group)
        plain = all(
            weight.device.type == weight.grad.device.type == "cpu"
            and weight.is_floating_point()
            and not weight.grad.is_sparse
            for weight in weights
        )
        if not plain or group["maximize"] or group["differentiable"] or torch.is_tensor(group["lr"]):
            return False
        steps = {float(self.state[weight].get("step", 0.0)) for weight in weights}
        return len(steps) < 2 and all(_trust(step + 1, group["betas"][1]) > 0 for step in steps)

    def _step_as_adam(self, group: dict[str, Any]) -> None:
        weights = _moved(group)
        if not weights:
            return
        states = [self.state[weight] for weight in weights]
        decoupled = bool(group["decoupled_weight_decay"])
        beta1, beta2 = group["betas"]
        step = float(states[0]["step"]) + 1
        trust = _trust(step, beta2)
        adam(
            weights,
            [weight.grad for weight in weights],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            fused=True,
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=group["lr"] * trust,
            # The decay goes by the rate as it was set.
            weight_decay=group["weight_decay"] / trust if decoupled else group["weight_decay"],
            decoupled_weight_decay=decoupled,
            # Adam adds it after the second moment is corrected, RAdam before.
            eps=group["eps"] / math.sqrt(1 - beta2**step),
            maximize=False,
        )


def _moved(group: dict[str, Any]) -> list[Any]:
    """The weights of a group that have a gradient."""
    return [weight for weight in group["params"] if weight.grad is not None]


def _trust(step: float, beta2: float) -> float:
    """How far the adaptive rate is to be trusted at ``step`` (from 1), section 4.2; 0 where it is not to be used."""
    longest = 2 / (1 - beta2) - 1
    length = longest - 2 * step * beta2**step / (1 - beta2**step)
    if length <= 5:
        return 0.0
    ratio = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
    return math.sqrt(ratio)
