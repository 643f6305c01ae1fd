"""What words on a command line mean, given the type of the field that they are for."""

import typing
from collections.abc import Sequence
from contextlib import suppress
from copy import deepcopy
from typing import Any

from finetune_tts.config.base import Config
from finetune_tts.config.values import (
    MISSING_SIGN,
    Findings,
    Mismatch,
    config_class,
    container,
    describe,
    fit,
    fit_scalar,
    is_nullable,
    members,
)
from finetune_tts.json_text import NotJSON, parse_json

TRUTH = {"true": True, "false": False}
NULLS = ("null", "none")


def parse_words(words: Sequence[str], kind: Any, current: Any, path: str) -> Any:
    """Return the value that words stand for.

    Args:
        words: none, one, or several for a list.
        kind: type of the field.
        current: value of the field now. Where the type is free (items of a dictionary) it tells what is expected;
            a group given as an object keeps the fields that the object leaves out.
        path: dotted name of the field, for messages.

    Raises:
        Mismatch: the words are no such value.
    """
    if kind is Any and current is not None:
        # A whole number stands for any number there: {"gamma": 1} takes 0.99 too.
        kind = typing.cast(Any, int | float | None if type(current) in (int, float) else type(current) | None)
    if not words:
        example = "true" if bool in members(kind) else "VALUE"
        raise Mismatch(f"needs a value, {describe(kind)}: --coqpit.{path} {example}")
    if len(words) > 1:
        listed = container(kind, list)
        if listed is None and kind is not Any:
            raise Mismatch(f"takes one value, got {len(words)}. Put quotes around a text with spaces.")
        item = (typing.get_args(listed) or (Any,))[0]
        return [parse_word(word, item, path) for word in words]
    value = parse_word(words[0], kind, path)
    if isinstance(current, Config) and isinstance(value, Config):
        merged = deepcopy(current)
        for name in parse_json(words[0], infinity=True, repeated=set()):
            setattr(merged, name, getattr(value, name))
        return merged
    return value


def parse_word(word: str, kind: Any, path: str) -> Any:
    """Return the value that one word stands for: as JSON where the type is a list or a group, plainly elsewhere.

    Raises:
        Mismatch: the word is no such value.
    """
    if word == MISSING_SIGN:
        raise Mismatch("stands for a value that is still missing; give one.")
    if word.lower() in NULLS and is_nullable(kind):
        return None
    if word.lower() == "null" and container(kind, list) is not None:
        raise Mismatch("null is no value of this field. A list of nothing is '[]'.")
    if word.strip().startswith(("[", "{")) and is_structured(kind):
        return parse_structure(word, kind, path)
    if kind is Any:
        return parse_free(word)
    for member in members(kind):
        if member in (bool, int, float, str):
            try:
                return parse_scalar(word, member)
            except Mismatch:
                continue
    listed = container(kind, list)
    with suppress(Mismatch):
        if listed is not None:
            return [parse_word(word, (typing.get_args(listed) or (Any,))[0], path)]
    hint = ", as JSON" if is_structured(kind) else ""
    raise Mismatch(f"expected {describe(kind)}{hint}.")


def is_structured(kind: Any) -> bool:
    """Tell whether lists or objects are values of the type."""
    if kind is Any or config_class(kind):
        return True
    return container(kind, list) is not None or container(kind, dict) is not None


def parse_structure(text: str, kind: Any, path: str) -> Any:
    """Return a list or an object that a word gives as JSON.

    Raises:
        Mismatch: it is not JSON, or of another type.
    """
    try:
        value = parse_json(text, infinity=True)
    except NotJSON as error:
        raise Mismatch(f"is not JSON ({error}). Lists and objects are JSON, texts in them in double quotes.") from error
    findings = Findings()
    value = fit(value, kind, path, findings)
    faults = findings.faults + [f"{name}: unknown field" for name in findings.unknown]
    if faults:
        raise Mismatch("; ".join(faults) + ".")
    return value


def parse_scalar(word: str, kind: type) -> Any:
    """Return a number, a truth value or a text.

    Raises:
        Mismatch: the word is none.
    """
    if kind is str:
        return word
    if kind is bool:
        if word.lower() in TRUTH:
            return TRUTH[word.lower()]
        raise Mismatch(describe(kind))
    for read in (int, float):  # 1e4 is a whole number too
        try:
            return fit_scalar(read(word), kind)
        except ValueError:
            continue
    raise Mismatch(describe(kind))


def parse_free(word: str) -> Any:
    """Return the value of a word where anything goes: JSON or Python's names for truth and null, else a text."""
    if word.lower() in TRUTH:
        return TRUTH[word.lower()]
    try:
        return parse_json(word, infinity=True)
    except NotJSON:
        return word
