"""What is heard of a run while it trains, from the command line."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.runs.history import read_history
from finetune_tts.runs.record import read_record

ALL = ("--stop_when", "flat", "--select_by", "mcd", "--recogniser", "none")
LOOKS = ("--coqpit.run_eval_steps", 2, "--coqpit.save_step", 2, "--coqpit.eval_split_size", 3)


def heard_in(folder):
    return [entry for entry in read_history(folder) if entry.split == "heard"]


def test_a_run_that_is_heard_keeps_the_best_by_ear_and_says_which_model_to_take(
    tune, tts, choir, make_recordings, tmp_path
):
    recordings = make_recordings(tmp_path / "recordings")
    outcome = tune("--restore_path", choir, "--dataset_path", recordings, "--max_steps", 6, "--no_report", *ALL, *LOOKS)
    folder = outcome.run_folder
    looks = heard_in(folder)
    assert looks[-1].step == 6
    assert {"mcd", "duration", "silence"} <= looks[-1].losses.keys()
    best = json.loads((folder / "hearing" / "best.json").read_text())
    assert best["value"] == min(look.losses["mcd"] for look in looks)
    assert read_checkpoint(folder / "best_by_ear.pth").step == best["step"]
    assert f"Take best_by_ear.pth (step {best['step']})" in outcome.out
    sentences = json.loads((folder / "hearing" / "step_0000006.json").read_text())["sentences"]
    assert {one["text"] for one in sentences} <= {clip.text for clip in read_record(folder).clips}
    assert len(sentences) == 3
    speaker = read_record(folder).speaker
    spoken = tts("--model_path", folder / "best_by_ear.pth", "--text", "a bad egg.", "--speaker_idx", speaker,
                 "--out_path", tmp_path / "ear.wav")  # fmt: skip
    assert spoken.status == 0, spoken.err
    chosen = tune("--report", folder, "--select_by", "mcd", "--recogniser", "none", "--report_sentences", 1)
    assert chosen.status == 0, chosen.err
    assert "Take best_by_ear.pth" in (folder / "report.html").read_text(encoding="utf-8")


def test_a_short_run_is_not_heard(tune, release, recordings):
    outcome = tune("--restore_path", release, "--dataset_path", recordings, "--max_steps", 2, "--no_report")
    assert heard_in(outcome.run_folder) == []
    assert not (outcome.run_folder / "hearing").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--stop_when", "flat", "--no_hearing"], ["--no_hearing", "leave one of them out"]),
        (["--flat_looks", "3"], ["--stop_when flat"]),
        (["--flat_looks", "0", "--stop_when", "flat"], ["--flat_looks", "above 0"]),
        (["--stop_when", "bored"], ["--stop_when", "flat"]),
    ],
)
def test_flags_that_contradict_each_other_are_refused(tune, release, recordings, words, said):
    tune("--restore_path", release, "--dataset_path", recordings, *words).refused(*said)


def run_in_process(tmp_path, *words):
    command = [sys.executable, "-m", "finetune_tts", *map(str, words)]
    return subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("when", ["checkpoint_2.pth", "hearing/step_0000006/look.json"])
def test_a_run_that_is_killed_hears_and_ends_as_one_that_is_not(tune, release, make_recordings, tmp_path, when):
    recordings = make_recordings(tmp_path / "recordings")
    start = ["--restore_path", release, "--dataset_path", recordings, "--max_steps", 12, "--no_report", "--run_name"]
    whole = tune(*start, "whole", "--output_path", tmp_path / "whole", *ALL, *LOOKS).run_folder
    process = run_in_process(tmp_path, *start, "killed", "--output_path", tmp_path / "killed", *ALL, *LOOKS)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "killed").glob(f"*/{when}")) and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    (folder,) = (tmp_path / "killed").glob("killed-*")
    resumed = tune("--continue_path", folder, "--max_steps", 12, "--no_report", "--recogniser", "none")
    assert resumed.status == 0, resumed.err
    told = [[(look.step, look.losses) for look in heard_in(one)] for one in (whole, folder)]
    assert told[0] == told[1]
    weights = [read_checkpoint(one / "checkpoint_12.pth").model for one in (whole, folder)]
    assert all(weights[0][name].equal(weights[1][name]) for name in weights[0])
    best = [json.loads((one / "hearing" / "best.json").read_text()) for one in (whole, folder)]
    assert best[0] == best[1]
