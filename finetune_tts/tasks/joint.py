"""Tasks of several optimizers whose losses all come out of one pass of the network."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from finetune_tts.tasks.task import TTSTask, numbered_losses


class JointTask(TTSTask):
    """A network of parts, each with an optimizer and a loss of its own, that step together.

    How often, and with which gradients, is the business of :mod:`finetune_tts.training.joint_step`.
    """

    @abstractmethod
    def part_losses(self, batch: Any, parts: Sequence[int]) -> tuple[Any, dict[int, dict[str, Tensor]]]:
        """Run the network once; return its outputs, and what each of ``parts`` minimises.

        Nothing has to be detached: each loss is differentiated with respect to the weights of its own part alone.

        Args:
            batch: on the network's device.
            parts: places of the optimizers.

        Returns:
            The outputs, and for each part its losses by name, as of :meth:`TTSTask.losses`.
        """

    def recorded(self, losses: dict[str, Tensor], part: int) -> dict[str, Tensor]:
        """The losses of one part under the names that history and dashboard have."""
        return numbered_losses(losses, part)

    def held_out_losses(self, batch: Any, criteria: Sequence[nn.Module]) -> tuple[Any, dict[str, Tensor]]:
        """Outputs and all losses of a held-out batch, from one pass."""
        outputs, found = self.part_losses(batch, range(len(criteria)))
        named: dict[str, Tensor] = {}
        for part, losses in found.items():
            named.update(self.recorded(losses, part))
        return outputs, named
