import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from finetune_tts.audio.reading import write_waveform
from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.errors import UserError
from finetune_tts.families.checks import check_config
from finetune_tts.families.loading import any_config_from_dict
from finetune_tts.machine.distributed import World, world_from_environment
from finetune_tts.runs.history import read_history
from finetune_tts.training.run import open_run

SCRIPT = Path(__file__).with_name("tiny_run.py")
SEVERAL = Path(__file__).with_name("several_processes.py")


def test_without_a_launcher_there_is_one_process():
    assert world_from_environment({}) == World(0, None, 1)
    assert world_from_environment({"LOCAL_RANK": "3"}) == World()


def test_torchrun_says_who_is_who():
    environment = {"RANK": "5", "LOCAL_RANK": "1", "WORLD_SIZE": "8"}
    assert world_from_environment(environment) == World(5, 1, 8, 1)
    world = world_from_environment({**environment, "LOCAL_WORLD_SIZE": "4"})
    assert world == World(5, 1, 8, 4)
    assert not world.is_main


@pytest.mark.parametrize(
    "environment", [{"RANK": "0", "WORLD_SIZE": "2"}, {"RANK": "a", "LOCAL_RANK": "0", "WORLD_SIZE": "2"}]
)
def test_half_an_environment_is_refused(environment):
    with pytest.raises(UserError, match="torchrun"):
        world_from_environment(environment)


def test_alone_nothing_is_exchanged():
    world = World()
    world.wait()
    assert world.gathered("a") == ["a"]
    assert world.from_main("b") == "b"
    assert world.highest(3) == 3


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
    return [log.parent for log in output.glob("*/trainer_0_log.txt")]


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


class Ends:
    """How a run of several processes ended: exit statuses, and what each process wrote."""

    def __init__(self, statuses, folder):
        self.statuses = statuses
        self.out, self.err = ([(folder / f"{rank}.{name}").read_text() for rank in range(len(statuses))]
                              for name in ("out", "err"))  # fmt: skip
        self.folder = next(iter(run_folders(folder / "output")), None)
        self.logs = [(self.folder / f"trainer_{rank}_log.txt").read_text() for rank in range(len(statuses))] \
            if self.folder else []  # fmt: skip


def run_several(count, what, folder):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(SEVERAL.parents[2])}
    command = [sys.executable, str(SEVERAL), str(count), what, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return Ends([int(status) for status in done.stdout.split()], folder)


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    """What became of gradients in three processes: gradient_cases.py."""
    folder = tmp_path_factory.mktemp("gradients")
    ends = run_several(3, "gradients", folder)
    assert ends.statuses == [0, 0, 0], ends.err
    assert all("find_unused_parameters" not in said for said in ends.err)
    return [json.loads(said) for said in ends.out]


@pytest.mark.parametrize("steps", ["whole", "scaled", "accumulated"])
def test_three_processes_step_as_one_with_the_whole_batch_would(facts, steps):
    assert facts[0]["moved"] > 0.1
    assert max(of_rank[steps] for of_rank in facts) < 1e-6


def test_a_layer_that_one_process_reaches_in_one_batch_moves_alike_in_all_and_one_that_none_reaches_stays(facts):
    assert facts[0]["spare moved"] > 0.01
    assert [of_rank["never moved"] for of_rank in facts] == [0, 0, 0]  # nor does it decay
    assert [of_rank["apart"] for of_rank in facts] == [0, 0, 0]


@pytest.mark.parametrize("searches", [True, False])
def test_what_a_process_does_not_reach_counts_as_zero_there_and_frozen_weights_do_not_travel(facts, searches):
    for of_rank in facts:
        found = of_rank[f"direct, searches {searches}"]
        assert found["gradients"] == [[1, 1], [1, 1], None if searches else [0, 0], None]
        assert found["travelled"] < 10  # of 1,000 numbers that are frozen, none


@pytest.mark.parametrize("searches", [True, False])
def test_each_process_knows_whether_its_own_gradient_was_finite(facts, searches):
    found = [of_rank[f"direct, searches {searches}"] for of_rank in facts]
    assert [of_rank["sound"] for of_rank in found] == [[True, True], [True, False], [True, True]]
    assert [of_rank["then"] for of_rank in found] == [[False, True]] * 3  # the mean is spoilt everywhere


LOST = "Another process of this run has failed, or cannot be reached"


def test_a_process_whose_memory_runs_out_says_so_and_the_others_say_that_another_one_failed(tmp_path):
    ends = run_several(3, "memory", tmp_path)

    assert ends.statuses == [1, 2, 1]
    assert ends.err[1].count("\n") == 1
    assert ends.err[1].startswith("error: Step 3: the memory of cpu does not hold a batch of 4 clips")
    for rank in (0, 2):
        last = ends.err[rank].splitlines()[-1]
        assert last.startswith(f"failed (process {rank}): {LOST}")
        assert ends.err[rank].count(LOST) == 1
    assert ends.err[2].count("\n") == 1
    assert "ERROR Step 3: the memory of cpu" in ends.logs[1]
    assert all("Traceback" not in text for text in (*ends.err, *ends.logs))


@pytest.mark.slow
def test_a_disk_that_runs_full_under_the_main_process_ends_all(tmp_path):
    ends = run_several(2, "disk", tmp_path)

    assert ends.statuses == [2, 1]
    last = ends.err[0].splitlines()[-1]
    assert "the disk is full. Checkpoints so far are whole" in last
    assert last.endswith(f"tts-finetune --continue_path {ends.folder}")
    assert "the disk is full" in ends.logs[0]
    assert ends.err[1].startswith(f"failed (process 1): {LOST}")


@pytest.mark.slow
def test_an_error_that_nobody_expected_leaves_its_traceback_on_the_terminal_and_in_the_log(tmp_path):
    ends = run_several(2, "odd", tmp_path)

    assert ends.statuses == [1, 1]
    for said in (ends.err[1], ends.logs[1]):
        assert "Traceback" in said
        assert said.rstrip().endswith("TypeError: something odd")
    assert ends.err[0].splitlines()[-1].startswith(f"failed (process 0): {LOST}")


@pytest.mark.slow
def test_a_process_that_is_killed_ends_the_others(tmp_path):
    ends = run_several(2, "killed", tmp_path)

    assert ends.statuses == [1, -9]
    assert ends.err[0].splitlines()[-1].startswith(f"failed (process 0): {LOST}")


@pytest.mark.slow
def test_processes_whose_own_losses_disagree_decide_together_which_model_is_the_best(tmp_path):
    ends = run_several(2, "no_eval", tmp_path)

    assert ends.statuses == [0, 0]
    assert ends.out[0] == ends.out[1]  # weights and best loss
    assert "best -" in ends.out[0]
    assert open_run(ends.folder).checkpoint.step == 8
    # The mean of both, which falls by 0.5 a step more than the loss itself; that of the main process alone by 10.
    losses = [entry.losses["loss"] - entry.losses["log_mle"] - entry.losses["loss_dur"]
              for entry in read_history(ends.folder)]  # fmt: skip
    assert losses == pytest.approx([-0.5 * step for step in range(8)], abs=1e-3)


@pytest.mark.slow
def test_the_clips_of_the_process_at_fault_are_named_once(tmp_path):
    ends = run_several(2, "nan", tmp_path)

    assert ends.statuses == [0, 0]
    (said,) = [line for line in ends.err[0].splitlines() if "is left out" in line]
    names = said.partition("Clips: ")[2].split(", ")
    assert "clip0_2" in names
    assert len(names) <= 4  # one batch of the other process
    assert ends.err[1] == ""
    assert said in ends.logs[1]


@pytest.mark.slow
def test_processes_share_the_features_of_the_recordings(tmp_path):
    random = np.random.default_rng(0)
    texts = ["a bad egg", "head bed", "faded", "cage faced", "deaf aged", "beef", "dead cabbage"]
    for number, text in enumerate(texts):
        wav = tmp_path / "recordings" / f"{number}.wav"
        wav.parent.mkdir(exist_ok=True)
        write_waveform(wav, 0.3 * random.normal(size=4000 + 500 * number), 8000)
        wav.with_suffix(".txt").write_text(text)
    ends = run_several(2, "assemble", tmp_path)

    assert ends.statuses == [0, 0]
    assert ends.out[0].startswith("decoded 4 ")
    assert ends.out[1].startswith("decoded 3 ")
    assert ends.out[0].partition("best")[2] == ends.out[1].partition("best")[2]


@pytest.mark.slow
def test_three_processes_that_were_killed_and_resumed_equal_three_that_were_not(tmp_path):
    straight = run_several(3, "train", tmp_path)
    for path in straight.folder.glob("*_8.pth"):
        path.unlink()
    assert open_run(straight.folder).checkpoint.step == 4
    resumed = run_several(3, "resume", tmp_path)

    assert resumed.statuses == [0, 0, 0]
    digests = [said.split()[1] for ends in (straight, resumed) for out in ends.out for said in out.splitlines()]
    assert len(digests) == 9
    assert len(set(digests)) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), [(2, 3), (3, 1)])
def test_a_run_is_resumed_by_another_number_of_processes(tmp_path, before, after):
    ends = run_several(before, "stopped", tmp_path)
    assert ends.statuses == [130] * before
    assert all("Resume with: " in said for said in ends.err[:1])
    assert open_run(ends.folder).checkpoint.step == 3
    resumed = run_several(after, "resume", tmp_path)

    assert resumed.statuses == [0] * after
    assert len({out.split()[-3] for out in resumed.out}) == 1
    assert open_run(ends.folder).checkpoint.step > 3


@pytest.mark.slow
def test_a_signal_to_one_process_stops_all_at_the_same_step(tmp_path):
    ends = run_several(3, "one_stopped", tmp_path)

    assert ends.statuses == [130, 130, 130]
    assert open_run(ends.folder).checkpoint.step == 3


def newest(ends, step=4):
    """Weights and moments of a run, by name."""
    checkpoint = read_checkpoint(ends.folder / f"checkpoint_{step}.pth")
    states = {f"{number} {name}": value for number, state in checkpoint.optimizer[0]["state"].items()
              for name, value in state.items()}  # fmt: skip
    return {**checkpoint.model, **states}


@pytest.mark.slow
@pytest.mark.parametrize("how", ["xtts", "xtts-accumulate"])
def test_weights_that_are_shared_out_learn_as_whole_ones_do_and_are_saved_and_heard_whole(tmp_path, how):
    (tmp_path / "whole").mkdir(), (tmp_path / "shared").mkdir()
    whole = run_several(2, how, tmp_path / "whole")
    shared = run_several(2, f"{how}-shard", tmp_path / "shared")

    assert whole.statuses == shared.statuses == [0, 0], shared.err
    assert "shared out over 2 processes" in shared.err[0]
    numbers = [[int(out.split()[1]) for out in ends.out] for ends in (whole, shared)]
    assert sum(numbers[1]) == numbers[0][0] == numbers[0][1]
    assert max(numbers[1]) < 0.6 * numbers[0][0]
    saved = newest(shared)
    assert {type(tensor) for tensor in saved.values()} == {torch.Tensor}
    torch.testing.assert_close(saved, newest(whole), atol=1e-5, rtol=1e-4)
    spoken = [json.loads(ends.out[0].partition("spoken ")[2]) for ends in (whole, shared)]
    assert len(spoken[0]) > 1
    assert spoken[1] == pytest.approx(spoken[0])


@pytest.mark.slow
def test_a_run_whose_weights_are_shared_out_is_resumed_to_the_last_bit_and_by_other_numbers_of_processes(tmp_path):
    straight = run_several(2, "xtts-shard", tmp_path)
    wanted = newest(straight)
    for number in (2, 3, 1):
        for path in (*straight.folder.glob("*_4.pth"), *straight.folder.glob("*_3.pth")):
            path.unlink()
        assert open_run(straight.folder).checkpoint.step == 2
        resumed = run_several(number, "xtts-resume", tmp_path)
        assert resumed.statuses == [0] * number, resumed.err
        found = newest(resumed)
        assert found.keys() == wanted.keys()
        assert number != 2 or all(torch.equal(found[name], tensor) for name, tensor in wanted.items())
    assert "nothing to share out in one process" in resumed.err[0]


@pytest.mark.slow
def test_a_process_that_is_killed_ends_those_that_share_its_weights(tmp_path):
    ends = run_several(2, "xtts-shard-killed", tmp_path)

    assert ends.statuses == [1, -9]
    assert ends.err[0].splitlines()[-1].startswith(f"failed (process 0): {LOST}")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"model": "glow_tts"}, "shard = true: glow_tts is small enough"),
        ({"model": "hifigan"}, "shard = true: hifigan is small enough"),
        ({"model": "xtts", "lora_rank": 4}, "shard = true and lora_rank = 4: adapters are small enough"),
        ({"model": "xtts", "train_decoder": True}, "shard = true and train_decoder = True: the decoder"),
        ({"model": "xtts", "ema_decay": 0.9}, "shard = true and ema_decay = 0.9: the average"),
        ({"model": "xtts", "optimizer": "AdamW8bit"}, "shard = true and optimizer = AdamW8bit: moments of 8 bits"),
        ({"model": "xtts", "model_param_stats": True}, "no process has whole weights"),
        ({"model": "xtts", "mixed_precision": True, "precision": "fp16"}, "bf16 or float32"),
    ],
)
def test_weights_that_cannot_be_shared_out_are_refused_in_words(values, said):
    config = any_config_from_dict({**values, "shard": True}, quiet=True)
    assert any(said in fault for fault in check_config(config))
    config.shard = False
    assert not any("shard" in fault for fault in check_config(config))
