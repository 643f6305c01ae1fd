"""The weight files of a run: under which names, and which are thrown away."""

import logging
import os
import shlex
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune_tts.checkpoints.finding import numbered
from finetune_tts.checkpoints.reading import Checkpoint, read_checkpoint
from finetune_tts.checkpoints.writing import prune, write_checkpoint
from finetune_tts.errors import UserError
from finetune_tts.files import give_name
from finetune_tts.runs.folder import BEST_MODELS, BEST_NAME, CHECKPOINTS, RUN_STATE

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunFiles:
    """Writes the checkpoints of a run, under 🐸TTS's names. Old ones go only when the new one stands.

    Attributes:
        folder: of the run.
        keep: checkpoints to keep, beside the best model; 0 for all.
        keep_all_best: keep every model that was the best once.
        written: told of each file once it is whole: its step, its path, and whether it is the best model.
    """

    folder: Path
    keep: int
    keep_all_best: bool = False
    written: Callable[[int, Path, bool], None] = lambda step, path, is_best: None

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
        self.written(step, path, False)
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
        self.written(step, path, True)
        return path

    def set_aside(self, damaged: Sequence[Path]) -> bool:
        """Give damaged weights of this run a name under which nobody takes them for a checkpoint.

        They would count among those that are kept, and a whole one be thrown away for them.

        Returns:
            Whether ``best_model.pth`` was one of them.
        """
        best = self.folder / BEST_NAME
        lost = best.exists() and any(path.exists() and path.samefile(best) for path in damaged)
        for path in damaged:
            if path.exists():
                os.replace(path, path.with_name(f"{path.name}.damaged"))
        if lost:
            best.unlink()
        return lost


def newest_checkpoint(folder: Path) -> Path:
    """The file of the highest step, checkpoint or best model (raises as :func:`read_newest`)."""
    return _newest_first(folder)[0]


def read_newest(folder: Path) -> tuple[Checkpoint, list[Path]]:
    """Read what a run is resumed from: the newest of its checkpoints and best models that is whole.

    Returns:
        It, and the newer ones, which are damaged; a warning says so.

    Raises:
        UserError: no run there, one that has written none yet, or none that can be read.
    """
    faults: dict[Path, UserError] = {}
    found = _newest_first(folder)
    for path in found:
        try:
            _require_whole(path)
            checkpoint = read_checkpoint(path)
        except UserError as error:
            if isinstance(error.__cause__, PermissionError):
                raise
            faults[path] = error
            continue
        if RUN_STATE not in checkpoint.extra and BEST_MODELS.fullmatch(path.name) and path != found[-1]:
            continue  # it is kept for speaking alone; an older checkpoint tells where the run stood
        for fault in faults.values():
            logger.warning("%s Resuming from the older %s.", fault, path.name)
        return checkpoint, list(faults)
    raise next(iter(faults.values()))


def _require_whole(path: Path) -> None:
    """Compare a checkpoint with the checksums in it: reading alone does not notice a tensor that has changed."""
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except (zipfile.BadZipFile, OSError, RuntimeError, EOFError, NotImplementedError, zlib.error):
        return  # reading it says what it is
    if broken is not None:
        raise UserError(f"{path}: is damaged ({broken} does not fit its checksum).")


def _newest_first(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UserError(f"--continue_path {folder}: no such folder. Give the folder of a run.")
    # At the same step the checkpoint was written last.
    found = [(step, pattern is CHECKPOINTS, path)
             for pattern in (BEST_MODELS, CHECKPOINTS) for step, path in numbered(folder, pattern)]  # fmt: skip
    if not found:
        raise UserError(
            f"--continue_path {folder}: no checkpoint there (checkpoint_<step>.pth or best_model_<step>.pth), "
            "so there is nothing to resume from. Start a new run."
        )
    return [path for _, _, path in sorted(found, reverse=True)]


def continue_command(folder: Path) -> str:
    """What the user types to resume a run."""
    relative = os.path.relpath(folder)
    return f"tts-finetune --continue_path {shlex.quote(str(folder) if relative.startswith('..') else relative)}"
