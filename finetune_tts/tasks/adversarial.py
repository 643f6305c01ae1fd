"""Adversarial training as a task: a generator, a discriminator that judges it, and an optimizer for each.

A task of this kind says how the generator runs, how the discriminator looks at recordings and at what was generated,
and which losses follow; how a step is made of them is the business of :mod:`finetune_tts.training.step`.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from finetune_tts.tasks.adversarial_rates import PARTS, RATE_FIELDS, rate_of, schedule_settings
from finetune_tts.tasks.optimizers import make_optimizer
from finetune_tts.tasks.schedules import Schedule, make_schedule
from finetune_tts.tasks.task import Criterion, TTSTask

WARM_UP_SHARE = 0.1
LONGEST_WARM_UP = 1000

#: Places of the optimizers, in 🐸TTS's order: checkpoints of both programs hold their states so.
DISCRIMINATOR, GENERATOR = 0, 1


def warm_up_for(total_steps: int) -> int:
    """How many steps a fresh discriminator learns alone in a run of ``total_steps``."""
    return min(LONGEST_WARM_UP, round(total_steps * WARM_UP_SHARE))


class AdversarialTask(TTSTask):
    """A network of which one part judges what the rest generates.

    The losses are named ``loss_0`` (discriminator) and ``loss_1`` (generator) in history and on the dashboard.
    """

    optimizer_names = ("discriminator", "generator")
    main_optimizer = GENERATOR
    best_loss_name: str
    """The loss that tells how a model sounds: without what the discriminator thinks, which is a moving target."""

    @property
    @abstractmethod
    def discriminator(self) -> nn.Module:
        """The part of the network that judges."""

    @abstractmethod
    def judge(self, outputs: Any, batch: Any) -> Any:
        """The discriminator's scores and features, of what was generated and of the recordings.

        One look serves both losses. Nothing has to be detached: each loss is differentiated with respect to the
        weights of its own part alone.

        Args:
            outputs: of :meth:`run_network`, the generator's pass over ``batch``.
            batch: on the network's device.
        """

    @abstractmethod
    def discriminator_losses(self, judgement: Any) -> dict[str, Tensor]:
        """What the discriminator minimises, as ``loss``, and parts of it by name."""

    @abstractmethod
    def generator_losses(self, outputs: Any, batch: Any, judgement: Any | None) -> dict[str, Tensor]:
        """What the generator minimises, as ``loss``, and parts of it by name, :attr:`best_loss_name` among them.

        Args:
            outputs: of :meth:`run_network`.
            batch: on the network's device.
            judgement: of :meth:`judge`; None while the generator learns without a discriminator.
        """

    def part_losses(self, batch: Any, parts: Sequence[int]) -> tuple[Any, dict[int, dict[str, Tensor]]]:
        """The generator runs once, the discriminator looks once; see :meth:`TTSTask.part_losses`."""
        # A generator that stays as it is needs no graph.
        with nullcontext() if GENERATOR in parts else torch.no_grad():
            outputs = self.run_network(batch)
        judgement = self.judge(outputs, batch) if DISCRIMINATOR in parts else None
        found = {}
        if DISCRIMINATOR in parts:
            found[DISCRIMINATOR] = self.discriminator_losses(judgement)
        if GENERATOR in parts:
            found[GENERATOR] = self.generator_losses(outputs, batch, judgement)
        return outputs, found

    def generator_parameters(self) -> Iterator[nn.Parameter]:
        """The weights that learn and are not the discriminator's."""
        judging = {id(parameter) for parameter in self.discriminator.parameters()}
        learning = (parameter for parameter in self.network.parameters() if parameter.requires_grad)
        return (parameter for parameter in learning if id(parameter) not in judging)

    def parts_at(self, step: int, warm_up: int = 0) -> tuple[int, ...]:
        """The generator alone in the first steps, if the config wants that; then the discriminator alone; then both."""
        alone = self.steps_before_discriminator()
        if step <= alone:
            return (GENERATOR,)
        return (DISCRIMINATOR,) if step <= alone + warm_up else (DISCRIMINATOR, GENERATOR)

    def steps_before_discriminator(self) -> int:
        """Steps in which the generator learns alone, from the recordings (``steps_to_start_discriminator``)."""
        return int(getattr(self.config, "steps_to_start_discriminator", 0) or 0)

    def losses(self, outputs: Any, batch: Any) -> dict[str, Tensor]:
        """What the generator minimises, judged by the discriminator."""
        return self.generator_losses(outputs, batch, self.judge(outputs, batch))

    # What the PyPI trainer asks of a model. ------------------------------------------------------------------------

    def train_step(self, batch: Any, criterion: Any, optimizer_idx: int | None = None) -> tuple[Any, dict[str, Tensor]]:
        """Outputs and losses of one part; a run does not come through here, as it computes both parts at once."""
        outputs = self.run_network(batch)
        return outputs, criterion(outputs, batch)

    def get_criterion(self) -> list[nn.Module]:  # type: ignore[override]  # one for each optimizer
        """The two objectives."""
        return [Criterion(lambda outputs, batch: self.discriminator_losses(self.judge(outputs, batch))),
                Criterion(self.losses)]  # fmt: skip

    def get_lr(self) -> list[float]:  # type: ignore[override]
        """The rates that the config names, ``lr_disc`` and ``lr_gen``."""
        return [rate_of(self.config, part) for part in PARTS]

    def get_optimizer(self) -> list[torch.optim.Optimizer]:
        """The config's optimizer for each part."""
        config, rates = self.config, self.get_lr()
        factors = self.rate_factors()
        parts = (self.discriminator.parameters(), self.generator_parameters())
        return [
            make_optimizer(config.optimizer, part, rate, config.optimizer_params, factors=factors, what=name)
            for name, part, rate in zip(self.optimizer_names, parts, rates, strict=True)
        ]

    def make_schedules(
        self, optimizers: list[torch.optim.Optimizer], *, restored: bool, chosen: frozenset[str]
    ) -> list[Schedule]:
        """The schedule of each part: ``lr_scheduler_disc`` and ``lr_scheduler_gen`` with their ``_params``."""
        schedules = []
        for part, optimizer in zip(PARTS, optimizers, strict=True):
            settings = schedule_settings(self.config, part, chosen)
            schedules.append(
                make_schedule(
                    optimizer,
                    settings.name,
                    settings.params,
                    after_epoch=self.config.scheduler_after_epoch,
                    restored=restored,
                    chosen=settings.chosen,
                    field=settings.field,
                )
            )
        return schedules

    def changed_rates(self, changed: frozenset[str]) -> list[float | None]:
        """The rates that the user set for a run that is resumed; None where that part keeps its own."""
        return [rate if changed & {"lr", name} else None for name, rate in zip(RATE_FIELDS, self.get_lr(), strict=True)]
