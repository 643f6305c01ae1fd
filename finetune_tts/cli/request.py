"""From flags and overrides to what is asked of the training."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune_tts.errors import UserError
from finetune_tts.files import expanded

if TYPE_CHECKING:
    from finetune_tts.assembly.request import Request
    from finetune_tts.config.speech import SpeechConfig
    from finetune_tts.data.gathering import Formatter
    from finetune_tts.families.overrides import Override

#: flag → the config field that it is short for.
SHORT_FOR = {
    "dataset_path": "datasets.0.path",
    "dataset_format": "datasets.0.formatter",
    "meta_file": "datasets.0.meta_file_train",
    "output_path": "output_path",
    "run_name": "run_name",
}


def located_config(path: Path) -> Any:
    """A config of your own, of a model that reads or of a vocoder, with the files that it names found."""
    from finetune_tts.config.paths import locate_paths
    from finetune_tts.families.loading import load_any_config

    config = load_any_config(path)
    locate_paths(config, path.parent)
    return config


def short_forms(arguments: argparse.Namespace, overrides: "list[Override]") -> "list[Override]":
    """Return the overrides that ``--dataset_path`` and its like stand for.

    Raises:
        UserError: a field is set both ways, to different values.
    """
    said = {override.path: " ".join(override.words) for override in overrides}
    short = []
    for flag, path in SHORT_FOR.items():
        value = getattr(arguments, flag)
        if value is None or said.get(path) == value:
            continue
        if path in said:
            raise UserError(f"--{flag} {value} and --coqpit.{path} {said[path]} differ: give one of them.")
        from finetune_tts.families.overrides import Override

        short.append(Override(path, (value,)))
    return short


def require_dataset(overrides: "list[Override]") -> None:
    """Find out from the command line alone whether there are recordings to tune to.

    Raises:
        UserError: no data set is named, or its folder is not there.
    """
    if not any(override.path.split(".")[0] in ("datasets", "data_path") for override in overrides):
        raise UserError("Where are the recordings? Give --dataset_path DIR, or --coqpit.datasets.0.path DIR.")
    for override in overrides:
        path = " ".join(override.words)
        if override.path in ("datasets.0.path", "data_path") and not expanded(path).is_dir():
            raise UserError(f"--dataset_path {path}: no such folder. Name the folder of the recordings.")


def make_room_for_dataset(config: "SpeechConfig", overrides: "list[Override]", *, replace: bool) -> None:
    """Put a data set whose layout is looked at where the overrides are going to name one.

    Args:
        config: is changed if an override names a field of a data set.
        overrides: of the person.
        replace: the data sets of the config are not the person's.
    """
    from finetune_tts.config.dataset import DatasetConfig

    if any(override.path.split(".")[0] == "datasets" for override in overrides) and (replace or not config.datasets):
        config.datasets = [DatasetConfig(formatter="auto")]


def apply(config: "SpeechConfig", overrides: "list[Override]") -> None:
    """Apply the overrides and refuse a config that is out of range."""
    from finetune_tts.families.checks import require_valid
    from finetune_tts.families.overrides import apply_overrides

    apply_overrides(config, overrides)
    require_valid(config)


def request_of(
    arguments: argparse.Namespace,
    overrides: "list[Override]",
    config: "SpeechConfig",
    formatter: "Formatter | None" = None,
    **fields: Any,
) -> "Request":
    """Return what the flags that all runs share ask for, with ``fields`` of the request in addition."""
    from finetune_tts.assembly.request import Request
    from finetune_tts.speaker_encoder.encoder import encoder_files
    from finetune_tts.training.settings import RunLimits

    encoder = encoder_files(arguments.encoder_path, arguments.encoder_config_path) if arguments.encoder_path else None
    return Request(
        config=config,
        encoder=encoder,
        chosen=frozenset(override.path.split(".")[0] for override in overrides),
        allow_partial=arguments.allow_partial_restore,
        device=arguments.device,
        formatter=formatter,
        limits=RunLimits(
            max_steps=arguments.max_steps,
            time_limit=arguments.time_limit * 60 if arguments.time_limit else None,
            early_stop_patience=arguments.early_stop_patience,
            grad_accum_steps=arguments.grad_accum_steps,
            discriminator_warm_up=arguments.discriminator_warm_up,
        ),
        **fields,
    )
