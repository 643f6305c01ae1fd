"""An exponential moving average of the weights: smoother than any step's, and often better held out.

As in Polyak and Juditsky (1992), with a decay that rises from a tenth to the one asked for, so that the first steps,
from weights that are far from where the run will be, do not count for long.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

AVERAGED, TRAINED = "ema", "trained"
"""In a checkpoint: the averaged weights; and where ``model`` is the average, the weights that are trained."""


class WeightAverage:
    """The moving average of some weights.

    Args:
        weights: that learn, by name.
        decay: share of the average that stays at a step.
        new_rows: rows, by name of their weight, that were drawn for this run. They are taken as they are until the
            average reaches over so many steps that how they began no longer counts.

    Attributes:
        steps: that were averaged.
        is_in_use: the network has the average, and this the weights that are trained.
    """

    def __init__(
        self, weights: Mapping[str, nn.Parameter], decay: float, new_rows: Mapping[str, Sequence[int]] | None = None
    ) -> None:
        self._weights = dict(weights)
        self._decay = decay
        self._new_rows = {name: list(rows) for name, rows in (new_rows or {}).items() if name in self._weights}
        self._others = {name: weight.detach().clone() for name, weight in self._weights.items()}
        self.steps = 0
        self.is_in_use = False

    @torch.no_grad()
    def update(self) -> None:
        """Take a step's weights in."""
        decay = min(self._decay, (1 + self.steps) / (10 + self.steps))
        average: list[Tensor] = list(self._others.values())
        get_ema_multi_avg_fn(decay)(average, list(self._weights.values()), self.steps)
        if self.steps * (1 - self._decay) < 1:
            for name, rows in self._new_rows.items():
                self._others[name][rows] = self._weights[name][rows]
        self.steps += 1

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Give the network the average in this block, and back what is trained afterwards."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def checkpoint_fields(self) -> dict[str, dict[str, Tensor]]:
        """What a checkpoint has to hold beside the network's weights."""
        return {TRAINED if self.is_in_use else AVERAGED: dict(self._others)}

    @torch.no_grad()
    def load(self, fields: Mapping[str, Mapping[str, Tensor]], steps: int) -> None:
        """Stand where a checkpoint was written, whose weights the network has already.

        Args:
            fields: of the checkpoint.
            steps: that had been averaged.

        Raises:
            KeyError, RuntimeError: the checkpoint holds no average, or one of other weights.
        """
        saved = fields[TRAINED if TRAINED in fields else AVERAGED]
        for name, tensor in self._others.items():
            tensor.copy_(saved[name])
        if TRAINED in fields:
            self._exchange()
            self.is_in_use = False
        self.steps = steps

    @torch.no_grad()
    def _exchange(self) -> None:
        for name, weight in self._weights.items():
            kept = weight.detach().clone()
            weight.copy_(self._others[name])
            self._others[name].copy_(kept)
        self.is_in_use = not self.is_in_use


def average_of(
    network: nn.Module, optimizer: torch.optim.Optimizer, decay: float, new_rows: Mapping[str, Sequence[int]]
) -> WeightAverage | None:
    """The moving average of what an optimizer trains of a network; None for a decay of 0."""
    if not decay:
        return None
    trained = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
    named = {name: weight for name, weight in network.named_parameters() if id(weight) in trained}
    return WeightAverage(named, decay, new_rows)
