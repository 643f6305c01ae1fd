"""From flags and overrides to what is asked of the training."""

import argparse
import logging
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune_tts.errors import UserError
from finetune_tts.files import expanded

if TYPE_CHECKING:
    from finetune_tts.assembly.request import Request
    from finetune_tts.config.speech import SpeechConfig
    from finetune_tts.data.gathering import Formatter
    from finetune_tts.families.overrides import Override
    from finetune_tts.training.run import StoppedRun

logger = logging.getLogger(__name__)

#: flag → the config field that it is short for; those of a data set can be given once for each.
SHORT_FOR = {
    "dataset_path": "datasets.{}.path",
    "dataset_format": "datasets.{}.formatter",
    "meta_file": "datasets.{}.meta_file_train",
    "columns": "datasets.{}.columns",
    "output_path": "output_path",
    "run_name": "run_name",
}
_DATA = ("dataset_path", "dataset_format", "meta_file")
_DATASET_PATH = re.compile(r"datasets\.\d+\.path")


def located_config(path: Path) -> Any:
    """A config of your own, of a model that reads or of a vocoder, with the files that it names found."""
    from finetune_tts.families.loading import load_any_config
    from finetune_tts.families.reading import locate

    config = load_any_config(path)
    locate(config, path.parent)
    return config


def short_forms(arguments: argparse.Namespace, overrides: "list[Override]") -> "list[Override]":
    """Return the overrides that ``--dataset_path`` and its like stand for.

    Raises:
        UserError: a field is set both ways, to different values, or the data sets and what is said of them are not as
            many.
    """
    said = {override.path: " ".join(override.words) for override in overrides}
    short = []
    datasets = len(arguments.dataset_path or [None])
    described = list(zip(*(_values(arguments, flag, datasets) or [""] * datasets for flag in _DATA), strict=True))
    if len(set(described)) < len(described):
        path = next(given[0] for given in described if described.count(given) > 1)
        raise UserError(f"--dataset_path {path} is given twice: leave one of them out.")
    for flag, path in SHORT_FOR.items():
        for number, value in enumerate(_values(arguments, flag, datasets)):
            field = path.format(number)
            if field in said and said[field] != value:
                raise UserError(f"--{flag} {value} and --coqpit.{field} {said[field]} differ: give one of them.")
            if field not in said:
                from finetune_tts.families.overrides import Override

                short.append(Override(field, (value,)))
    return short


def _values(arguments: argparse.Namespace, flag: str, datasets: int) -> list[str]:
    """The values of a flag: of those that describe data sets one for each."""
    value = getattr(arguments, flag)
    if value is None and flag == "dataset_format" and datasets > 1:
        return ["auto"] * datasets
    if not isinstance(value, list):
        return [] if value is None else [value]
    if len(value) not in (1, datasets):
        raise UserError(
            f"--{flag} is given {len(value)} times, --dataset_path {datasets} times: give --{flag} once for all data "
            "sets, or once for each, in their order."
        )
    return value * datasets if len(value) == 1 else value


def require_dataset(overrides: "list[Override]") -> None:
    """Find out from the command line alone whether there are recordings to fine-tune to.

    Raises:
        UserError: no data set is named, or its folder is not there.
    """
    if not any(override.path.split(".")[0] in ("datasets", "data_path") for override in overrides):
        raise UserError("Where are the recordings? Give --dataset_path DIR, or --coqpit.datasets.0.path DIR.")
    for override in overrides:
        path = " ".join(override.words)
        names_folder = override.path == "data_path" or _DATASET_PATH.fullmatch(override.path)
        if names_folder and not expanded(path).is_dir():
            raise UserError(f"--dataset_path {path}: no such folder. Name the folder of the recordings.")


def flat_looks(arguments: argparse.Namespace) -> int | None:
    """After how many looks at what is heard that are no better than as many before them a run is to end, if at all."""
    from finetune_tts.hearing.looks import FLAT_LOOKS

    if arguments.stop_when is None:
        return None
    return int(arguments.flat_looks or FLAT_LOOKS)


def opened_run(arguments: argparse.Namespace) -> "StoppedRun":
    """The run that ``--continue_path`` resumes.

    Several processes connect before they look for it: one that does not see its folder then ends the others too.
    """
    from finetune_tts.machine.device import choose_device
    from finetune_tts.machine.distributed import connect, world_from_environment
    from finetune_tts.training.run import open_run

    world = world_from_environment()
    connect(world, choose_device(arguments.device, local_rank=world.local_rank))
    try:
        return open_run(arguments.continue_path)
    except UserError as error:
        if world.size == world.local_size:
            raise
        raise UserError(f"{error} (On {socket.gethostname()}: each machine needs its folder, or a copy.)") from error


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

    if arguments.use_accelerate == "true":
        logger.info("--use_accelerate: the built-in engine is used, which needs no accelerate; torchrun starts it.")
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
            auto_batch=arguments.auto_batch,
            grad_accum_steps=arguments.grad_accum_steps,
            discriminator_warm_up=arguments.discriminator_warm_up,
            hears_samples=not arguments.no_hearing,
            flat_looks=flat_looks(arguments),
            select_by=arguments.select_by,
            recogniser=arguments.recogniser,
        ),
        **fields,
    )
