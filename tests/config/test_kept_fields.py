"""A field acts, or it is marked as kept for coqui-tts and named where the user sets it: over all architectures."""

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

import finetune_tts
from finetune_tts.config.base import Config
from finetune_tts.config.making import without_effect
from finetune_tts.config.values import config_class, container, default_of
from finetune_tts.families.registry import ENTRIES, family_of

PACKAGE = Path(finetune_tts.__file__).parent
#: What code calls a config, or a group of one.
HOLDERS = re.compile(r"\w*(config|audio|arguments|args|dataset|vae|gst|style|sizes)")
#: A list of fields that say how a run is kept: names, nothing is read there.
NO_READERS = ("runs/record.py",)


def readers(family: str) -> Iterator[ast.AST]:
    """The code of the package that may read the config of a family; no config classes, and nothing about old files."""
    own = Path(family_of(family).config_class.__module__.replace(".", "/")).parent.name
    for path in PACKAGE.rglob("*.py"):
        room, *below = path.relative_to(PACKAGE).parts
        foreign = room == "families" and len(below) > 1 and below[0] != own
        if room == "config" or foreign or path.relative_to(PACKAGE).as_posix() in NO_READERS:
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            is_config = isinstance(node, ast.ClassDef) and path.name.endswith("config.py")
            is_modernising = isinstance(node, ast.FunctionDef) and node.name == "modernise"
            is_range = path.name.endswith("faults.py") and not isinstance(node, ast.FunctionDef)
            if not (is_config or is_modernising or is_range):
                yield node


def is_read(node: ast.AST) -> re.Pattern[str] | None:
    """The names of fields that a node reads."""
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
        holder = ast.unparse(node.value).rpartition(".")[2]
        return re.compile(re.escape(node.attr)) if HOLDERS.fullmatch(holder) else None
    if isinstance(node, ast.JoinedStr):
        parts = (re.escape(part.value) if isinstance(part, ast.Constant) else r"\w+" for part in node.values)
        pattern = "".join(parts)
        return re.compile(pattern) if re.search("[a-z]_", pattern) else None
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
        return re.compile(node.value)
    return None


def acting_fields(group: type[Config]) -> Iterator[str]:
    """The names of fields that are not marked as kept, those of nested groups too."""
    for field in fields(group):
        listed = container(field.type, list)
        inner = config_class(field.type) or (listed and config_class(listed.__args__[0]))
        if inner:
            yield from acting_fields(inner)
        if not field.metadata.get("kept"):
            yield field.name


@pytest.mark.parametrize("family", ENTRIES)
def test_every_field_is_read_or_marked_as_kept(family):
    patterns = {found for top in readers(family) for node in ast.walk(top) if (found := is_read(node))}
    names = set(acting_fields(family_of(family).config_class)) - {"model"}  # which decides the class
    assert {name for name in names if not any(pattern.fullmatch(name) for pattern in patterns)} == set()


@pytest.mark.parametrize("family", ENTRIES)
def test_a_kept_field_says_so_in_its_help_and_no_other_does(family):
    for field in fields(family_of(family).config_class):
        assert str(field.metadata["help"]).startswith("Kept for") == bool(field.metadata.get("kept")), field.name


def test_kept_fields_that_the_user_set_are_named():
    config = family_of("vits").config_class()
    assert without_effect(config, [], whole=True) == []
    config.model_args.noise_scale, config.use_weighted_sampler, config.lr_gen = 0.3, True, 1e-6
    assert without_effect(config, [], whole=True) == ["model_args.noise_scale", "use_weighted_sampler"]
    assert without_effect(config, {"lr_gen"}, whole=False) == []
    assert without_effect(config, {"model_args"}, whole=False) == ["model_args.noise_scale"]
    assert without_effect(config, {"start_by_longest"}, whole=False) == ["start_by_longest"]


def test_a_kept_list_or_dictionary_is_each_config_s_own():
    field = next(field for field in fields(family_of("vits").config_class) if field.name == "weighted_sampler_attrs")
    default_of(field)["x"] = 1
    assert default_of(field) == {}
