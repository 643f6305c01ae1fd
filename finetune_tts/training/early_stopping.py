"""The end of a run whose held-out loss does not fall any more."""

import logging
import math
from collections.abc import Mapping
from typing import Any

from finetune_tts.errors import UserError

logger = logging.getLogger(__name__)


class EarlyStopping:
    """Counts the evaluations since the held-out loss was lowest.

    Args:
        patience: evaluations without a new lowest loss after which the run ends; None never ends it.

    Raises:
        UserError: a patience below 1.
    """

    def __init__(self, patience: int | None = None) -> None:
        if patience is not None and patience < 1:
            raise UserError(f"--early_stop_patience {patience}: must be 1 or more evaluations.")
        self.patience = patience
        self.waited = 0
        self.lowest = math.inf

    @property
    def exhausted(self) -> bool:
        """Whether the run is to end."""
        return self.patience is not None and self.waited >= self.patience

    def measured(self, loss: float) -> None:
        """Take a held-out loss into account; one that is not finite is no improvement."""
        if loss < self.lowest:
            self.lowest, self.waited = loss, 0
        else:
            self.waited += 1

    def consider(self, loss: float) -> None:
        """Take a held-out loss into account, and say so if the run is to end."""
        was_exhausted = self.exhausted
        self.measured(loss)
        if self.exhausted and not was_exhausted:
            logger.info(
                "The held-out loss has not fallen below %.4f for %d evaluations: the run ends here, as "
                "--early_stop_patience says.",
                self.lowest,
                self.waited,
            )

    def state_dict(self) -> dict[str, Any]:
        """What has been seen, to continue later."""
        return {"patience": self.patience, "waited": self.waited, "lowest": self.lowest}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from ``state``, with its patience where there is none of one's own."""
        self.patience = state["patience"] if self.patience is None else self.patience
        self.waited, self.lowest = int(state["waited"]), float(state["lowest"])
