"""What is exported, and what an export answers."""

from dataclasses import dataclass
from pathlib import Path

from finetune_tts.checkpoints.finding import find_weights
from finetune_tts.synthesis.loading import load_voice
from finetune_tts.synthesis.voice import Voice


@dataclass(frozen=True)
class Source:
    """A model that is exported.

    Attributes:
        weights: its checkpoint.
        config_path: its config; None for the one beside the checkpoint.
        folder: where files are written.
    """

    weights: Path
    config_path: Path | None
    folder: Path

    def voice(self) -> Voice:
        """The model, loaded on the CPU.

        Raises:
            UserError: it cannot be loaded, or is not one that speaks.
        """
        return load_voice(self.weights, self.config_path)


@dataclass(frozen=True)
class Shared:
    """What an export has written.

    Attributes:
        files: that it has written.
        remarks: lines that the user wants to know.
    """

    files: tuple[Path, ...]
    remarks: tuple[str, ...] = ()


def source_of(model_path: Path, config_path: Path | None = None, folder: Path | None = None) -> Source:
    """What is exported.

    Args:
        model_path: folder of a run or a release, or a checkpoint.
        config_path: its config; by default the one beside it.
        folder: where files are written; by default beside the checkpoint. It is made if it is not there.

    Raises:
        UserError: there is no checkpoint.
    """
    weights = find_weights(model_path)
    return Source(weights, config_path, folder or weights.parent)
