"""The fields of a config class, with their help texts: what ``--help`` and the documentation show."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from finetune_tts.config.base import Config
from finetune_tts.config.values import config_class, container, default_of, describe, shown


@dataclass(frozen=True)
class FieldHelp:
    """One field.

    Attributes:
        name: dotted path; the items of a list stand under ``0``.
        type: what it takes, in words.
        default: its default as JSON.
        help: one line.
        group: the config class that it belongs to.
    """

    name: str
    type: str
    default: str
    help: str
    group: str


def field_help(config: type[Config]) -> list[FieldHelp]:
    """Return all fields of a config class, those of nested groups under dotted names."""
    return list(walk(config, ""))


def walk(config: type[Config], prefix: str) -> Iterator[FieldHelp]:
    """Yield the fields of a class, each nested group in the place of its field."""
    for field in fields(config):
        name = f"{prefix}{field.name}"
        listed = container(field.type, list)
        item = config_class(getattr(listed, "__args__", (Any,))[0]) if listed is not None else None
        if group := config_class(field.type):
            yield from walk(group, f"{name}.")
            continue
        text = str(field.metadata.get("help", ""))
        yield FieldHelp(name, describe(field.type), shown(default_of(field)), text, group_of(config, field.name))
        if item:
            yield from walk(item, f"{name}.0.")


def group_of(config: type[Config], name: str) -> str:
    """Return the name of the class in which a field was first declared."""
    holders = [base for base in config.__mro__ if name in base.__dict__.get("__annotations__", {})]
    return holders[-1].__name__ if holders else config.__name__


def format_field_help(config: type[Config], width: int = 100) -> str:
    """Return the fields as text for a terminal: a heading for each group, a paragraph for each field."""
    lines: list[str] = []
    heading = ""
    for entry in field_help(config):
        title = f"{entry.group.removesuffix('Config')}:"
        if title != heading:
            lines += ["", title] if lines else [title]
            heading = title
        lines.append(f"  --coqpit.{entry.name}  {entry.type}; default {entry.default}")
        lines += textwrap.wrap(entry.help, width - 6, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join(lines)
