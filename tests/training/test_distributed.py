import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from finetune_tts.errors import UserError
from finetune_tts.machine.distributed import World, world_from_environment
from finetune_tts.runs.history import read_history
from finetune_tts.training.run import open_run

SCRIPT = Path(__file__).with_name("tiny_run.py")


def test_without_a_launcher_there_is_one_process():
    assert world_from_environment({}) == World(0, None, 1)
    assert world_from_environment({"LOCAL_RANK": "3"}) == World()


def test_torchrun_says_who_is_who():
    world = world_from_environment({"RANK": "5", "LOCAL_RANK": "1", "WORLD_SIZE": "8"})
    assert world == World(5, 1, 8)
    assert not world.is_main


@pytest.mark.parametrize(
    "environment", [{"RANK": "0", "WORLD_SIZE": "2"}, {"RANK": "a", "LOCAL_RANK": "0", "WORLD_SIZE": "2"}]
)
def test_half_an_environment_is_refused(environment):
    with pytest.raises(UserError, match="torchrun"):
        world_from_environment(environment)


def test_alone_nothing_is_exchanged():
    world = World()
    weight = nn.Parameter(torch.ones(2))
    weight.grad = torch.ones(2)
    world.average_gradients([weight])
    world.wait()
    assert world.gathered("a") == ["a"]
    assert world.from_main("b") == "b"
    assert world.highest(3) == 3
    assert weight.grad.tolist() == [1, 1]


def run_two(*arguments):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    processes = []
    for rank in range(2):
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(SCRIPT.parents[2]),
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": "2",
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": port,
        }
        command = [sys.executable, str(SCRIPT), *map(str, arguments)]
        processes.append(
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
    results = [process.communicate(timeout=300) for process in processes]
    assert all(process.returncode == 0 for process in processes), results
    return [output.split("digest ")[1].strip() for output, _ in results], results


def run_folders(output):
    return [path for path in output.iterdir() if path.is_dir()]


@pytest.mark.slow
def test_two_processes_train_one_model_and_repeat_themselves(tmp_path):
    first, results = run_two("new", tmp_path / "a")
    second, _ = run_two("new", tmp_path / "b")

    assert first[0] == first[1]
    assert first == second
    assert "in 2 processes" in results[0][1]
    (folder,) = run_folders(tmp_path / "a")
    assert {"trainer_0_log.txt", "trainer_1_log.txt"} <= {path.name for path in folder.iterdir()}
    assert [entry.step for entry in read_history(folder) if entry.split == "eval"] == [2, 4, 6]
    assert open_run(folder).checkpoint.step == 6


@pytest.mark.slow
def test_two_processes_go_on_where_they_stopped(tmp_path):
    straight, _ = run_two("new", tmp_path / "a")
    (folder,) = run_folders(tmp_path / "a")
    for path in folder.glob("*_6.pth"):
        path.unlink()
    assert open_run(folder).checkpoint.step == 4
    again, _ = run_two("go_on", folder)

    assert again == straight
