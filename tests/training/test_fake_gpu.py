"""Training steps on fake tensors of a GPU, in a process of their own (fake_gpu.py): what a GPU would show first."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from finetune_tts.families.registry import ENTRIES

HERE = Path(__file__).parent
VARIANTS = HERE.parent / "families" / "tiny" / "variants"


def stand_in(folder: Path) -> Path:
    """A CUDA device that is none, for a torch that was built without CUDA."""
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs a C++ compiler on Linux")
    torch_folder, library = Path(torch.__file__).parent, folder / "fake_gpu.so"
    libraries = torch_folder / "lib"
    subprocess.run(
        [compiler, "-std=c++20", "-shared", "-fPIC", f"-I{torch_folder / 'include'}", str(HERE / "fake_gpu.cpp"),
         "-o", str(library), f"-L{libraries}", "-ltorch_cpu", "-lc10", f"-Wl,-rpath,{libraries}"],
        check=True,
    )  # fmt: skip
    return library


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[str]]]:
    """Faults by case, and those that are made on purpose."""
    library = [] if torch.version.cuda else [str(stand_in(tmp_path_factory.mktemp("stand_in")))]
    done = subprocess.run(
        [sys.executable, str(HERE / "fake_gpu.py"), *library],
        env={**os.environ, "TORCH_LOGS": "-all"},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout)


@pytest.mark.slow
def test_faults_that_are_made_on_purpose_are_found(found):
    assert {name for name, faults in found["known"].items() if not faults} == {"nothing"}


@pytest.mark.slow
def test_no_architecture_is_forgotten(found):
    assert {name.split()[0] for name in found["cases"]} == set(ENTRIES)
    assert {path.stem for path in VARIANTS.iterdir()} <= set(ENTRIES)


@pytest.mark.slow
def test_steps_neither_mix_devices_or_types_nor_wait_for_the_gpu(found):
    assert {name: faults for name, faults in found["cases"].items() if faults} == {}
