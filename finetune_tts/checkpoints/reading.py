"""Reading weight files: released ones of every age, ours, and coqui-tts's; never running what a file asks for.

checkpoint = read_checkpoint("tts_models--en--ljspeech--glow-tts")  # a folder or a file
checkpoint.model["encoder.emb.weight"]                              # [num_symbols, hidden]
"""

import io
import logging
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import torch

from finetune_tts.checkpoints.allowlist import names_in_pickle, plain, refused, stand_ins
from finetune_tts.checkpoints.finding import find_weights
from finetune_tts.checkpoints.names import unwrapped_names
from finetune_tts.errors import UserError

logger = logging.getLogger(__name__)

_AGAIN = "Download or copy it again."
_LEGACY_PICKLES = 4  # magic number, protocol, system, the object; the bytes of the tensors follow
_LARGEST_PICKLE = 512 * 2**20  # bytes; a pickle holds names and shapes only, some hundred kB
_TORCH_REFUSED = re.compile(r"GLOBAL (\S+) was not an allowed global|load unsupported GLOBAL (\S+) ")


@dataclass(frozen=True)
class Checkpoint:
    """What a weight file holds. Everything but ``model`` may be missing, as it is in many releases.

    Attributes:
        path: the file.
        model: tensor name → tensor on the CPU, without the prefix of a wrapper; may be mapped from the file.
        config: the config that the weights were trained with, as plain values.
        step, epoch: how far the training had come.
        date: when it was written, as the file says it.
        model_loss: a number, or a dictionary of them.
        optimizer, scheduler, scaler: their states, of whatever form the writer used.
        extra: every other field of the file.
        non_finite: the names of tensors of ``model`` that hold NaN or infinity.
    """

    path: Path
    model: dict[str, torch.Tensor]
    config: dict[str, Any] | None = None
    step: int | None = None
    epoch: int | None = None
    date: str | None = None
    model_loss: Any = None
    optimizer: Any = None
    scheduler: Any = None
    scaler: Any = None
    extra: dict[str, Any] = field(default_factory=dict)
    non_finite: tuple[str, ...] = ()


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read the weights at ``path``: a file, or a folder (`finding.weights_in` says which of its files is taken).

    Both of torch's file formats are read, a checkpoint's dictionary as well as a plain state dict. Pickled objects
    other than tensors, plain values and those of `allowlist` are refused before anything is built.

    Args:
        path: a ``.pth`` file, the folder of a release or of a run.

    Returns:
        The content, on the CPU.

    Raises:
        UserError: nothing is there, it cannot be read, is cut off, is not a checkpoint, or its pickle would run code.
    """
    path = find_weights(path)
    try:
        with path.open("rb") as file:
            zipped = _check_kind(path, file)
            names = _names_in(path, file, zipped)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). Check its permissions.") from error
    unwelcome = refused(names)
    if unwelcome:
        raise UserError(_refusal(path, ", ".join(unwelcome[:5])))
    return _checkpoint(path, _load(path, zipped, names))


def _check_kind(path: Path, file: IO[bytes]) -> bool:
    """True for a zip, False for a bare pickle; anything else is an error that says what it is."""
    head = file.read(512)
    file.seek(0, io.SEEK_END)
    size = file.tell()
    file.seek(0)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        raise UserError(f"{path}: the file is empty (0 bytes). {_AGAIN}")
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise UserError(f"{path}: is a web page, not weights; a download went to the wrong address. {_AGAIN}")
    if head.startswith(b"version https://git-lfs"):
        raise UserError(f"{path}: is a pointer of Git LFS, not the weights themselves. Get them with: git lfs pull")
    if len(head) > 8 and head[8:9] == b"{" and 0 < int.from_bytes(head[:8], "little") < size:
        raise UserError(f"{path}: is a safetensors file. Convert it: torch.save(load_file(PATH), 'model_file.pth')")
    if head.startswith(b"PK\x03\x04"):
        return True
    if head.startswith(b"\x80"):
        return False
    raise UserError(f"{path}: is not a PyTorch checkpoint (it begins with {head[:8]!r}). Give a .pth file.")


def _names_in(path: Path, file: IO[bytes], zipped: bool) -> set[str]:
    """The full names of all globals in the file's pickle."""
    if zipped:
        return _names_in_zip(path, file)
    names = set()
    try:
        for _ in range(_LEGACY_PICKLES):
            names |= names_in_pickle(file)
            if refused(names):  # a bare pickle has no more than one part
                break
    except Exception as error:  # what pickletools raises on arbitrary bytes is not documented
        raise UserError(f"{path}: is cut off, or a pickle that torch.save did not write ({error}). {_AGAIN}") from error
    return names


def _names_in_zip(path: Path, file: IO[bytes]) -> set[str]:
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.namelist()
            inner = [name for name in entries if name.endswith("/data.pkl") and name.count("/") == 1]
            if not inner:
                raise UserError(_other_zip(path, entries))
            if any(name.endswith("/constants.pkl") for name in entries):
                raise UserError(f"{path}: is a TorchScript program, not weights. Give the checkpoint it was made from.")
            if archive.getinfo(inner[0]).file_size > _LARGEST_PICKLE:
                raise UserError(f"{path}: its pickle is larger than {_LARGEST_PICKLE} bytes; no checkpoint needs that.")
            return names_in_pickle(io.BytesIO(archive.read(inner[0])))
    except UserError:
        raise
    except zipfile.BadZipFile as error:
        raise UserError(f"{path}: is cut off or damaged ({error}). {_AGAIN}") from error
    except Exception as error:  # damaged zips and pickles fail in many undocumented ways
        raise UserError(f"{path}: is damaged ({type(error).__name__}: {error}). {_AGAIN}") from error


def _other_zip(path: Path, entries: list[str]) -> str:
    weights = [name for name in entries if name.endswith((".pth", ".pth.tar"))]
    if weights:
        return f"{path}: is a zip that holds {weights[0]}. Unpack it and give the folder."
    shown = ", ".join(entries[:3]) or "nothing"
    return f"{path}: is a zip of something else than weights (it holds {shown}). Give a .pth file."


def _refusal(path: Path, names: str) -> str:
    return (
        f"{path}: refused: its pickle names {names}, which weights do not need and which can run code. "
        "Nothing was run. Get the file from its own source, or ask its maker for one of tensors and plain values."
    )


def _load(path: Path, zipped: bool, names: set[str]) -> Any:
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(stand_ins(names)):
            warnings.simplefilter("ignore")  # about pickle protocols and old storages: nothing that the user can mend
            return plain(torch.load(path, map_location="cpu", weights_only=True, mmap=zipped))
    except PermissionError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). Check its permissions.") from error
    except Exception as error:  # a hostile or damaged file can make torch fail in any way; all of them mean the same
        match = _TORCH_REFUSED.search(str(error))
        if match:
            raise UserError(_refusal(path, match.group(1) or match.group(2))) from error
        reason = _reason(str(error))
        raise UserError(f"{path}: is cut off or damaged ({type(error).__name__}: {reason}). {_AGAIN}") from error


def _reason(message: str) -> str:
    """The part of torch's message, often many lines long, that tells what happened."""
    if "WeightsUnpickler error:" in message:
        message = message.split("WeightsUnpickler error:")[-1]
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return lines[0] if lines else "no reason given"


def _checkpoint(path: Path, content: Any) -> Checkpoint:
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise UserError(f"{path}: holds a {kind}, not a dictionary with the tensors of a model. Give a checkpoint.")
    if "model" not in content and content and all(isinstance(value, torch.Tensor) for value in content.values()):
        content = {"model": content}
    model = content.get("model")
    if not isinstance(model, dict) or not any(isinstance(value, torch.Tensor) for value in model.values()):
        keys = ", ".join(str(key) for key in list(content)[:8]) or "nothing"
        raise UserError(f"{path}: has no tensors under 'model' (it holds {keys}). Give the checkpoint of a model.")
    tensors = unwrapped_names({str(name): tensor.detach() for name, tensor in _tensors(model)})
    non_finite = tuple(name for name, tensor in tensors.items() if not _finite(tensor))
    if non_finite:
        logger.warning("%s: %d tensors hold NaN or infinity, the first is %s", path, len(non_finite), non_finite[0])
    known = ("model", "config", "step", "epoch", "date", "model_loss", "optimizer", "scheduler", "scaler")
    config = content.get("config")
    return Checkpoint(
        path=path,
        model=tensors,
        config=config if isinstance(config, dict) else None,
        step=_whole_number(content.get("step")),
        epoch=_whole_number(content.get("epoch")),
        date=None if content.get("date") is None else str(content["date"]),
        model_loss=content.get("model_loss"),
        optimizer=content.get("optimizer"),
        scheduler=content.get("scheduler"),
        scaler=content.get("scaler"),
        extra={str(key): value for key, value in content.items() if key not in known},
        non_finite=non_finite,
    )


def _tensors(model: Mapping[Any, Any]) -> list[tuple[Any, torch.Tensor]]:
    return [(name, value) for name, value in model.items() if isinstance(value, torch.Tensor)]


def _finite(tensor: torch.Tensor) -> bool:
    if not (tensor.is_floating_point() or tensor.is_complex()) or tensor.layout != torch.strided:
        return True
    return bool(torch.isfinite(tensor).all())


def _whole_number(value: Any) -> int | None:
    if isinstance(value, torch.Tensor):
        value = value.item() if value.numel() == 1 else None
    return int(value) if isinstance(value, (int, float)) and value == value and abs(value) < 2**63 else None
