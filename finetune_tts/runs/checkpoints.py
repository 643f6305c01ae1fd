"""The weight files of a run: under which names, and which are thrown away."""

import logging
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune_tts.checkpoints.finding import numbered
from finetune_tts.checkpoints.writing import prune, write_checkpoint
from finetune_tts.errors import UserError
from finetune_tts.files import give_name
from finetune_tts.runs.folder import BEST_MODELS, BEST_NAME, CHECKPOINTS

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunFiles:
    """Writes the checkpoints of a run, under 🐸TTS's names. Old ones go only when the new one stands.

    Attributes:
        folder: of the run.
        keep: checkpoints to keep, beside the best model; 0 for all.
        keep_all_best: keep every model that was the best once.
    """

    folder: Path
    keep: int
    keep_all_best: bool = False

    def write_checkpoint(self, step: int, payload: Mapping[str, Any]) -> Path:
        """Write ``checkpoint_<step>.pth``, and throw away the oldest beyond :attr:`keep`.

        Raises:
            UserError: the disk is full, or cannot be written to.
        """
        path = self.folder / f"checkpoint_{step}.pth"
        write_checkpoint(path, payload)
        if self.keep > 0:
            prune(self.folder, self.keep)
        logger.info("Checkpoint: %s", path)
        return path

    def write_best(self, step: int, payload: Mapping[str, Any]) -> Path:
        """Write ``best_model_<step>.pth``, make ``best_model.pth`` the same file, and throw away the one before.

        Raises:
            UserError: the disk is full, or cannot be written to.
        """
        path = self.folder / f"best_model_{step}.pth"
        write_checkpoint(path, payload)
        give_name(path, self.folder / BEST_NAME)
        if not self.keep_all_best:
            for _, old in numbered(self.folder, BEST_MODELS):
                if old != path:
                    old.unlink(missing_ok=True)
        logger.info("Best model so far: %s", path)
        return path


def newest_checkpoint(folder: Path) -> Path:
    """The file that a run goes on from: the one of the highest step, checkpoint or best model.

    Raises:
        UserError: no run there, or one that has written none yet.
    """
    if not folder.is_dir():
        raise UserError(f"--continue_path {folder}: no such folder. Give the folder of a run.")
    # At the same step the checkpoint was written last.
    found = [(step, pattern is CHECKPOINTS, path)
             for pattern in (BEST_MODELS, CHECKPOINTS) for step, path in numbered(folder, pattern)]  # fmt: skip
    if not found:
        raise UserError(
            f"--continue_path {folder}: no checkpoint there (checkpoint_<step>.pth or best_model_<step>.pth), "
            "so there is nothing to go on from. Start a new run."
        )
    return max(found)[2]


def continue_command(folder: Path) -> str:
    """What a person types to go on with a run."""
    relative = os.path.relpath(folder)
    return f"tts-finetune --continue_path {shlex.quote(str(folder) if relative.startswith('..') else relative)}"
