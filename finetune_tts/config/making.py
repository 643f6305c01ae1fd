"""From plain values to a config object, and from there to a file; nothing is lost on the way."""

import logging
from collections.abc import Collection, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from finetune_tts.config.base import Config
from finetune_tts.config.ranges import limited
from finetune_tts.config.values import Findings, build, default_of, shown_name
from finetune_tts.errors import UserError
from finetune_tts.files import write_json

logger = logging.getLogger(__name__)


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
        logger.info("%s: null, so the default counts: %s", where, ", ".join(limited(findings.defaulted, 50)))
    if not quiet and (unknown := unknown_fields(config)):
        names = ", ".join(limited([shown_name(name) for name in unknown], 50))
        logger.info("%s: not used here and kept: %s", where, names)
    return config


def type_faults(faults: list[str], where: str) -> str:
    """Join the faults of one file into a message; one fault stays on one line."""
    if len(faults) == 1:
        return f"{where}: {faults[0]}."
    return "\n  ".join([f"{where}: {len(faults)} values have a wrong type:", *limited(faults)])


def save_config(config: Config, path: str | Path) -> None:
    """Write a config, unknown fields included, as JSON that coqui-tts loads; whole or not at all.

    Raises:
        UserError: the file cannot be written.
    """
    try:
        write_json(path, config.to_dict())
    except OSError as error:
        raise UserError(f"{path}: the config cannot be written ({error.strerror}).") from error


def without_effect(config: Config, given: Collection[str], *, whole: bool) -> list[str]:
    """Return the dotted names of fields that the user set and that nothing here reads.

    Args:
        config: of a run.
        given: dotted names of what the user set, or of groups that hold it.
        whole: all of the config is the user's, so that whatever differs from its default was set.
    """

    def found(group: Config, prefix: str) -> Iterator[str]:
        for field in fields(group):
            name, value = f"{prefix}{field.name}", getattr(group, field.name)
            items = enumerate(value) if isinstance(value, list) else [("", value)]
            for index, item in items:
                if isinstance(item, Config):
                    yield from found(item, f"{name}.{index}." if isinstance(value, list) else f"{name}.")
            inside = any(name.startswith(f"{holder}.") for holder in given)
            if field.metadata.get("kept") and (name in given or (whole or inside) and value != default_of(field)):
                yield name

    return list(found(config, ""))


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
