"""Which file of a folder holds the weights."""

import difflib
import os
import re
from pathlib import Path

from finetune_tts.errors import UserError

# In the order in which they are taken: a release's own name first, then the best of a run, then its last.
FIXED_NAMES = (
    "model_file.pth",
    "model_file.pth.tar",
    "model.pth",
    "best_model.pth",
    "model.safetensors",
    "pytorch_model.bin",
)
_LAST_OF_LIGHTNING = "last.ckpt"
_NUMBERED = (
    re.compile(r"best_model_(\d+)\.pth"),
    re.compile(r"checkpoint_(\d+)\.pth"),
    re.compile(r"G_(\d+)\.pth"),
    re.compile(r"epoch=\d+-step=(\d+)\.ckpt"),
)
_SHOWN = 6


def numbered(folder: Path, pattern: re.Pattern[str]) -> list[tuple[int, Path]]:
    """The files of ``folder`` whose whole name matches ``pattern``, with the number in it, lowest first."""
    found = [(match, path) for path in folder.iterdir() if (match := pattern.fullmatch(path.name)) and path.is_file()]
    return sorted((int(match.group(1)), path) for match, path in found)


def weights_in(folder: Path) -> Path | None:
    """The weight file of ``folder``, or None.

    Taken in this order: ``model_file.pth``, ``model_file.pth.tar``, ``model.pth``, ``best_model.pth``,
    ``model.safetensors``, the ``best_model_<step>.pth``, ``checkpoint_<step>.pth``, ``G_<step>.pth`` or
    ``epoch=<epoch>-step=<step>.ckpt`` with the highest step; the only ``.ckpt``, or ``last.ckpt``.
    """
    for name in FIXED_NAMES:
        if (folder / name).is_file():
            return folder / name
    for pattern in _NUMBERED:
        found = numbered(folder, pattern)
        if found:
            return found[-1][1]
    others = sorted(folder.glob("*.ckpt"))
    if len(others) > 1:
        others = [path for path in others if path.name == _LAST_OF_LIGHTNING]
    return others[0] if others else None


def find_weights(path: str | Path) -> Path:
    """The weight file that ``path`` means: itself, or the one of a folder (see `weights_in`).

    Raises:
        UserError: nothing is there (the nearest names are given), the folder cannot be read, is empty or holds none.
    """
    path = Path(path)
    try:
        if path.is_file():
            return path
        if not path.is_dir():
            if path.exists():  # a pipe or a device, whose end may never come
                raise UserError(f"{path}: is no file. Give the folder or the file that holds the weights.")
            raise UserError(_missing(path))
        found = weights_in(path)
        entries = sorted(entry.name + "/" * entry.is_dir() for entry in path.iterdir())
        below = [entry for entry in entries if entry.endswith("/") and weights_in(path / entry)]
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). Check its permissions.") from error
    if found is not None:
        return found
    if not entries:
        raise UserError(f"{path}: the folder is empty. Give the folder or the file that holds the weights.")
    if below:
        raise UserError(f"{path}: holds no weights itself, but {_listed(below)} does. Give that folder.")
    raise UserError(
        f"{path}: holds no weights, only {_listed(entries)}. "
        f"Expected {', '.join(FIXED_NAMES)}, best_model_<step>.pth, checkpoint_<step>.pth or one .ckpt."
    )


def _missing(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        while not folder.is_dir():
            folder = folder.parent
        return f"{path}: does not exist; the part that does is {folder}. Check the path."
    names = os.listdir(folder)
    near = difflib.get_close_matches(path.name, names, n=3, cutoff=0.5)
    if not near:
        near = sorted(name for name in names if name.endswith((".pth", ".pth.tar", ".pt", ".safetensors", ".ckpt")))[:3]
    hint = f"Did you mean {' or '.join(near)}?" if near else "No weight file is there."
    return f"{path}: does not exist in {folder}. {hint}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
