"""Values of config fields: does one fit its field's type, and what does a word on the command line mean there?

Coqpit turns a value of a wrong type into the default with a warning; here it is a fault that names the field.
"""

import json
import math
import typing
from dataclasses import MISSING, Field, dataclass, field, fields
from types import NoneType, UnionType
from typing import Any

from finetune_tts.config.base import Config

NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", NoneType: "null"}


#: A field that holds this text fails whenever Coqpit reads it.
MISSING_SIGN = "???"


class Mismatch(ValueError):
    """A value does not fit; the message says what is expected."""


@dataclass
class Findings:
    """What was noticed while values were fitted into a config.

    Attributes:
        faults: one line for each value that does not fit.
        defaulted: names of fields that were null where null is no value, and took their default.
        unknown: names of fields that no class here has.
    """

    faults: list[str] = field(default_factory=list)
    defaulted: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def members(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union type, or the type itself."""
    if isinstance(kind, UnionType) or typing.get_origin(kind) is typing.Union:
        return typing.get_args(kind)
    return (kind,)


def is_nullable(kind: Any) -> bool:
    """Tell whether null is a value of the type."""
    return kind is Any or NoneType in members(kind)


def config_class(kind: Any) -> type[Config] | None:
    """Return the config class that the type is, or admits beside null."""
    for member in members(kind):
        # On Python 3.10 dict[str, Any] passes for a type, but not for a class.
        if typing.get_origin(member) is None and isinstance(member, type) and issubclass(member, Config):
            return member
    return None


def container(kind: Any, origin: type) -> Any:
    """Return the ``list`` or ``dict`` type that the type is or admits, else None."""
    return next((member for member in members(kind) if (typing.get_origin(member) or member) is origin), None)


def default_of(member: Field[Any]) -> Any:
    """Return a fresh default of a config field; every one of them has a default."""
    return member.default if member.default_factory is MISSING else member.default_factory()


def describe(kind: Any) -> str:
    """Say in words what a field of the type takes, e.g. ``a number or a list of numbers``."""
    if kind is Any:
        return "any value"
    if len(members(kind)) > 1:
        words = [describe(member) for member in members(kind)]
        if {int, float} <= set(members(kind)):
            words.remove(NAMES[int])
        return " or ".join(words)
    if container(kind, list) is not None:
        items = typing.get_args(kind)
        return f"a list, each item {describe(items[0])}" if items and items[0] is not Any else "a list"
    if container(kind, dict) is not None or config_class(kind):
        return "an object of fields"
    return NAMES[kind]


def shown(value: Any) -> str:
    """Return a value as JSON would write it, short enough for a message."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    text = text if len(text) <= 60 else f"{text[:57]}…"
    return "".join(character if character.isprintable() else "·" for character in text)


def shown_name(name: str) -> str:
    """Return the name of a field that somebody made up, short enough and fit for a message."""
    name = name if len(name) <= 60 else f"{name[:57]}…"
    return name if name.isprintable() else shown(name)


def fit_scalar(value: Any, kind: Any) -> Any:
    """Return ``value`` as a number, a truth value, a text or null.

    Raises:
        Mismatch: it is of another type.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is Any or (kind is NoneType and value is None) or (kind is str and isinstance(value, str)):
        return value
    if kind is bool and (isinstance(value, bool) or (number and value in (0, 1))):
        return bool(value)
    # No field needs whole numbers beyond 64 bits, and Python's own are without bound.
    if kind is int and number and abs(value) < 2**63 and value == int(value):
        return int(value)
    if kind is float and number and (abs(value) < 2**1023 or value in (math.inf, -math.inf)):
        return float(value)
    raise Mismatch(describe(kind))


def fit(value: Any, kind: Any, path: str, findings: Findings) -> Any:
    """Return ``value`` as the type wants it, noting what does not fit under ``path``.

    Args:
        value: a value as JSON gives it.
        kind: the type of the field.
        path: dotted name of the field, for messages.
        findings: takes the faults; with one, the returned value is of no use.
    """
    group = config_class(kind)
    if value == MISSING_SIGN:
        findings.faults.append(f'{path} = "{MISSING_SIGN}": stands for a value that is still missing; give one')
        return None
    if group and isinstance(value, dict):
        return build(group, value, path, findings)
    if isinstance(value, list) and (listed := container(kind, list)) is not None:
        items = typing.get_args(listed) or (Any,)
        return [fit(item, items[0], f"{path}.{index}", findings) for index, item in enumerate(value)]
    if isinstance(value, dict) and (mapped := container(kind, dict)) is not None:
        of = typing.get_args(mapped) or (str, Any)
        return {name: fit(item, of[1], f"{path}.{shown_name(str(name))}", findings) for name, item in value.items()}
    for member in members(kind):
        try:
            if member in NAMES or member is Any:
                return fit_scalar(value, member)
        except Mismatch:
            continue
    # Old classes had `d_vector_file: str = False`, and wrote that.
    if value is False and is_nullable(kind):
        return None
    findings.faults.append(f"{path} = {shown(value)}: expected {describe(kind)}")
    return None


def build(group: type[Config], values: dict[str, Any], path: str, findings: Findings) -> Config:
    """Make a config of plain values; unknown fields are kept, null where it is no value takes the default.

    Args:
        group: the class to make.
        values: field name → value as JSON gives it.
        path: dotted name of the group; empty at top level.
        findings: takes the faults.
    """
    known: dict[str, Any] = {}
    kept = {name: value for name, value in values.items() if name not in group.field_names()}
    prefix = f"{path}." if path else ""
    findings.unknown += [f"{prefix}{name}" for name in kept]
    for member in fields(group):
        if member.name not in values:
            continue
        value = values[member.name]
        name = f"{prefix}{member.name}"
        if value is None and not is_nullable(member.type):
            findings.defaulted.append(name)
            known[member.name] = default_of(member)
        else:
            known[member.name] = fit(value, member.type, name, findings)
    if findings.faults:
        return group()
    config = group(**known)
    config.kept_fields().update(kept)
    return config
