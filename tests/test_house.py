"""The house: who may import whom, what a family may be named by, and what importing costs."""

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from finetune_tts.families.registry import ENTRIES

PACKAGE = Path(__file__).parents[1] / "finetune_tts"
FLOORS = [
    ["bin", "__main__"],
    ["cli"],
    ["api"],
    ["corpus", "sharing"],
    ["check", "report", "watch", "speech_server"],
    ["assembly"],
    ["training"],
    ["hearing"],
    ["synthesis"],
    ["families"],
    ["tasks", "speaker_encoder"],
    ["runs"],
    ["data"],
    ["audio"],
    ["checkpoints"],
    ["config", "text", "machine", "catalog", "serving"],
    ["layers", "json_text"],
    ["files"],
    ["errors", "encodings", "__init__"],
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}
FOLDERS = sorted(path.name for path in (PACKAGE / "families").iterdir() if (path / "family.py").is_file())
#: Words that name an architecture, or a part of one → the folder of its family.
OWNERS = {
    **{folder: folder for folder in FOLDERS},
    **{name: entry.load().config_class.__module__.split(".")[2] for name, entry in ENTRIES.items()},
    **{"capacitron": "tacotron", "mms": "vits"},
}
#: Names of architectures that are words of every day too; they count where they are quoted, or the name of a class.
WORDS = ("overflow",)
#: Files of a family's folder that know configs, files or batches; all others hold networks.
NO_NETWORKS = re.compile(
    r"(config|faults|building|task|speech|family|export|conversion|restoring|style_flags|speaking_style|prosody|mms|"
    r"piper|original_names|speaker_judge|codec|ending|fitting|judge|reader|voices|weights|\w+_(config|faults|task))\.py|__init__\.py"
)


def imports_of(module: str) -> set[str]:
    """The modules of the package that a module imports: at its top, in functions and for type checkers alone."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{module}: relative import"
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found.update((inner & MODULES.keys()) or {node.module})
    return found & MODULES.keys() - {module}


def packages_of(module: str) -> set[str]:
    """What a module imports, of this package and others."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


@pytest.mark.parametrize("module", sorted(MODULES), ids=lambda module: module.removeprefix("finetune_tts."))
def test_imports_run_downwards_only(module):
    room = room_of(module)
    for other in {room_of(imported) for imported in imports_of(module)} - {room}:
        assert FLOOR[other] > FLOOR[room], f"{room} may not use {other}"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_imports_what_only_tests_need(path):
    # Importing librosa takes a second of a CPU, in every program and every worker that reads recordings.
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not {name.split(".")[0] for name in names} & {"librosa", "numba"}


def test_every_room_has_a_floor():
    assert {room_of(module) for module in MODULES} <= FLOOR.keys()


def test_no_circle_of_files():
    list(TopologicalSorter({module: imports_of(module) for module in MODULES}).static_order())  # raises CycleError


def test_no_family_uses_another():
    for folder in FOLDERS:
        for module in MODULES:
            if module.startswith(f"finetune_tts.families.{folder}."):
                others = {
                    name.split(".")[2] for name in imports_of(module) if name.startswith("finetune_tts.families.")
                }
                assert others & set(FOLDERS) <= {folder}, module


@pytest.mark.parametrize(("word", "folder"), sorted(OWNERS.items()))
def test_nothing_outside_of_a_family_names_it(word, folder):
    # What is data (the catalog, the bundled model) names models. And every config that has the layout of a vocabulary
    # calls it by the class of the model that had it first; tensors of releases are named after models, too.
    name = re.compile(rf"(?i)(?<![a-z]){word}(?!(?-i:Characters)\b|_decoder\b)")
    if word in WORDS:
        name = re.compile(rf"[\"']{word}[\"']|\b{word.capitalize()}(?!Error)")
    for path in PACKAGE.rglob("*"):
        place = path.relative_to(PACKAGE).as_posix()
        is_data = place.startswith("assets/") or re.fullmatch(r"catalog/\w+\.json", place)
        is_own = place.startswith(f"families/{folder}/") or place == "families/registry.py"
        is_own = is_own or place.endswith(("/transformers_names.py", "/sherpa_names.py"))  # what other programs say
        if path.suffix in (".py", ".css", ".json") and not is_data and not is_own:
            assert not name.search(path.read_text(encoding="utf-8")), f"{place} names {word}"


def test_every_architecture_stands_in_a_family_and_the_other_way_round():
    assert {entry.load().config_class.__module__.split(".")[2] for entry in ENTRIES.values()} == set(FOLDERS)


def test_networks_know_no_config_file_or_trainer():
    for module in MODULES:
        own, name = module.rpartition(".")[0], module.rpartition(".")[2]
        if module.startswith("finetune_tts.layers."):
            assert {room_of(other) for other in imports_of(module)} <= {"layers"}, module
        elif own.endswith(".text"):  # how a family reads: a folder of its own, without networks
            assert "torch" not in {name.split(".")[0] for name in packages_of(module)}, module
        elif own.startswith("finetune_tts.families.") and not NO_NETWORKS.fullmatch(f"{name}.py"):
            for other in imports_of(module):
                assert ".text." not in other.removeprefix("finetune_tts"), f"{module} knows {other}"
                assert room_of(other) == "layers" or other.startswith(own), f"{module} knows {other}"
                assert not NO_NETWORKS.fullmatch(f"{other.rpartition('.')[2]}.py"), f"{module} knows {other}"


@pytest.mark.parametrize(
    "module",
    [
        "finetune_tts",
        "finetune_tts.api",
        "finetune_tts.cli.finetune",
        "finetune_tts.cli.speak",
        "finetune_tts.cli.catalog_view",
        "finetune_tts.families.registry",
    ],
)
def test_importing_a_program_loads_no_heavy_package(module):
    code = f"import sys, {module}; print(*sorted({{'torch', 'numpy', 'librosa', 'requests'}} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_reading_every_config_class_loads_no_torch():
    code = (
        "import sys; from finetune_tts.families.registry import ENTRIES\n"
        "for entry in ENTRIES.values(): entry.load().config_class()\n"
        "print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
