"""Two machines, each with torchrun and files of its own: here two agents that meet on this one."""

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from finetune_tts.audio.reading import write_waveform
from finetune_tts.runs.history import read_history

ROOT = Path(__file__).parents[2]
TEXTS = ["a bad egg", "head bed", "faded", "cage faced", "deaf aged", "beef", "dead cabbage"]


@dataclass
class Machine:
    """One of two machines: its files, and how its part of a run ended."""

    place: Path
    status: int = -1
    out: str = ""
    err: str = ""

    @property
    def output(self) -> Path:
        return self.place / "output"


@pytest.fixture
def machines(tmp_path):
    """Two machines with the same recordings."""
    both = [Machine(tmp_path / name) for name in ("first", "second")]
    for machine in both:
        random = np.random.default_rng(0)
        (machine.place / "recordings").mkdir(parents=True)
        for number, text in enumerate(TEXTS):
            wav = machine.place / "recordings" / f"{number}.wav"
            write_waveform(wav, 0.3 * random.normal(size=4000 + 500 * number), 8000)
            wav.with_suffix(".txt").write_text(text)
    return both


def run_on(machines, *words, own=lambda machine: ()):
    """Start the same command on both, with ``own`` words on each, and wait for both."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    started = []
    for number, machine in enumerate(machines):
        command = [
            sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--node_rank", str(number),
            "--nproc_per_node", "1", "--master_addr", "127.0.0.1", "--master_port", port, "-m", "finetune_tts",
            "--device", "cpu", "--no_report", "--no_check", *words, *map(str, own(machine)),
        ]  # fmt: skip
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            command, cwd=machine.place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append((machine, process))
    for machine, process in started:
        machine.out, machine.err = process.communicate(timeout=200)
        machine.status = process.returncode


def train(machines, *words):
    config = ROOT / "tests" / "families" / "tiny" / "glow_tts.json"
    run_on(
        machines, "--config_path", str(config), "--max_steps", "4", "--coqpit.run_eval_steps", "2",
        "--coqpit.save_step", "2", "--dataset_path", "recordings", "--use_accelerate", *words,
        own=lambda machine: ("--output_path", machine.output),
    )  # fmt: skip


def folders(machine):
    return [path for path in machine.output.iterdir() if path.name.startswith("run-")]


@pytest.mark.slow
def test_two_machines_that_share_no_files_train_one_model_and_resume_it_only_with_its_folder_on_both(machines):
    first, second = machines
    train(machines)
    assert [machine.status for machine in machines] == [0, 0], second.err
    assert "in 2 processes" in first.err
    assert "--use_accelerate: the built-in engine is used" in first.err
    (run,) = folders(first)
    assert [entry.step for entry in read_history(run) if entry.split == "eval"] == [2, 4]
    # Both computed all features: neither sees those of the other.
    kept = [sorted(path.name for path in machine.output.rglob("*.mel.npy")) for machine in machines]
    assert len(kept[0]) == len(TEXTS)
    assert kept[0] == kept[1]

    run_on(machines, "--max_steps", "6", own=lambda machine: ("--continue_path", machine.output / run.name))
    assert first.status != 0
    assert second.status != 0
    (said,) = [line for line in second.err.splitlines() if line.startswith("error: ")]
    assert f"second/output/{run.name}" in said
    assert f"(On {socket.gethostname()}: each machine needs its folder, or a copy.)" in said
    assert any(line.startswith("failed (process 0): Another process of this run has failed")
               for line in first.err.splitlines())  # fmt: skip


@pytest.mark.slow
def test_two_machines_with_different_recordings_are_told_the_first_that_differs(machines):
    (machines[1].place / "recordings" / "3.txt").write_text("cage")
    train(machines)

    for machine in machines:
        assert machine.status != 0
        assert "Process 1 on" in machine.err
        assert "#3, whose text is cage and not cage faced" in machine.err
        assert not machine.output.exists() or not folders(machine)
    (machines[1].place / "recordings" / "3.txt").unlink()
    (machines[1].place / "recordings" / "3.wav").unlink()
    train(machines)
    assert "6 and 7, and only process 0 has #3" in machines[0].err


@pytest.mark.slow
def test_two_machines_with_different_settings_are_told_which(machines):
    config = ROOT / "tests" / "families" / "tiny" / "glow_tts.json"
    run_on(
        machines, "--config_path", str(config), "--dataset_path", "recordings", "--max_steps", "2",
        own=lambda machine: ("--coqpit.batch_size", 2 if machine is machines[1] else 3),
    )  # fmt: skip
    for machine in machines:
        assert "not the same settings as process 0" in machine.err
        assert "batch_size, whose value is 2 and not 3" in machine.err
