"""The loss that decides which model is the best."""

from collections.abc import Container, Mapping
from typing import Any

from finetune_tts.errors import UserError

OF_AVERAGE = "ema_"
"""Before the names of held-out losses: they are those of averaged weights."""


class TargetLoss:
    """Finds what decides among the losses of an evaluation.

    Args:
        asked: ``target_loss`` of the config.
        own: the task's, which stands in for it unless the user chose one.
        optimizers: of the task.
        chosen: config fields that the user set.
    """

    def __init__(self, asked: Any, own: str | None, optimizers: int, chosen: Container[str]) -> None:
        self._totals = ["loss"] if optimizers == 1 else [f"loss_{index}" for index in range(optimizers)]
        self.name = own or ("loss" if optimizers == 1 else None)
        """The loss; None where the mean of several totals decides."""
        # Released configs name the total of a discriminator or generator there, which says nothing about the sound.
        if asked and (own is None or "target_loss" in chosen):
            self.name = str(asked)

    def is_in(self, losses: Mapping[str, float]) -> bool:
        """Whether losses tell it: parts of a network that do not learn yet have none."""
        return self.name is None or self.name in losses

    def of(self, losses: Mapping[str, float]) -> float | None:
        """Its value; None where nothing is measured yet, or a part does not learn yet.

        Raises:
            UserError: there is no such loss.
        """
        if self.name is not None and self.name in losses:
            return losses[self.name]
        if any(total not in losses for total in self._totals):
            return None
        if self.name is not None:
            raise UserError(f"--coqpit.target_loss {self.name}: no such loss. There are {', '.join(losses)}.")
        return sum(losses[total] for total in self._totals) / len(self._totals)

    def best_of(self, losses: Mapping[str, float]) -> float | None:
        """The lower one of what the weights reach that are trained, and their average."""
        averaged, trained = self._of_both(losses)
        return averaged if averaged is not None and trained is not None and averaged < trained else trained

    def prefers_average(self, losses: Mapping[str, float]) -> bool:
        """Whether averaged weights are better than those that are trained."""
        averaged, trained = self._of_both(losses)
        return averaged is not None and trained is not None and averaged < trained

    def _of_both(self, losses: Mapping[str, float]) -> tuple[float | None, float | None]:
        marked = {name for name in losses if name.startswith(OF_AVERAGE)}
        averaged = {name.removeprefix(OF_AVERAGE): losses[name] for name in marked}
        return self.of(averaged), self.of({name: losses[name] for name in losses if name not in marked})
