"""Overrides: ``--coqpit.FIELD VALUE`` on the command line, applied all or none, every fault named at once.

A field is a dotted path: ``lr``, ``audio.sample_rate``, ``datasets.0.path``, ``encoder_params.num_layers``.
"""

import difflib
import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, fields
from typing import Any

from finetune_tts.config.base import Config
from finetune_tts.config.field_help import FieldHelp, field_help, format_field_help
from finetune_tts.config.making import unknown_fields
from finetune_tts.config.parsing import parse_words
from finetune_tts.config.ranges import limited
from finetune_tts.config.released import RENAMED
from finetune_tts.config.values import (
    Mismatch,
    config_class,
    container,
    describe,
    shown,
)
from finetune_tts.errors import UserError
from finetune_tts.families.registry import ENTRIES, architecture_name

__all__ = [
    "FieldHelp",
    "Override",
    "apply_overrides",
    "field_help",
    "format_field_help",
    "parse_overrides",
    "split_overrides",
]

PREFIX = "--coqpit."
NUMBER = re.compile(r"-(\d|\.\d|inf\b)", re.IGNORECASE)


@dataclass(frozen=True)
class Override:
    """One ``--coqpit.FIELD VALUE``.

    Attributes:
        path: dotted name of the field.
        words: the words that followed; a list may be given as several.
    """

    path: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join([f"{PREFIX}{self.path}", *self.words])


def is_flag(word: str) -> bool:
    """Tell whether a word of the command line starts an option; negative numbers do not."""
    return word.startswith("-") and len(word) > 1 and not NUMBER.match(word)


def split_overrides(argv: Sequence[str]) -> tuple[list[Override], list[str]]:
    """Take the overrides out of a command line.

    Args:
        argv: the words after the program's name.

    Returns:
        The overrides in order, and the words that are left for argparse.
    """
    overrides: list[Override] = []
    rest: list[str] = []
    words = list(argv)
    while words:
        word = words.pop(0)
        if not word.startswith(PREFIX):
            rest.append(word)
            continue
        path, equals, value = word.removeprefix(PREFIX).partition("=")
        given = [value] if equals else []
        while not equals and words and not is_flag(words[0]):
            given.append(words.pop(0))
        overrides.append(Override(path, tuple(given)))
    return overrides, rest


def parse_overrides(argv: Sequence[str]) -> list[Override]:
    """Return the overrides of a list of words that holds nothing else.

    Raises:
        UserError: a word is no override.
    """
    overrides, rest = split_overrides(argv)
    if rest:
        raise UserError(f"{' '.join(rest)}: is no override; they have the form {PREFIX}FIELD VALUE.")
    return overrides


def apply_overrides(config: Config, overrides: Sequence[Override]) -> None:
    """Set the fields that the overrides name, all of them or, with any fault, none.

    Items one past the end of a list are appended. Fields of a released config that no class here has can be set
    where the config holds them.

    Args:
        config: changed in place.
        overrides: in any order; what names a whole group is applied before what names a part of it.

    Raises:
        UserError: unknown fields (with the nearest), values of a wrong type, a field given twice with different
            values; one message names all of them.
    """
    changed = deepcopy(config)
    faults: list[str] = []
    given: dict[str, Override] = {}
    for override in overrides:
        before = given.setdefault(override.path, override)
        if before != override:
            faults.append(f"{override}: contradicts {before}; give one of them.")
    for override in sorted(given.values(), key=lambda override: natural_order(override.path)):
        try:
            set_field(changed, override)
        except Mismatch as fault:
            faults.append(f"{override}: {fault}")
    before_model, after_model = getattr(config, "model", None), getattr(changed, "model", None)
    if after_model != before_model:
        if architecture_name(str(after_model)) == before_model:
            changed["model"] = before_model
        else:
            faults.append(f"{PREFIX}model {after_model}: the config is one of {before_model}; take another config.")
    if faults:
        several = "\n  ".join([f"{len(faults)} overrides fail:", *limited(faults)])
        raise UserError(faults[0] if len(faults) == 1 else several)
    if after_model in ENTRIES:
        ENTRIES[after_model].load().settle(changed, given)
    config.__dict__.update(changed.__dict__)


def natural_order(path: str) -> list[tuple[int, str]]:
    """Return a key that sorts dotted paths with their list indexes as numbers, a whole before its parts."""
    return [(int(part), "") if is_index(part) else (-1, part) for part in path.split(".")]


def is_index(name: str) -> bool:
    """Tell whether a part of a path can be the index of a list; one of thousands of digits cannot."""
    return name.isdecimal() and len(name) < 10


def set_field(config: Config, override: Override) -> None:
    """Set one field.

    Raises:
        Mismatch: there is no such field, or the value does not fit it.
    """
    *groups, last = override.path.split(".")
    holder: Any = config
    kind: Any = type(config)
    for depth, name in enumerate(groups):
        current, kind = look_up(config, holder, kind, name, override.path)
        if current is None:
            current = empty(kind)
            if current is None:
                path = ".".join(groups[: depth + 1])
                raise Mismatch(f"{path} is null and takes {describe(kind)}, which has no field {last}.")
            store(holder, name, current)
        holder = current
    current, kind = look_up(config, holder, kind, last, override.path)
    store(holder, last, parse_words(override.words, kind, current, override.path))


def look_up(config: Config, holder: Any, kind: Any, name: str, path: str) -> tuple[Any, Any]:
    """Return the value that stands under a name in a group, a dictionary or a list, and its type.

    Args:
        config: the whole config, for suggestions.
        holder: a config group, a dictionary or a list.
        kind: type of the holder.
        name: field name, key, or index.
        path: the whole dotted path, for suggestions.

    Raises:
        Mismatch: nothing can stand there.
    """
    if isinstance(holder, Config):
        for field in fields(holder):
            if field.name == name:
                return getattr(holder, name), field.type
        if name in holder.kept_fields():
            return holder.kept_fields()[name], Any
        raise Mismatch(f"unknown field. {suggestion(config, path)}")
    if isinstance(holder, dict):
        of = getattr(container(kind, dict), "__args__", (str, Any))
        return holder.get(name), of[1]
    if isinstance(holder, list):
        item = getattr(container(kind, list), "__args__", (Any,))[0]
        if not is_index(name) or int(name) > len(holder):
            raise Mismatch(f"{name!r} is no place in a list of {len(holder)}; the next free one is {len(holder)}.")
        return (holder[int(name)] if int(name) < len(holder) else None), item
    raise Mismatch(f"{shown(holder)} is a single value without a field {name!r}.")


def empty(kind: Any) -> Any:
    """Return a fresh group, dictionary or list for a field that is null, or None where it takes a single value."""
    if group := config_class(kind):
        return group()
    for origin in (dict, list):
        if container(kind, origin) is not None:
            return origin()
    return {} if kind is Any else None


def store(holder: Any, name: str, value: Any) -> None:
    """Put a value where :func:`look_up` looked."""
    if isinstance(holder, list) and int(name) == len(holder):
        holder.append(value)
    elif isinstance(holder, list):
        holder[int(name)] = value
    elif isinstance(holder, dict):
        holder[name] = value
    elif name in holder.field_names():
        setattr(holder, name, value)
    else:
        holder.kept_fields()[name] = value


def all_paths(config: Config) -> list[str]:
    """Return the dotted paths of all fields that a config has: those of its class and those it kept."""
    return [entry.name for entry in field_help(type(config))] + list(unknown_fields(config))


def suggestion(config: Config, path: str) -> str:
    """Say which fields come nearest to a path that is none."""
    paths = all_paths(config)
    last = path.rpartition(".")[2]
    near = [RENAMED[path]] if path in RENAMED else []
    near += [known for known in paths if known.rpartition(".")[2] == last]
    near += difflib.get_close_matches(path, paths, n=2, cutoff=0.7)
    by_name = {known.rpartition(".")[2]: known for known in reversed(paths)}
    near += [by_name[name] for name in difflib.get_close_matches(last, by_name, n=2, cutoff=0.7)]
    if not near:
        return "--help lists the fields."
    return f"Did you mean {' or '.join(PREFIX + known for known in list(dict.fromkeys(near))[:3])}?"
