"""What a run is, beside its config: where it comes from, on what data, on which machine. ``about_run.json``.

Written when the run begins, so that the report of it can be made at any time, also when the base model or the
recordings are no longer where they were.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from finetune_tts.errors import UserError
from finetune_tts.files import write_json
from finetune_tts.json_text import read_json

FILE_NAME = "about_run.json"

#: config fields that say where and how a run is kept, not what it trains.
_HOUSEKEEPING = frozenset(
    ("output_path", "logger_uri", "run_name", "project_name", "run_description", "datasets", "test_sentences",
     "test_sentences_file", "phoneme_cache_path", "precompute_num_workers", "feature_shards", "github_branch",
     "wandb_entity", "model_param_stats", "print_step", "print_eval", "plot_step", "log_model_step", "dashboard_logger",
     "save_on_interrupt", "distributed_backend", "distributed_url", "num_loader_workers", "num_eval_loader_workers")
)  # fmt: skip
_PATHS = ("_path", "_file")


@dataclass(frozen=True)
class BaseModel:
    """The model that a run started from."""

    model_file: str
    """Relative to the run folder in the file, absolute once it is read."""
    config_file: str = ""
    """Likewise; empty where the weights had none beside them."""
    name: str = ""
    """In the catalog; empty for any other model."""
    licence: str = ""
    terms_accepted: str = ""
    """When the terms of the licence were accepted, or which file says so; empty where there are none, or nothing tells.
    """


@dataclass(frozen=True)
class Clip:
    """A recording that was held out."""

    name: str
    text: str
    audio_file: str
    """Relative to the run folder in the file, absolute once it is read."""
    speaker: str = ""
    language: str = ""


@dataclass(frozen=True)
class DataFacts:
    """What the run was trained on."""

    folders: tuple[str, ...]
    """Relative to the run folder in the file, absolute once they are read."""
    clips: int
    held_out: int
    minutes: float
    speakers: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    dropped: tuple[tuple[str, int], ...] = ()
    """Reason and number of clips that were left out."""
    missing: str = ""
    """Characters of the text that the vocabulary lacks, as the user reads it."""


@dataclass(frozen=True)
class Choice:
    """A setting that was chosen to suit the data."""

    field: str
    value: Any
    reason: str


@dataclass(frozen=True)
class RunRecord:
    """Everything that is known when a run begins."""

    started: str
    """Date and time, ISO 8601."""
    device: str
    versions: dict[str, str]
    data: DataFacts
    base: BaseModel | None = None
    """None for a run that starts from scratch."""
    speaker: str = ""
    """Who speaks the test sentences, for a model of several speakers."""
    language: str = ""
    """Which language the test sentences are in that name none, for a model of several languages."""
    changes: tuple[tuple[str, Any, Any], ...] = ()
    """Config field, its value in the base, its value in the run."""
    chosen: tuple[str, ...] = ()
    """Config fields that the user set."""
    filled_in: tuple[Choice, ...] = ()
    clips: tuple[Clip, ...] = ()
    """The held-out ones."""


def write_record(folder: Path, record: RunRecord) -> None:
    """Write ``about_run.json``, its paths relative to the folder, so that both can move together."""
    write_json(folder / FILE_NAME, asdict(_with_paths(record, lambda path: _relative(path, folder))))


def read_record(folder: Path) -> RunRecord | None:
    """Read ``about_run.json``; None where there is none, as in a run of another program.

    Raises:
        UserError: the file is not what :func:`write_record` writes.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return None
    values = read_json(path, what="record of a run", infinity=True)
    try:
        record = _record(values)
    except (TypeError, KeyError, ValueError, AttributeError, OverflowError) as error:
        raise UserError(f"{path}: not the record of a run ({error}).") from error
    return _with_paths(record, lambda place: os.path.normpath(os.path.join(os.path.abspath(folder), place)))


def differences(base: Mapping[str, Any], run: Mapping[str, Any]) -> tuple[tuple[str, Any, Any], ...]:
    """Fields of two configs, as dictionaries, that differ: dotted name, value in ``base``, value in ``run``.

    Paths, names and what is shown how often are left out; so are fields that only the base has.
    """
    before, after = dict(_flat(base)), dict(_flat(run))
    return tuple((name, before.get(name), value) for name, value in after.items() if before.get(name) != value)


def _flat(values: Mapping[str, Any], start: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in values.items():
        if (not start and name in _HOUSEKEEPING) or name.endswith(_PATHS):
            continue
        if isinstance(value, Mapping):
            found += _flat(value, f"{start}{name}.")
        else:
            found.append((start + name, value))
    return found


def _record(values: dict[str, Any]) -> RunRecord:
    data = dict(values["data"])
    data["dropped"] = tuple((str(reason), int(count)) for reason, count in data["dropped"])
    for name in ("folders", "speakers", "languages"):
        data[name] = tuple(map(str, data[name]))
    base = values["base"]
    return RunRecord(
        started=str(values["started"]),
        device=str(values["device"]),
        versions={str(name): str(version) for name, version in values["versions"].items()},
        data=DataFacts(**data),
        base=BaseModel(**base) if base else None,
        speaker=str(values["speaker"]),
        language=str(values.get("language", "")),
        changes=tuple((str(name), before, after) for name, before, after in values["changes"]),
        chosen=tuple(map(str, values["chosen"])),
        filled_in=tuple(Choice(**choice) for choice in values["filled_in"]),
        clips=tuple(Clip(**clip) for clip in values["clips"]),
    )


def _with_paths(record: RunRecord, change: Any) -> RunRecord:
    """The record with ``change`` applied to every path in it that is not empty."""

    def changed(path: str) -> str:
        return str(change(path)) if path else path

    base = record.base
    if base is not None:
        base = replace(base, model_file=changed(base.model_file), config_file=changed(base.config_file))
    data = replace(record.data, folders=tuple(map(changed, record.data.folders)))
    clips = tuple(replace(clip, audio_file=changed(clip.audio_file)) for clip in record.clips)
    return replace(record, base=base, data=data, clips=clips)


def _relative(path: str, folder: Path) -> str:
    try:
        return os.path.relpath(os.path.abspath(os.path.expanduser(path)), os.path.abspath(folder))
    except ValueError:  # another drive of a Windows machine
        return path
