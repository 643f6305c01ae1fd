"""A Tacotron with Capacitron as a task: the network descends, and beta, its multiplier, climbs by its own optimizer.

The config names both optimizers in ``optimizer_params``, the network's first, each with its arguments; the second's
rate stands among them. See :mod:`finetune_tts.families.tacotron.capacitron` for what they do.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from finetune_tts.errors import UserError
from finetune_tts.families.tacotron.task import TacotronTask
from finetune_tts.tasks.optimizers import make_optimizer
from finetune_tts.tasks.schedules import Schedule

#: Places of the optimizers, in 🐸TTS's order.
NETWORK, BETA = 0, 1

_BETA_LOSS = "capacitron_vae_beta_loss"


class CapacitronTask(TacotronTask):
    """The losses of a Tacotron, and ``capacitron_vae_beta_loss``, which is beta's alone and no part of ``loss``."""

    optimizer_names = ("network", "beta")
    best_loss_name = "loss"

    @property
    def beta(self) -> nn.Parameter:
        """The multiplier."""
        parameter: nn.Parameter = self.network.get_parameter("capacitron_vae_layer.beta")
        return parameter

    def parts_at(self, step: int, warm_up: int = 0) -> tuple[int, ...]:
        """Both learn at each step."""
        return NETWORK, BETA

    def part_losses(self, batch: Any, parts: Sequence[int]) -> tuple[Any, dict[int, dict[str, Tensor]]]:
        """One pass for both; see :meth:`TTSTask.part_losses`."""
        outputs = self.run_network(batch)
        losses = self.losses(outputs, batch)
        found = {NETWORK: losses, BETA: {"loss": losses[_BETA_LOSS]}}
        return outputs, {part: found[part] for part in parts}

    def recorded(self, losses: dict[str, Tensor], part: int) -> dict[str, Tensor]:
        """The network's losses as they are; beta's is among them."""
        return losses if part == NETWORK else {}

    def get_optimizer(self) -> list[torch.optim.Optimizer]:
        """The two optimizers that the config names.

        Raises:
            UserError: it does not name two, or one that there is not.
        """
        params = self.config.optimizer_params
        if not isinstance(params, dict) or len(params) != 2 or not all(isinstance(of, dict) for of in params.values()):
            raise UserError(
                f"--coqpit.optimizer_params {params}: a network with Capacitron has two optimizers, for example "
                '\'{"RAdam": {"betas": [0.9, 0.998], "weight_decay": 1e-6}, "SGD": {"lr": 1e-5, "momentum": 0.9}}\'.'
            )
        (name, of_network), (name_of_beta, of_beta) = params.items()
        of_beta = dict(of_beta)
        rate = of_beta.pop("lr", None)
        if not isinstance(rate, int | float):
            raise UserError(f"--coqpit.optimizer_params.{name_of_beta}.lr {rate}: the rate of beta must be a number.")
        factors = self.rate_factors()
        rest = (parameter for parameter in self.network.parameters() if parameter is not self.beta)
        return [
            make_optimizer(name, rest, self.get_lr(), of_network, factors=factors, what="network"),
            make_optimizer(name_of_beta, [self.beta], float(rate), of_beta, factors=factors, what="beta"),
        ]

    def released_states(self, states: list[Any]) -> list[Any]:
        """Both in one: to 🐸TTS they are one optimizer."""
        return [states]

    def own_states(self, saved: list[Any]) -> list[Any]:
        """The two again."""
        (states,) = saved
        return list(states)

    def make_schedules(
        self, optimizers: list[torch.optim.Optimizer], *, restored: bool, chosen: frozenset[str]
    ) -> list[Schedule]:
        """The config's schedule for the network; beta's rate stays."""
        schedules = super().make_schedules(optimizers[:1], restored=restored, chosen=chosen)
        rate = float(optimizers[BETA].param_groups[0]["lr"])
        return [*schedules, Schedule(None, schedules[0].after_epoch, rate, "no schedule: the rate stays")]

    def changed_rates(self, changed: frozenset[str]) -> list[float | None]:
        """``lr`` is the network's."""
        return [*super().changed_rates(changed), None]

    def gradient_clips(self, from_config: list[float]) -> list[float]:
        """The tighter one of ``grad_clip`` and ``capacitron_grad_clip`` for the network; beta's gradient is not cut."""
        bounds = [from_config[NETWORK], float(self.config.capacitron_vae.capacitron_grad_clip)]
        return [min((bound for bound in bounds if bound > 0), default=0.0), 0.0]
