"""The house: who may import whom, and what importing costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "finetune_tts"
FLOORS = [
    ["bin", "__main__"],
    ["cli"],
    ["check", "report"],
    ["assembly"],
    ["training"],
    ["synthesis"],
    ["families"],
    ["tasks", "speaker_encoder"],
    ["runs"],
    ["data"],
    ["audio"],
    ["checkpoints"],
    ["config", "text", "machine", "catalog"],
    ["layers", "files"],
    ["errors", "__init__"],
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def imports_of(path: Path) -> set[str]:
    """The rooms that a module imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            assert node.level == 0, f"{path}: relative import"
    return {name.split(".")[1] if "." in name else "__init__" for name in names if name.split(".")[0] == "finetune_tts"}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downwards_only(path):
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for other in imports_of(path) - {room}:
        assert FLOOR[other] > FLOOR[room], f"{room} may not use {other}"


def test_every_room_has_a_floor():
    rooms = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert rooms - {"assets", "__pycache__"} <= FLOOR.keys()


def test_networks_know_no_config_file_or_trainer():
    for path in (PACKAGE / "layers").glob("*.py"):
        assert imports_of(path) <= {"layers"}, path.name
    for path in (PACKAGE / "vocoders").glob("*.py"):
        if path.name not in ("building.py", "restoring.py"):
            assert imports_of(path) <= {"layers", "vocoders"}, path.name
    for path in (PACKAGE / "models").rglob("*.py"):
        if path.name not in ("building.py", "restoring.py"):
            assert imports_of(path) <= {"layers", "models", "vocoders"}, path.name


@pytest.mark.parametrize(
    "module", ["finetune_tts", "finetune_tts.cli.finetune", "finetune_tts.cli.speak", "finetune_tts.cli.catalog_view"]
)
def test_importing_a_program_loads_no_heavy_package(module):
    code = f"import sys, {module}; print(*sorted({{'torch', 'numpy', 'librosa', 'requests'}} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""
