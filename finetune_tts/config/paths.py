"""Paths in a config: kept relative to the folder of a run, so that it can be moved or given away."""

import os
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path, PureWindowsPath
from typing import Any

from finetune_tts.config.speech import SpeechConfig
from finetune_tts.config.vocoder import VocoderConfig

#: Fields that hold a path, or a list of them, at top level, in ``audio`` and in ``model_args``.
PATH_FIELDS = (
    "output_path",
    "phoneme_cache_path",
    "test_sentences_file",
    "stats_path",
    "speakers_file",
    "d_vector_file",
    "language_ids_file",
    "speaker_encoder_config_path",
    "speaker_encoder_model_path",
    "gst_style_input",
    "tokenizer_file",
    "dvae_checkpoint",
    "mel_norm_file",
    "data_path",
    "feature_path",
)
METADATA_FIELDS = ("meta_file_train", "meta_file_val", "meta_file_attn_mask")


def relative_paths(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the values of a config with the paths made relative to the run folder ``folder``."""
    changed = _map_paths(values, lambda path: _relative(path, folder))
    for old, new in zip(values.get("datasets") or [], changed.get("datasets") or [], strict=True):
        for name in METADATA_FIELDS:
            # A metadata file is looked for inside its data set.
            if isinstance(new.get(name), str) and os.path.isabs(new[name]):
                new[name] = _relative(new[name], old.get("path") or ".")
    return changed


def absolute_paths(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the values of a run's config with paths that are relative to its folder made absolute."""
    return _map_paths(values, lambda path: os.path.normpath(os.path.join(os.path.abspath(folder), path)))


def locate_paths(config: "SpeechConfig | VocoderConfig", folder: Path) -> None:
    """Make relative paths of a config absolute where they lead somewhere from ``folder``.

    Paths in the config of a run are relative to the run folder; those that people write are often meant from where
    the command is typed, and stay as they are. A release names files of the machine that trained it; where such a one
    is not there, the file of its name beside the config is meant.
    """

    def located(path: str) -> str:
        beside = os.path.normpath(os.path.join(os.path.abspath(folder), path))
        if os.path.exists(beside) or os.path.exists(path):
            return beside if os.path.exists(beside) else path
        # PureWindowsPath splits at both kinds of slash: configs were written on either system.
        name = PureWindowsPath(path).name
        released = os.path.join(os.path.abspath(folder), name)
        # A speaker encoder's config was often called config.json; here that is the model's own.
        return released if name != "config.json" and os.path.isfile(released) else path

    arguments = getattr(config, "model_args", {})  # of a vocoder's config there are none
    groups = [vars(config), vars(config.audio), config.kept_fields()]
    groups.append(arguments if isinstance(arguments, dict) else vars(arguments))
    for group in groups:
        for name in PATH_FIELDS:
            _map_field(group, name, located)
    for dataset in config.datasets:
        _map_field(vars(dataset), "path", located)


def _relative(path: str, folder: str | Path) -> str:
    path = os.path.abspath(os.path.expanduser(path))
    try:
        return os.path.relpath(path, os.path.expanduser(folder))
    except ValueError:  # another drive of a Windows machine
        return path


def _map_paths(values: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    changed = deepcopy(dict(values))
    for group in (changed, changed.get("audio"), changed.get("model_args")):
        if isinstance(group, dict):
            for name in PATH_FIELDS:
                _map_field(group, name, change)
    for dataset in changed.get("datasets") or []:
        _map_field(dataset, "path", change)
    return changed


def _map_field(group: dict[str, Any], name: str, change: Callable[[str], str]) -> None:
    value = group.get(name)
    if isinstance(value, str) and value:
        group[name] = change(value)
    elif isinstance(value, list):
        group[name] = [change(item) if isinstance(item, str) and item else item for item in value]
