import errno
import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.errors import UserError
from finetune_tts.machine.interrupts import Interrupts
from finetune_tts.runs.creation import RunAsset
from finetune_tts.runs.history import History, read_history
from finetune_tts.training.non_finite import NonFiniteLoss
from finetune_tts.training.run import fit, open_run
from finetune_tts.training.settings import RunLimits

SCRIPT = Path(__file__).with_name("tiny_run.py")


@pytest.fixture(scope="module")
def tiny():
    return runpy.run_path(str(SCRIPT))


def start(*arguments, **environment):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    threads = str(torch.get_num_threads())  # their number is part of what the numbers depend on
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "PYTHONPATH": str(SCRIPT.parents[2]), **environment}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment, start_new_session=True, **pipes)


def wait_for(pattern, folder, process):
    deadline = time.monotonic() + 120
    while not (found := sorted(folder.glob(pattern))):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found[0]


def test_a_run_folder_is_whole_and_holds_no_absolute_path(tiny, tmp_path):
    statistics = tmp_path / "elsewhere" / "stats.npy"
    statistics.parent.mkdir()
    statistics.write_bytes(b"numbers")
    data = tmp_path / "recordings"
    config = tiny["tiny_config"](tmp_path / "out", epochs=1)
    config.datasets[:] = [type(config).__dataclass_fields__["datasets"].type.__args__[0](path=str(data))]
    assets = [RunAsset("scale_stats.npy", statistics, ("audio.stats_path",)), RunAsset("speakers.json", {"me": 0})]

    result = fit(tiny["tiny_job"](config, assets=assets))

    assert {path.name for path in result.folder.iterdir()} >= {
        "config.json", "scale_stats.npy", "speakers.json", "checkpoint_4.pth", "best_model.pth", "history.jsonl",
        "loss_curve.png", "trainer_0_log.txt",
    }  # fmt: skip
    text = (result.folder / "config.json").read_text()
    stored = json.loads(text)
    assert str(tmp_path) not in text
    assert stored["audio"]["stats_path"] == "scale_stats.npy"
    assert stored["datasets"][0]["path"] == os.path.join("..", "..", "recordings")
    assert str(tmp_path) not in json.dumps(read_checkpoint(result.best_model).config)
    assert open_run(result.folder).config.datasets[0].path == str(data)
    log = (result.folder / "trainer_0_log.txt").read_text()
    assert "Learning rate of step 1: 0.0001 (NoamLR, stepped each step, rising to 0.001 at step 10)" in log
    assert "14 clips to train on, 5 held out; 4 batches of 4 an epoch, 4 steps in all" in log
    assert "step 4/4" in log
    assert log.splitlines()[-1].endswith("INFO The run has ended after step 4")
    assert {entry.total for entry in read_history(result.folder)} == {4}


def test_a_fresh_network_is_initialised_from_data_and_a_restored_one_is_not(tiny, tmp_path, monkeypatch):
    from finetune_tts.families.glow_tts.network import GlowTTS

    initialised = []
    initialise = GlowTTS.initialise_actnorm
    monkeypatch.setattr(
        GlowTTS, "initialise_actnorm", lambda self, *batch: (initialised.append(1), initialise(self, *batch))
    )
    config = tiny["tiny_config"](tmp_path, epochs=1)
    fit(tiny["tiny_job"](config))
    assert initialised == [1]

    job = tiny["tiny_job"](config, restored=True, limits=RunLimits(max_steps=1))
    before = {name: tensor.clone() for name, tensor in job.network.state_dict().items()}
    fit(job)

    assert initialised == [1]
    moved = {name: (tensor - before[name]).abs().max().item() for name, tensor in job.network.state_dict().items()}
    assert 0 < max(moved.values()) < 0.01  # one step of the optimizer, no more


def test_restored_weights_begin_at_the_rate_that_was_set(tiny, tmp_path, caplog):
    config = tiny["tiny_config"](tmp_path, epochs=1, lr=0.00001)
    result = fit(tiny["tiny_job"](config, restored=True, chosen=frozenset({"lr"})))

    assert "Learning rate of step 1: 1e-05 (NoamLR, stepped each step, entered at its peak" in caplog.text
    assert read_history(result.folder)[0].rate == pytest.approx(1e-5)


def test_the_held_out_loss_falls(tiny, tmp_path):
    config = tiny["tiny_config"](tmp_path, epochs=20, run_eval_steps=40, print_step=100, save_step=1000, lr=0.01)
    config.lr_scheduler = None
    result = fit(tiny["tiny_job"](config))

    held_out = [entry.losses["log_mle"] for entry in read_history(result.folder) if entry.split == "eval"]
    assert held_out[-1] < held_out[0] - 0.05


def test_runs_that_begin_in_the_same_second_have_folders_of_their_own(tiny, tmp_path):
    folders = {
        fit(tiny["tiny_job"](tiny["tiny_config"](tmp_path), limits=RunLimits(max_steps=1))).folder for _ in range(2)
    }
    assert len(folders) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission_is_refused_before_anything(tiny, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="output_path .* cannot be written to"):
        fit(tiny["tiny_job"](tiny["tiny_config"](tmp_path / "out")))


def test_a_file_in_the_way_of_the_output_folder_is_named(tiny, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(UserError, match="output_path .*out"):
        fit(tiny["tiny_job"](tiny["tiny_config"](tmp_path / "out")))


def test_a_disk_without_room_is_refused_before_the_first_step(tiny, tmp_path, monkeypatch):
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, 1000))
    with pytest.raises(UserError, match="room on the disk.*save_n_checkpoints"):
        fit(tiny["tiny_job"](tiny["tiny_config"](tmp_path)))


def test_a_disk_that_runs_full_leaves_word_how_to_go_on(tiny, tmp_path, monkeypatch):
    def full(self, entry):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(History, "add", full)
    with pytest.raises(UserError, match="disk is full.*tts-finetune --continue_path"):
        fit(tiny["tiny_job"](tiny["tiny_config"](tmp_path)))


def test_a_run_that_turns_into_nan_stops_and_says_where_to_go_on(tiny, tmp_path):
    job = tiny["tiny_job"](tiny["tiny_config"](tmp_path))
    job.network.encoder.emb.weight.data[:] = float("nan")
    with pytest.raises(NonFiniteLoss, match="5 steps in a row.*Checkpoints so far are whole.*--continue_path"):
        fit(job)


def test_an_architecture_without_task_is_refused(tiny, tmp_path):
    job = tiny["tiny_job"](tiny["tiny_config"](tmp_path))
    job.config.model = "unheard_of"
    with pytest.raises(UserError, match="unheard_of.*glow_tts"):
        fit(job)


def test_there_is_nothing_to_go_on_from(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        open_run(tmp_path / "missing")
    with pytest.raises(UserError, match="no checkpoint there"):
        open_run(tmp_path)


def test_a_checkpoint_of_another_program_is_no_place_to_go_on_from(tiny, tmp_path):
    result = fit(tiny["tiny_job"](tiny["tiny_config"](tmp_path), limits=RunLimits(max_steps=1)))
    path = result.folder / "checkpoint_1.pth"
    content = torch.load(path, weights_only=True)
    del content["run_state"]
    torch.save(content, path)
    stopped = open_run(result.folder)

    with pytest.raises(UserError, match="not written by a run of this program.*--restore_path"):
        fit(tiny["tiny_job"](stopped.config, resumes=stopped))


def test_changed_data_begin_the_epoch_anew_and_say_so(tiny, tmp_path, caplog):
    result = fit(tiny["tiny_job"](tiny["tiny_config"](tmp_path), limits=RunLimits(max_steps=2)))
    stopped = open_run(result.folder)
    stopped.config.batch_size = 2
    fit(tiny["tiny_job"](stopped.config, resumes=stopped, limits=RunLimits(max_steps=4)))

    assert "begins again" in caplog.text


def test_a_run_that_is_killed_goes_on_with_the_same_numbers_to_the_last_bit(tiny, tmp_path):
    straight = tiny["tiny_job"](tiny["tiny_config"](tmp_path / "straight"))
    whole = fit(straight)

    process = start("new", tmp_path / "killed", "--slowly", 0.05)
    checkpoint = wait_for("*/checkpoint_8.pth", tmp_path / "killed", process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    stopped = open_run(checkpoint.parent)
    again = tiny["tiny_job"](stopped.config, resumes=stopped)
    fit(again)

    assert tiny["digest"](again.network) == tiny["digest"](straight.network)
    numbers = [
        [(entry.step, entry.split, entry.losses, entry.rate) for entry in read_history(folder)]
        for folder in (whole.folder, checkpoint.parent)
    ]
    assert numbers[0] == numbers[1]


def cut_off(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def change_one_weight(path):
    weights = read_checkpoint(path).model["encoder.emb.weight"].numpy().tobytes()
    content = bytearray(path.read_bytes())
    content[content.index(weights) + 5] ^= 1
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


@pytest.fixture(scope="module")
def straight(tiny, tmp_path_factory):
    """A run of twelve steps with checkpoints at 4, 8 and 12; its best model is the last one."""
    job = tiny["tiny_job"](tiny["tiny_config"](tmp_path_factory.mktemp("straight"), lr_scheduler=None, lr=0.01))
    folder = fit(job).folder
    assert (folder / "best_model_12.pth").exists()
    return folder, tiny["digest"](job.network)


@pytest.mark.parametrize("damage", [cut_off, change_one_weight, empty])
def test_a_damaged_newest_checkpoint_leads_to_the_whole_older_one(tiny, tmp_path, straight, caplog, damage):
    folder = tmp_path / "run"
    shutil.copytree(straight[0], folder)
    (folder / "best_model.pth").unlink()
    (folder / "best_model.pth").hardlink_to(folder / "best_model_12.pth")
    for name in ("checkpoint_12.pth", "best_model_12.pth"):
        damage(folder / name)

    stopped = open_run(folder)
    assert stopped.checkpoint.step == 8
    assert caplog.text.count("Resuming from the older checkpoint_8.pth") == 2
    assert "checkpoint_12.pth" in caplog.text
    job = tiny["tiny_job"](stopped.config, resumes=stopped)
    result = fit(job)

    assert tiny["digest"](job.network) == straight[1]
    assert {path.name for path in folder.glob("*.damaged")} == {
        "checkpoint_12.pth.damaged",
        "best_model_12.pth.damaged",
    }
    assert open_run(folder).checkpoint.step == 12
    assert result.best_model is not None
    assert read_checkpoint(result.best_model).step == 12


def test_a_damaged_checkpoint_does_not_count_among_those_that_are_kept(tiny, tmp_path, straight):
    folder = tmp_path / "run"
    shutil.copytree(straight[0], folder)
    for path in (*folder.glob("*_12.pth"), folder / "best_model.pth"):
        cut_off(path)
    stopped = open_run(folder)
    stopped.config.save_n_checkpoints = 1
    fit(tiny["tiny_job"](stopped.config, resumes=stopped, limits=RunLimits(max_steps=10)))

    assert [path.name for path in folder.glob("checkpoint_*.pth")] == ["checkpoint_10.pth"]
    assert open_run(folder).checkpoint.step == 10


def test_where_every_checkpoint_is_damaged_the_newest_is_named(tmp_path, straight):
    folder = tmp_path / "run"
    shutil.copytree(straight[0], folder)
    for path in folder.glob("*.pth"):
        empty(path)
    with pytest.raises(UserError, match=r"checkpoint_12\.pth: the file is empty"):
        open_run(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_checkpoint_that_may_not_be_read_is_not_passed_over(tmp_path, straight):
    folder = tmp_path / "run"
    shutil.copytree(straight[0], folder)
    (folder / "checkpoint_12.pth").chmod(0)
    with pytest.raises(UserError, match="Check its permissions"):
        open_run(folder)


@pytest.mark.parametrize(
    ("number", "workers"), [(signal.SIGINT, 0), pytest.param(signal.SIGTERM, 2, marks=pytest.mark.slow)]
)
def test_a_signal_saves_the_run_and_says_how_to_go_on(tmp_path, number, workers):
    process = start("new", tmp_path, "--slowly", 0.2, "--workers", workers)
    folder = wait_for("*/history.jsonl", tmp_path, process).parent
    wait_for("*/events*", tmp_path, process)
    os.killpg(process.pid, number)  # as a terminal or a batch system does: the workers get it too
    output, log = process.communicate(timeout=60)

    assert process.returncode == 130, log
    assert f"tts-finetune --continue_path {folder}" in output
    assert "Stopping after this step" in log
    assert "Traceback" not in log
    step = open_run(folder).checkpoint.step
    assert step is not None
    assert step < 12


def start_on_terminal(*arguments):
    """Start the script on a terminal of its own; gives the process and the terminal's other end."""
    import fcntl
    import termios

    ours, theirs = os.openpty()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(SCRIPT.parents[2])}
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), *map(str, arguments)], stdin=theirs, stdout=theirs, stderr=theirs,
        env=environment, start_new_session=True, preexec_fn=lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(theirs)
    os.set_blocking(ours, False)
    return process, ours


@pytest.mark.skipif(sys.platform != "linux", reason="needs a terminal to close")
def test_a_terminal_that_is_closed_saves_the_run(tmp_path):
    process, terminal = start_on_terminal("new", tmp_path, "--slowly", 0.3, "--workers", 1)
    deadline = time.monotonic() + 120
    while not (tmp_path / "in_step").exists():
        with suppress(BlockingIOError):
            os.read(terminal, 10**4)  # a terminal that nobody reads would hold the program up
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.close(terminal)
    process.send_signal(signal.SIGHUP)  # as a shell does beside the system
    assert process.wait(timeout=60) == 130

    (history,) = tmp_path.glob("*/history.jsonl")
    folder = history.parent
    assert 0 < open_run(folder).checkpoint.step < 12
    log = (folder / "trainer_0_log.txt").read_text()
    assert "Stopping after this step" in log
    assert f"tts-finetune --continue_path {folder}" in log
    assert "Traceback" not in log


def test_a_run_that_is_to_outlive_its_terminal_does():
    hung_up = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts() as interrupts:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not interrupts.requested
            os.kill(os.getpid(), signal.SIGTERM)
            assert interrupts.requested
            os.kill(os.getpid(), signal.SIGTERM)  # of a batch system, and of the launcher that got it too
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, hung_up)


@pytest.mark.slow
def test_a_second_signal_stops_at_once(tmp_path):
    process = start("new", tmp_path, "--slowly", 30)
    wait_for("in_step", tmp_path, process)  # not while modules are still being imported
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=25)

    assert process.returncode == 130
    assert not list(tmp_path.glob("*/checkpoint_*"))


def test_a_warm_up_that_is_longer_than_the_run_is_told(tiny, tmp_path, caplog):
    config = tiny["tiny_config"](tmp_path, scheduler_after_epoch=True, lr_scheduler_params={"warmup_steps": 4000})
    fit(tiny["tiny_job"](config, limits=RunLimits(max_steps=1)))

    assert "rises for 4000 epochs, but the run has 3" in caplog.text
    assert "--coqpit.scheduler_after_epoch false" in caplog.text
