"""Reading weight files: released ones of every age, ours, and coqui-tts's; never running what a file asks for.

checkpoint = read_checkpoint("tts_models--en--ljspeech--glow-tts")  # a folder or a file
checkpoint.model["encoder.emb.weight"]                              # [num_symbols, hidden]
"""

import io
import logging
import re
import warnings
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import torch

from finetune_tts.checkpoints.allowlist import refused, stand_ins
from finetune_tts.checkpoints.contents import UnfitContent, plain_content
from finetune_tts.checkpoints.finding import find_weights
from finetune_tts.checkpoints.names import shown, unwrapped_names
from finetune_tts.checkpoints.safetensors import begins_as_safetensors, read_safetensors
from finetune_tts.checkpoints.scanning import MOST_OPERATIONS, UnreasonablePickle, scan_pickle
from finetune_tts.errors import UserError

logger = logging.getLogger(__name__)

#: rows of an embedding: symbols, speakers, languages.
MOST_ROWS = 1_000_000

_AGAIN = "Download or copy it again."
_ASK = "Get the file from its own source, or ask its maker for one of tensors and plain values."
_LEGACY_PICKLES = 5  # magic number, protocol, system, the object, the keys of its tensors; their bytes follow
_LARGEST_PICKLE = 256 * 2**20  # bytes; a pickle holds names, shapes and settings, mostly some hundred kB
_LONGEST_NAME = 500  # of a tensor
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

    def rows(self, name: str) -> int:
        """How many rows a table of embeddings has; 0 where there is no tensor of that name.

        Raises:
            UserError: it is no table, or one of more rows than anybody has names for.
        """
        table = self.model.get(name)
        if table is None:
            return 0
        if table.dim() != 2 or not 0 < len(table) < MOST_ROWS:
            shape = f"the shape {list(table.shape)}" if table.dim() else "a single number"
            raise UserError(f"{self.path}: {name} has {shape}; a row for each name, below {MOST_ROWS:,}, is expected.")
        return len(table)


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read the weights at ``path``: a file, or a folder (`finding.weights_in` says which of its files is taken).

    Both of torch's file formats are read, a checkpoint's dictionary as well as a plain state dict. Pickled objects
    other than tensors, plain values and those of `allowlist` are refused before anything is built. A file of
    safetensors holds a plain state dict, and in its metadata the step, if that is known.

    Args:
        path: a ``.pth`` or ``.safetensors`` file, the folder of a release or of a run.

    Returns:
        The content, on the CPU.

    Raises:
        UserError: nothing is there, it cannot be read, is cut off, is not a checkpoint, or its pickle would run code.
    """
    path = find_weights(path)
    try:
        with path.open("rb") as file:
            is_safe = begins_as_safetensors(file.read(16))
        content = _safe_content(path) if is_safe else read_torch_file(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). Check its permissions.") from error
    return _checkpoint(path, content)


def _safe_content(path: Path) -> dict[str, Any]:
    """What a file of safetensors holds, as a checkpoint."""
    tensors, metadata = read_safetensors(path)
    step = metadata.get("step", "")
    return {"model": tensors, "step": int(step) if re.fullmatch(r"[0-9]{1,18}", step) else None}


def read_torch_file(path: Path, *, most_values: int = MOST_OPERATIONS) -> Any:
    """Read what `torch.save` wrote: plain values and tensors, with no pickle unrestricted and no bound left out.

    Args:
        path: a file, in either of torch's two formats.
        most_values: that it may hold; a file of many lists of numbers has more than one of tensors.

    Returns:
        dictionaries, lists, numbers, texts, and tensors on the CPU, without gradients, maybe mapped from the file.

    Raises:
        UserError: it cannot be read, is cut off, is something else, would run code, or holds what no weights need.
    """
    try:
        with path.open("rb") as file:
            zipped = _check_kind(path, file)
            names = _names_in(path, file, zipped, most_values)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). Check its permissions.") from error
    unwelcome = refused(names)
    if unwelcome:
        raise UserError(_refusal(path, shown_names(unwelcome)))
    return _load(path, zipped, names, most_values)


def _check_kind(path: Path, file: IO[bytes]) -> bool:
    """True for a zip, False for a bare pickle; anything else is an error that says what it is."""
    head = file.read(512)
    file.seek(0)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        raise UserError(f"{path}: the file is empty (0 bytes). {_AGAIN}")
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise UserError(f"{path}: is a web page, not weights; a download went to the wrong address. {_AGAIN}")
    if head.startswith(b"version https://git-lfs"):
        raise UserError(f"{path}: is a pointer of Git LFS, not the weights themselves. Get them with: git lfs pull")
    if begins_as_safetensors(head):
        raise UserError(f"{path}: is a safetensors file, which holds weights of a model and nothing else.")
    if path.suffix == ".onnx":
        raise UserError(
            f"{path}: is an ONNX file, which can be spoken with and not be fine-tuned. Give the checkpoint that it was "
            "exported from (.ckpt of a voice of Piper's, .pth)."
        )
    if head.startswith(b"PK\x03\x04"):
        return True
    if head.startswith(b"\x80"):
        return False
    raise UserError(f"{path}: is not a PyTorch checkpoint (it begins with {head[:8]!r}). Give a .pth file.")


def _names_in(path: Path, file: IO[bytes], zipped: bool, most_operations: int) -> set[str]:
    """The full names of all globals in the file's pickle."""
    try:
        if zipped:
            return _names_in_zip(path, file, most_operations)
        names: set[str] = set()
        for _ in range(_LEGACY_PICKLES):
            names |= scan_pickle(_Beginning(file), most_operations=most_operations)
            if refused(names):  # a bare pickle has no more than one part
                break
        return names
    except UserError:
        raise
    except UnreasonablePickle as error:
        raise UserError(f"{path}: refused: {error}, which no weight file does. {_AGAIN}") from error
    except zipfile.BadZipFile as error:
        raise UserError(f"{path}: is cut off or damaged ({error}). {_AGAIN}") from error
    except Exception as error:  # damaged zips fail in many undocumented ways, and pickletools on arbitrary bytes
        other = "is damaged" if zipped else "is cut off, or a pickle that torch.save did not write"
        raise UserError(f"{path}: {other} ({type(error).__name__}: {_reason(str(error))}). {_AGAIN}") from error


class _Beginning:
    """A file of which no more is read than a pickle may be long."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._left = _LARGEST_PICKLE

    def read(self, size: int = -1) -> bytes:
        return self._counted(self._file.read(size if 0 <= size <= self._left else self._left + 1))

    def readline(self) -> bytes:
        return self._counted(self._file.readline(self._left + 1))

    def tell(self) -> int:
        return self._file.tell()

    def _counted(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise UnreasonablePickle(f"it has more than {_LARGEST_PICKLE:,} bytes")
        return data


def _names_in_zip(path: Path, file: IO[bytes], most_operations: int) -> set[str]:
    with zipfile.ZipFile(file) as archive:
        entries = archive.namelist()
        inner = [name for name in entries if name.endswith("/data.pkl") and name.count("/") == 1]
        if not inner:
            raise UserError(_other_zip(path, entries))
        if any(name.endswith("/constants.pkl") for name in entries):
            raise UserError(f"{path}: is a TorchScript program, not weights. Give the checkpoint it was made from.")
        if len(set(entries)) != len(entries) or len(inner) > 1:  # torch could read another one than was looked at
            raise UserError(f"{path}: is damaged (a part of it stands there twice). {_AGAIN}")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            # Tensors are mapped from the file as they lie there.
            raise UserError(f"{path}: is a zip with compressed parts, which torch.save does not write. {_AGAIN}")
        if archive.getinfo(inner[0]).file_size > _LARGEST_PICKLE:
            raise UnreasonablePickle(f"its pickle has more than {_LARGEST_PICKLE:,} bytes")
        return scan_pickle(io.BytesIO(archive.read(inner[0])), most_operations=most_operations)


def _other_zip(path: Path, entries: list[str]) -> str:
    weights = [name for name in entries if name.endswith((".pth", ".pth.tar"))]
    if weights:
        return f"{path}: is a zip that holds {shown(weights[0])}. Unpack it and give the folder."
    some = ", ".join(shown(entry) for entry in entries[:3]) or "nothing"
    return f"{path}: is a zip of something else than weights (it holds {some}). Give a .pth file."


def _refusal(path: Path, names: str) -> str:
    return (
        f"{path}: refused: its pickle names {names}, which such a file does not need and which can run code. "
        f"Nothing was run. {_ASK}"
    )


def _load(path: Path, zipped: bool, names: set[str], most_values: int) -> Any:
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(stand_ins(names)):
            warnings.simplefilter("ignore")  # about pickle protocols and old storages: nothing that the user can mend
            loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
            return plain_content(loaded, path.stat().st_size, most_values=most_values)
    except PermissionError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). Check its permissions.") from error
    except UnfitContent as error:
        raise UserError(f"{path}: refused: {error}. Nothing of it was used. {_ASK}") from error
    except Exception as error:  # a hostile or damaged file can make torch fail in any way; all of them mean the same
        match = _TORCH_REFUSED.search(str(error))
        if match:
            raise UserError(_refusal(path, shown_names([match.group(1) or match.group(2)]))) from error
        reason = _reason(str(error))
        raise UserError(f"{path}: is cut off or damaged ({type(error).__name__}: {reason}). {_AGAIN}") from error


def shown_names(names: list[str]) -> str:
    """The first few names, each fit for a message."""
    return ", ".join(shown(name) for name in names[:5])


def _reason(message: str) -> str:
    """The part of torch's message, often many lines long, that tells what happened."""
    if "WeightsUnpickler error:" in message:
        message = message.split("WeightsUnpickler error:")[-1]
    lines = [line.strip() for line in message[:2000].splitlines() if line.strip()]
    return shown(lines[0], 200) if lines else "no reason given"


def _checkpoint(path: Path, content: Any) -> Checkpoint:
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise UserError(f"{path}: holds a {kind}, not a dictionary with the tensors of a model. Give a checkpoint.")
    if "model" not in content and isinstance(content.get("state_dict"), dict):
        content = _of_lightning(content)
    if "model" not in content and content and all(isinstance(value, torch.Tensor) for value in content.values()):
        content = {"model": content}
    content = {key: value for key, value in content.items() if isinstance(key, str)}
    tensors = _tensors(content.get("model"))
    if not tensors:
        keys = ", ".join(shown(key, 40) for key in list(content)[:8]) or "nothing"
        raise UserError(f"{path}: has no tensors under 'model' (it holds {keys}). Give the checkpoint of a model.")
    nameless = next((name for name in tensors if not name or shown(name, _LONGEST_NAME) != name), None)
    if nameless is not None:
        raise UserError(f"{path}: a tensor has the name '{shown(nameless, 40)}', as no network calls one. {_ASK}")
    tensors = unwrapped_names(tensors)
    non_finite = tuple(name for name, tensor in tensors.items() if not _finite(tensor))
    if non_finite:
        logger.warning("%s: %d tensors hold NaN or infinity, the first is %s", path, len(non_finite), non_finite[0])
    known = ("model", "config", "step", "epoch", "date", "model_loss", "optimizer", "scheduler", "scaler")
    config = content.get("config")
    return Checkpoint(
        path=path,
        model=tensors,
        config=_settings(config) if isinstance(config, dict) else None,
        step=_whole_number(content.get("step")),
        epoch=_whole_number(content.get("epoch")),
        date=content["date"] if isinstance(content.get("date"), str) else None,
        model_loss=content.get("model_loss"),
        optimizer=content.get("optimizer"),
        scheduler=content.get("scheduler"),
        scaler=content.get("scaler"),
        extra={key: value for key, value in content.items() if key not in known},
        non_finite=non_finite,
    )


def _of_lightning(content: dict[Any, Any]) -> dict[Any, Any]:
    """A checkpoint of PyTorch Lightning: what it calls otherwise, without the states of its parts."""
    return {
        "model": content["state_dict"],
        "config": content.get("hyper_parameters"),
        "step": content.get("global_step"),
        "epoch": content.get("epoch"),
    }


def _tensors(model: Any) -> dict[str, torch.Tensor]:
    """The tensors that have a name."""
    if not isinstance(model, dict):
        return {}
    items = model.items()
    return {name: value for name, value in items if isinstance(name, str) and isinstance(value, torch.Tensor)}


def _settings(value: Any) -> Any:
    """A config as JSON would hold it: what has no place in JSON becomes its text."""
    if isinstance(value, dict):
        return {str(name)[:1000]: _settings(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_settings(item) for item in value]
    return value if value is None or isinstance(value, (str, int, float)) else str(value)[:1000]


def _finite(tensor: torch.Tensor) -> bool:
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())


def _whole_number(value: Any) -> int | None:
    if isinstance(value, torch.Tensor):
        value = value.item() if value.numel() == 1 else None
    return int(value) if isinstance(value, (int, float)) and value == value and abs(value) < 2**63 else None
