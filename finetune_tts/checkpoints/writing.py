"""Writing weight files: in the released form, whole or not at all, readable with ``weights_only=True``.

payload = released_payload(model=network.state_dict(), config=config.to_dict(), step=1000, epoch=3)
write_checkpoint(run / "checkpoint_1000.pth", payload)
prune(run, keep=5)
"""

import datetime
import errno
import logging
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import torch

from finetune_tts.checkpoints.finding import numbered
from finetune_tts.checkpoints.names import released_names
from finetune_tts.errors import UserError
from finetune_tts.files import replacing
from finetune_tts.machine.gradients import is_shared_out

logger = logging.getLogger(__name__)

_CHECKPOINT = re.compile(r"checkpoint_(\d+)\.pth")
_UNFINISHED = re.compile(r"\.(checkpoint|best_model)[^/]*\.pth\.[^./]+\.part")
_BYTES_PER_TENSOR = 512  # name, shape, zip entry and alignment of one tensor; measured 300 to 450
_RESERVE = 16 * 2**20  # bytes left free beyond what a file needs: logs and samples are written beside it


def released_payload(
    *,
    model: Mapping[str, torch.Tensor],
    config: Mapping[str, Any],
    step: int,
    epoch: int,
    optimizer: Any = None,
    scheduler: Any = None,
    scaler: Any = None,
    model_loss: Any = None,
    **extra: Any,
) -> dict[str, Any]:
    """The dictionary that a released checkpoint is.

    Args:
        model: the network's state dict.
        config: the config as plain values.
        step, epoch: how far the training has come.
        optimizer, scheduler, scaler: state dicts, or lists of them.
        model_loss: a number, or a dictionary of them.
        extra: further fields, such as what a run needs to resume exactly where it stopped.
    """
    return {
        "config": config,
        "model": model,
        "optimizer": optimizer,
        "scheduler": scheduler,
        "scaler": scaler,
        "step": step,
        "epoch": epoch,
        "date": datetime.date.today().strftime("%B %d, %Y"),
        "model_loss": model_loss,
        **extra,
    }


def write_checkpoint(path: str | Path, payload: Mapping[str, Any], *, half: bool = False) -> None:
    """Write ``payload`` to ``path``, whole or not at all.

    Weight norm gets its released names, tensors go to the CPU, paths become strings and numpy numbers Python ones, so
    that ``torch.load(path, weights_only=True)`` reads the file without an allow-list.

    Args:
        path: the file; its folder must exist.
        payload: see `released_payload`; ``model`` must be there.
        half: store the model's float tensors in half precision, for a model to give away (half the size). A tensor
            with a value that half precision cannot hold stays as it is. Optimizer states are never rounded.

    Raises:
        UserError: the disk has not enough room (need and free space are named) or the folder cannot be written to.
        TypeError: the payload holds something that is neither a tensor nor a plain value; its place is named.
    """
    path = Path(path)
    content = _savable(payload, "")
    content["model"] = released_names(content["model"])
    if half:
        content["model"] = {name: halved(tensor) for name, tensor in content["model"].items()}
    needed = estimate_bytes(content)
    try:
        check_free_space(path.resolve().parent, needed)  # a link may lead to another disk
        with replacing(path) as file:
            torch.save(content, file)
    except (OSError, RuntimeError) as error:
        # torch's zip writer turns a failed write into a RuntimeError, with the OSError as its cause or not at all.
        raise _write_fault(path, needed, error) from error


def estimate_bytes(payload: Mapping[str, Any]) -> int:
    """The size of the file that `write_checkpoint` makes of ``payload``, to within a few percent."""
    storages: dict[int, int] = {}
    tensors = _collect(payload, storages)
    return sum(storages.values()) + _BYTES_PER_TENSOR * tensors


def estimate_run_bytes(module: torch.nn.Module, *, kept: int, optimizer_states: int = 2) -> int:
    """The room that a run's checkpoints take at most.

    Args:
        module: the network.
        kept: how many ``checkpoint_*.pth`` are kept.
        optimizer_states: float32 numbers that the optimizer keeps per trained parameter; Adam keeps 2.

    Returns:
        Bytes of ``kept`` checkpoints, of the best model, of its copy under the plain name, and of one being written.
    """
    model = estimate_bytes({"model": module.state_dict()})
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    states = optimizer_states * sum(4 * parameter.numel() + _BYTES_PER_TENSOR for parameter in trained)
    return (kept + 3) * (model + states)


def check_free_space(folder: str | Path, needed: int) -> None:
    """Refuse to begin what will not fit.

    Raises:
        UserError: ``folder`` has less than ``needed`` bytes (and a small reserve) free.
    """
    free = shutil.disk_usage(folder).free
    if free < needed + _RESERVE:
        raise UserError(
            f"{folder}: not enough room on the disk: {readable(needed + _RESERVE)} needed, {readable(free)} free. "
            "Make room, keep fewer checkpoints (--coqpit.save_n_checkpoints), or choose another --coqpit.output_path."
        )


def prune(folder: str | Path, keep: int) -> list[Path]:
    """Delete all but the ``keep`` latest ``checkpoint_<step>.pth`` of a run, by step, and what a killed run half wrote.

    ``best_model*.pth`` and all other files stay. The caller must be the only one that writes to the folder.

    Returns:
        The checkpoints that were deleted, oldest first.

    Raises:
        ValueError: ``keep`` is not positive.
    """
    if keep < 1:
        raise ValueError(f"keep is {keep}; a run keeps at least one checkpoint")
    folder = Path(folder)
    removed = [path for _, path in numbered(folder, _CHECKPOINT)[:-keep]]
    for path in removed:
        path.unlink(missing_ok=True)
    for path in folder.iterdir():
        if _UNFINISHED.fullmatch(path.name):
            logger.info("Removing %s, which a killed run left unfinished", path)
            path.unlink(missing_ok=True)
    return removed


def readable(size: float) -> str:
    """Bytes in words: ``readable(310_000_000) == "310 MB"``."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def halved(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor in half precision; as it is where it holds no real numbers, or one that half precision cannot hold."""
    if tensor.dtype not in (torch.float32, torch.float64):
        return tensor
    rounded = tensor.half()
    return rounded if torch.equal(torch.isfinite(rounded), torch.isfinite(tensor)) else tensor


def _savable(value: Any, place: str) -> Any:
    """A copy of ``value`` made of exact plain types and tensors, which every restricted reader accepts."""
    if isinstance(value, torch.Tensor):
        tensor = value.detach().cpu()
        # torch.save writes the whole storage behind a tensor, so a view of a larger one would carry all of it along.
        whole = tensor.layout == torch.strided and (
            tensor.untyped_storage().nbytes() <= tensor.numel() * tensor.element_size()
        )
        return tensor if whole or tensor.layout != torch.strided else tensor.clone()
    if isinstance(value, Mapping):
        return {_savable(key, place): _savable(item, f"{place}.{key}".lstrip(".")) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_savable(item, f"{place}[{index}]") for index, item in enumerate(value)]
        return tuple(items) if isinstance(value, tuple) else items
    if isinstance(value, (set, frozenset)):
        return {_savable(item, place) for item in value}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, PurePath):
        return value.as_posix()
    if value is None or isinstance(value, (bool, bytes, complex, torch.dtype, torch.device)):
        return value
    for kind in (int, float, str):  # an enumeration's member becomes what it stands for
        if isinstance(value, kind):
            return kind(value)
    raise TypeError(f"a checkpoint holds tensors and plain values, but {place or 'it'} is a {type(value).__name__}")


def _collect(value: Any, storages: dict[int, int]) -> int:
    """Enter the storages of all tensors in ``value``, each once; return how many tensors there are."""
    if isinstance(value, torch.Tensor):
        if is_shared_out(value):  # which is written whole
            storages[id(value)] = value.numel() * value.element_size()
        elif value.layout == torch.strided:
            size = min(value.untyped_storage().nbytes(), value.numel() * value.element_size())
            storages[value.untyped_storage().data_ptr() or id(value)] = size
        return 1
    if isinstance(value, Mapping):
        return sum(_collect(item, storages) for item in value.values())
    if isinstance(value, (list, tuple)):
        return sum(_collect(item, storages) for item in value)
    return 0


def _write_fault(path: Path, needed: int, error: Exception) -> Exception:
    cause = error if isinstance(error, OSError) else error.__context__
    number = cause.errno if isinstance(cause, OSError) else None
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        free = readable(shutil.disk_usage(path.parent).free)
        return UserError(
            f"{path}: the disk is full or a quota is used up: {readable(needed)} needed, {free} free on the disk. "
            "The file was not written; make room and resume with --continue_path."
        )
    if number in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR):
        reason = os.strerror(number)
        return UserError(f"{path}: cannot be written ({reason}). Choose another folder: --coqpit.output_path.")
    return error
