"""The toy as a task."""

from typing import Any

from torch import Tensor

from finetune_tts.data.batch import Batch
from finetune_tts.tasks.task import TTSTask


class ToyTask(TTSTask):
    """The mean spectrum of a clip is learned."""

    def run_network(self, batch: Batch) -> Tensor:
        """Draw the batch."""
        return self.network(batch.token_ids)

    def losses(self, outputs: Any, batch: Batch) -> dict[str, Tensor]:
        """``loss``: the distance of the mean spectra."""
        return {"loss": (outputs.mean(dim=1) - batch.mels.mean(dim=1)).abs().mean()}
