"""What every recipe and every shipped config keeps to."""

import ast
from pathlib import Path

import pytest

from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.families.checks import require_valid
from finetune_tts.families.loading import load_any_config

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "recipes").rglob("*.py"))
CONFIGS = sorted((ROOT / "configs").rglob("*.json"))
HARMLESS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.Assign)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", RECIPES, ids=relative)
def test_a_recipe_is_short_and_names_the_command_that_runs_it(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 100
    assert f"python {relative(path)}" in ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("path", RECIPES, ids=relative)
def test_a_recipe_works_only_when_it_is_run(path):
    _, *body, last = ast.parse(path.read_text(encoding="utf-8")).body
    assert all(isinstance(node, HARMLESS) for node in body)
    assert isinstance(last, ast.If)
    assert ast.unparse(last.test) == "__name__ == '__main__'"


def test_there_are_configs():
    assert CONFIGS


@pytest.mark.parametrize("path", CONFIGS, ids=relative)
def test_a_shipped_config_loads_and_is_valid(path):
    config = load_any_config(path)
    if isinstance(config, VocoderConfig):
        require_valid(config, path.name)
    else:
        require_valid(config, path.name)


@pytest.mark.parametrize("path", CONFIGS, ids=relative)
def test_a_shipped_config_says_how_it_is_used(path):
    assert f"tts-finetune --config_path {relative(path)}" in path.read_text(encoding="utf-8")
