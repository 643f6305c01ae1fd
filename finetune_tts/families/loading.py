"""From a config file to a config object and back: released configs of every age, nothing lost on the way."""

import logging
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import fields
from pathlib import Path
from typing import Any

from finetune_tts.config.base import Config
from finetune_tts.config.commented_json import read_object
from finetune_tts.config.released import current_form
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.config.values import Findings, build, shown
from finetune_tts.errors import UserError
from finetune_tts.families.glow_tts.config import ENCODER_PARAMS, GlowTTSConfig
from finetune_tts.families.tacotron.config import Tacotron2Config, TacotronConfig
from finetune_tts.families.vits.config import VitsConfig
from finetune_tts.families.vits.mms import from_mms, is_mms_config
from finetune_tts.files import write_json

logger = logging.getLogger(__name__)

#: Architecture (the ``model`` field) → its config class.
CONFIG_CLASSES: dict[str, type[SpeechConfig]] = {
    "glow_tts": GlowTTSConfig,
    "vits": VitsConfig,
    "tacotron": TacotronConfig,
    "tacotron2": Tacotron2Config,
}


def load_config(path: str | Path, *, quiet: bool = False) -> SpeechConfig:
    """Read a config file; its ``model`` field decides the class.

    Accepts what releases from 2020 on have written (see :mod:`finetune_tts.config.released`), comments, and files
    that state only what differs from the defaults. Fields that no class here has are kept and logged, unless ``quiet``.

    Raises:
        UserError: the file cannot be read, is not a JSON object, names no known architecture, or holds values of
            a wrong type; all of those are named, with what was expected.
    """
    values = read_object(path)
    if is_mms_config(values):
        values = from_mms(values, Path(path).parent)
    return config_from_dict(values, where=str(path), quiet=quiet)


def config_from_dict(values: Mapping[str, Any], where: str = "config", *, quiet: bool = False) -> SpeechConfig:
    """Make a config of plain values, as a config file or a checkpoint holds them.

    Args:
        values: field name → value, in the form of any release; left as it is.
        where: what the values are called in messages, for example the file's name.
        quiet: log nothing.

    Raises:
        UserError: as for :func:`load_config`.
    """
    current = current_form(dict(values))
    group = class_for(current, where)
    complete_encoder(current)
    config = built(group, current, where, quiet=quiet)
    assert isinstance(config, SpeechConfig)
    return config


def built(group: type[Config], values: dict[str, Any], where: str, *, quiet: bool) -> Config:
    """Make a config of values in today's form, and log what was not taken as it stands.

    Args:
        group: the class to make.
        values: field name → value.
        where: what the values are called in messages.
        quiet: log nothing.

    Raises:
        UserError: values of a wrong type; all of them are named.
    """
    findings = Findings()
    config = build(group, values, "", findings)
    if findings.faults:
        raise UserError(type_faults(findings.faults, where))
    if findings.defaulted and not quiet:
        logger.info("%s: null, so the default counts: %s", where, ", ".join(findings.defaulted))
    if not quiet and (unknown := unknown_fields(config)):
        logger.info("%s: %d fields not used here are kept: %s", where, len(unknown), ", ".join(unknown))
    return config


def class_for(values: Mapping[str, Any], where: str) -> type[SpeechConfig]:
    """Return the config class of the architecture that ``values["model"]`` names.

    Raises:
        UserError: there is no such field, or no class for what it says.
    """
    model = values.get("model")
    known = ", ".join(sorted(CONFIG_CLASSES))
    if isinstance(model, str) and model in CONFIG_CLASSES:
        return CONFIG_CLASSES[model]
    if model == "speaker_encoder":
        raise UserError(f"{where}: is the config of a speaker encoder: name it with --encoder_config_path.")
    if isinstance(model, str) and model:
        raise UserError(f'{where}: model = "{model}" has no config class here. Known: {known}.')
    if "generator_model" in values:
        raise UserError(f"{where}: is the config of a vocoder. A config of a text-to-speech model is needed: {known}.")
    raise UserError(f"{where}: the field model must name the architecture, one of: {known}; it is {shown(model)}.")


def complete_encoder(values: dict[str, Any]) -> None:
    """Give the arguments of the named encoder where a config names one and leaves them out."""
    kind = values.get("encoder_type")
    if values.get("encoder_params") is None and isinstance(kind, str) and kind in ENCODER_PARAMS:
        values["encoder_params"] = deepcopy(ENCODER_PARAMS[kind])


def type_faults(faults: list[str], where: str) -> str:
    """Join the faults of one file into a message; one fault stays on one line."""
    if len(faults) == 1:
        return f"{where}: {faults[0]}."
    return "\n  ".join([f"{where}: {len(faults)} values have a wrong type:", *faults])


def save_config(config: Config, path: str | Path) -> None:
    """Write a config, unknown fields included, as JSON that coqui-tts loads; whole or not at all.

    Raises:
        UserError: the file cannot be written.
    """
    try:
        write_json(path, config.to_dict())
    except OSError as error:
        raise UserError(f"{path}: the config cannot be written ({error.strerror}).") from error


def unknown_fields(config: Config) -> dict[str, Any]:
    """Return the fields that were kept without being known, dotted name → value, those of nested groups too."""
    found = dict(config.kept_fields())
    for field in fields(config):
        value = getattr(config, field.name)
        groups = {f"{field.name}.{index}": item for index, item in enumerate(value)} if isinstance(value, list) else {}
        for name, group in {field.name: value, **groups}.items():
            if isinstance(group, Config):
                found |= {f"{name}.{unknown}": kept for unknown, kept in unknown_fields(group).items()}
    return found
