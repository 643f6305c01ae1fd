"""A model as a folder of its own: weights, config, and every file that the model needs beside them."""

import shutil
from pathlib import Path
from typing import Any

from torch import Tensor

from finetune_tts.catalog.cache import ORIGIN_NAME
from finetune_tts.checkpoints.names import released_names
from finetune_tts.checkpoints.reading import Checkpoint, read_checkpoint
from finetune_tts.checkpoints.safetensors import write_safetensors
from finetune_tts.checkpoints.vocoders import DISCRIMINATOR, GENERATOR, vocoder_weights
from finetune_tts.checkpoints.writing import check_free_space, estimate_bytes, halved
from finetune_tts.config.changes import apply_changes
from finetune_tts.config.paths import PATH_FIELDS
from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.errors import UserError
from finetune_tts.families.building import fit_to_weights, read_weights
from finetune_tts.families.registry import family_of
from finetune_tts.files import replacing, write_json
from finetune_tts.sharing.licence import origin_of
from finetune_tts.sharing.source import Source

WEIGHTS_NAME = "model.safetensors"
CONFIG_NAME = "config.json"

#: fields that say where something lies on the machine that trained the model; nobody else has it.
_OF_THE_MACHINE = ("output_path", "phoneme_cache_path", "test_sentences_file", "data_path", "feature_path")


def write_model_folder(source: Source, folder: Path) -> list[Path]:
    """Write a model as a folder that can be loaded, fine-tuned further and given away.

    No path of this machine stays in its config, and no recording in it.

    Args:
        source: the model.
        folder: is made if it is not there.

    Returns:
        The files, weights first.

    Raises:
        UserError: the model cannot be read, or the disk is full.
    """
    config = source.config()
    checkpoint, tensors = _weights(source, config)
    if source.wishes.precision == "fp16":
        tensors = {name: halved(tensor) for name, tensor in tensors.items()}
    folder.mkdir(parents=True, exist_ok=True)
    check_free_space(folder, estimate_bytes(tensors))
    metadata = {"format": "pt", "architecture": config.model, **source.terms.metadata()}
    if checkpoint.step is not None:
        metadata["step"] = str(checkpoint.step)
    write_safetensors(folder / WEIGHTS_NAME, tensors, metadata)
    values = config.to_dict()
    beside = [*_companions(values, folder), *_voices(source.weights.parent, config, folder)]
    write_json(folder / CONFIG_NAME, values)
    write_json(folder / ORIGIN_NAME, dict(origin_of(source.terms)))
    return [folder / WEIGHTS_NAME, folder / CONFIG_NAME, *beside]


def _weights(source: Source, config: Any) -> tuple[Checkpoint, dict[str, Tensor]]:
    """All tensors of a model under their released names; the config is made to fit them."""
    if isinstance(config, VocoderConfig):
        checkpoint = read_checkpoint(source.weights)
        parts = vocoder_weights(checkpoint)
        tensors = {f"{GENERATOR}{name}": tensor for name, tensor in parts.generator.items()}
        tensors |= {f"{DISCRIMINATOR}{name}": tensor for name, tensor in (parts.discriminator or {}).items()}
    else:
        checkpoint = read_weights(source.weights, config)
        fitted = fit_to_weights(config, checkpoint)
        apply_changes(config, fitted.changes)
        tensors = dict(fitted.weights)
    if checkpoint.non_finite:
        raise UserError(
            f"{checkpoint.path}: {checkpoint.non_finite[0]} holds NaN or infinity: such a model is of no use to "
            "anybody. Take an earlier checkpoint."
        )
    return checkpoint, released_names(tensors)


def _companions(values: dict[str, Any], folder: Path) -> list[Path]:
    """Copy the files that a config names, and make it name the copies."""
    copied: dict[Path, Path] = {}

    def placed(path: str) -> str:
        source = Path(path)
        if not path or not source.is_file():
            return source.name
        source = source.resolve()
        if source not in copied:
            copied[source] = _free(folder / source.name, copied.values())
            _copy(source, copied[source])
        return copied[source].name

    groups = [group for group in (values, values.get("audio"), values.get("model_args")) if isinstance(group, dict)]
    for group in groups:
        for name in PATH_FIELDS:
            value = group.get(name)
            if name in _OF_THE_MACHINE and name in group:
                group[name] = "" if isinstance(value, str) else None
            elif isinstance(value, str):
                group[name] = placed(value)
            elif isinstance(value, list):
                group[name] = [placed(path) if isinstance(path, str) else path for path in value]
    for dataset in values.get("datasets") or []:
        for name, value in dataset.items():
            if isinstance(value, str) and ("path" in name or "file" in name):
                dataset[name] = ""
    return list(copied.values())


def _voices(beside: Path, config: Any, folder: Path) -> list[Path]:
    """Copy the voices that a model which listens to recordings knows by name."""
    if isinstance(config, VocoderConfig):
        return []
    listening = family_of(config.model).implementation.listening
    if listening is None or not (beside / listening.file_name).is_file():
        return []
    _copy(beside / listening.file_name, folder / listening.file_name)
    return [folder / listening.file_name]


def _free(path: Path, taken: Any) -> Path:
    """The path, or one with a number where another file of the model has its name."""
    number, found = 2, path
    while found in taken or found.name in (WEIGHTS_NAME, CONFIG_NAME):
        found = path.with_stem(f"{path.stem}_{number}")
        number += 1
    return found


def _copy(source: Path, target: Path) -> None:
    if target.exists() and source.samefile(target):
        return
    with replacing(target) as file, source.open("rb") as content:
        shutil.copyfileobj(content, file)
