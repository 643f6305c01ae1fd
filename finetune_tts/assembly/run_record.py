"""What a run writes about itself when it begins: see ``finetune_tts.runs.record``."""

import logging
import platform
from collections.abc import Iterable, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

import finetune_tts
from finetune_tts.catalog.folder import Provenance, provenance
from finetune_tts.config.base import Config
from finetune_tts.config.changes import Change
from finetune_tts.data.preparing import PreparedData
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError
from finetune_tts.machine.device import device_name
from finetune_tts.runs.record import BaseModel, Choice, Clip, DataFacts, RunRecord, differences, read_record

logger = logging.getLogger(__name__)

_PACKAGES = ("torch", "numpy", "coqui-tts-trainer", "coqpit-config")
_SPEAKERS_NAMED = 20


def record_of(
    config: Config,
    *,
    data: DataFacts,
    held_out: Sequence[Sample],
    device: torch.device,
    base_weights: Path | None = None,
    base_config: Config | None = None,
    speaker: str | None = None,
    language: str | None = None,
    chosen: Iterable[str] = (),
    filled_in: Sequence[Change] = (),
) -> RunRecord:
    """Return the record of a run that begins now.

    Args:
        config: of the run, complete.
        data: what it is trained on.
        held_out: samples that it is not trained on.
        device: that it is trained on.
        base_weights: checkpoint that it starts from.
        base_config: config of that checkpoint.
        speaker: who speaks test sentences.
        language: of test sentences that name none.
        chosen: fields that the user set.
        filled_in: fields that were set to suit the data.
    """
    return RunRecord(
        started=datetime.now().astimezone().isoformat(timespec="seconds"),
        device=device_name(device),
        versions=_versions(),
        data=data,
        base=_base(base_weights) if base_weights else None,
        speaker=speaker or "",
        language=language or "",
        changes=differences(base_config.to_dict(), config.to_dict()) if base_config is not None else (),
        chosen=tuple(sorted(chosen)),
        filled_in=tuple(Choice(change.field, change.value, change.reason) for change in filled_in),
        clips=tuple(
            Clip(sample.name, sample.text, str(sample.audio_file), sample.speaker, sample.language)
            for sample in held_out
        ),
    )


def data_facts(config: Config, data: PreparedData) -> DataFacts:
    """Sum up prepared data."""
    samples = data.split.train + data.split.eval
    return DataFacts(
        folders=tuple(dataset.path for dataset in config.datasets if dataset.path),
        clips=len(data.split.train),
        held_out=len(data.split.eval),
        minutes=round(data.seconds / 60, 2),
        speakers=_some({sample.speaker for sample in samples}),
        languages=_some({sample.language for sample in samples if sample.language}),
        dropped=tuple((reason, len(dropped)) for reason, dropped in data.dropped.items() if dropped),
        missing=str(data.missing) if data.missing.counter else "",
    )


def _some(names: set[str]) -> tuple[str, ...]:
    ordered = sorted(names)
    more = len(ordered) - _SPEAKERS_NAMED
    return (*ordered[:_SPEAKERS_NAMED], *([f"and {more} more"] if more > 0 else []))


def _base(weights: Path) -> BaseModel:
    config = weights.parent / "config.json"
    origin = provenance(weights.parent) or _provenance_of_run(weights.parent)
    return BaseModel(
        model_file=str(weights),
        config_file=str(config) if config.is_file() else "",
        name=origin.name if origin else "",
        licence=origin.licence if origin else "",
        terms_accepted=origin.terms_accepted if origin else "",
    )


def _provenance_of_run(folder: Path) -> Provenance | None:
    """On which terms the weights of an earlier run are had: those of what it started from."""
    try:
        record = read_record(folder)
    except UserError as error:
        logger.warning("The licence of the base is not known: %s", error)
        return None
    if record is None or record.base is None:
        return None
    return Provenance("", record.base.licence, record.base.terms_accepted)


def _versions() -> dict[str, str]:
    versions = {"finetune-tts": finetune_tts.__version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {**versions, "system": platform.platform(aliased=True, terse=True)}
