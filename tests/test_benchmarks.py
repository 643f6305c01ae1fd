"""Results of benchmarks are kept in files, and the page of the documentation is made of them."""

import ast
import importlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"


@pytest.fixture
def modules(monkeypatch):
    """The modules ``result`` and ``report``, as a benchmark imports them."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import report
    import result

    monkeypatch.setattr(sys, "argv", ["/somewhere/one.py", "--coqui_python", "/home/me/python", "--steps", "3"])
    yield result, report
    for name in ("result", "report"):
        sys.modules.pop(name)


def make(result, **changes):
    columns = [result.Column("what"), result.Column("time", ".2f", "s")]
    values = {"title": "A step", "about": "Of a network.", "columns": columns, "rows": [["a|b", 1.234], ["c", None]]}
    return result.Result(**values | changes)


def test_the_page_is_what_the_results_say():
    run = subprocess.run([sys.executable, str(BENCHMARKS / "report.py"), "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("script", sorted(path for path in BENCHMARKS.glob("*.py")), ids=lambda script: script.name)
def test_a_benchmark_uses_what_the_package_has(script):
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("finetune_tts"):
            module = importlib.import_module(node.module)
            missing = [alias.name for alias in node.names if not hasattr(module, alias.name)]
            # What a room has is a module too, which nobody may have imported yet.
            assert [name for name in missing if importlib.util.find_spec(f"{node.module}.{name}") is None] == []


def test_commands_of_results_name_scripts_that_are_there():
    for path in sorted((BENCHMARKS / "results").glob("*.json")):
        command = json.loads(path.read_text(encoding="utf-8"))["command"]
        if command:
            script = next(word for word in command.split() if word.startswith("benchmarks/"))
            assert (ROOT / script).exists(), f"{path.name}: {script}"


def test_a_kept_result_becomes_a_part_of_the_page(modules, tmp_path, capsys):
    result, report = modules
    result.finish(make(result), "one", tmp_path)
    page = report.page(tmp_path, {"All": ("one",)})
    assert "### A step" in page
    assert "| a\\|b | 1.23 s |" in page
    assert "| c | – |" in page
    assert "python benchmarks/one.py --coqui_python PYTHON --steps 3" in page
    assert "/home/me" not in page
    assert "torch" in json.loads((tmp_path / "one.json").read_text(encoding="utf-8"))["machine"]
    assert "1.23 s" in capsys.readouterr().out


def test_a_result_that_is_not_asked_for_is_only_printed(modules, tmp_path, capsys):
    result, _ = modules
    result.finish(make(result), None, tmp_path)
    assert not list(tmp_path.iterdir())
    assert "1.23 s" in capsys.readouterr().out


def test_a_result_that_is_in_no_section_is_an_error(modules, tmp_path):
    result, report = modules
    result.finish(make(result), "other", tmp_path)
    with pytest.raises(ValueError, match="one, other|other, one"):
        report.page(tmp_path, {"All": ("one",)})


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [({"rows": [["a"]]}, "1 cells under 2 columns"), ({"surplus": 1}, "surplus"), ({"title": ...}, "title")],
)
def test_a_result_that_is_not_whole_is_refused(modules, tmp_path, changes, complaint):
    result, _ = modules
    result.finish(make(result), "one", tmp_path)
    path = tmp_path / "one.json"
    values = json.loads(path.read_text(encoding="utf-8")) | changes
    values = {name: value for name, value in values.items() if value is not ...}
    path.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        result.read_result(path)
