"""``--report``, ``--select_by``, and the report at the end of each run."""

import json
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from finetune_tts.errors import UserError
from finetune_tts.runs.record import read_record

SOUNDS = re.compile(r"<audio ")


@pytest.fixture
def run_copy(tuned, tmp_path):
    """A run that a test may change, in a place that its relative paths fit."""
    folder = tuned.parent / f"copy-{tmp_path.name}"
    shutil.copytree(tuned, folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def recogniser(monkeypatch):
    """A speech recogniser that always hears the same."""
    hears = SimpleNamespace(pipeline=lambda task, model: lambda sound: {"text": "a bad egg"})
    monkeypatch.setitem(sys.modules, "transformers", hears)


def test_each_run_ends_with_its_report(tuned):
    text = (tuned / "report.html").read_text(encoding="utf-8")
    assert len(SOUNDS.findall(text)) == 5  # one held-out recording by three, one test sentence by two
    assert "mel-cepstral distortion" in text
    assert "Start: the base" in text
    assert "Learning rate" in text


def test_a_report_is_made_of_any_run(tune, run_copy):
    (run_copy / "report.html").unlink()
    outcome = tune("--report", run_copy, "--report_sentences", 1)
    assert outcome.status == 0, outcome.err
    assert outcome.line("report: ") == str(run_copy / "report.html")
    assert (run_copy / "report.html").is_file()


def test_a_run_without_a_report_if_it_is_not_wanted(tune, release, recordings):
    outcome = tune("--restore_path", release, "--dataset_path", recordings, "--max_steps", 1, "--no_report")
    assert not (outcome.run_folder / "report.html").exists()
    assert "report: " not in outcome.out


def test_a_base_that_is_gone_is_said_and_the_rest_is_there(tune, run_copy):
    about = json.loads((run_copy / "about_run.json").read_text())
    about["base"]["model_file"] = "gone/model_file.pth"
    (run_copy / "about_run.json").write_text(json.dumps(about))
    assert tune("--report", run_copy).status == 0
    text = (run_copy / "report.html").read_text(encoding="utf-8")
    assert "The base model is not there any more" in text
    assert len(SOUNDS.findall(text)) == 3


@pytest.mark.parametrize("gone", ["recordings", "about_run.json", "history.jsonl", "restore_report.json", "samples"])
def test_a_run_of_which_something_is_missing_still_has_a_report(tune, run_copy, gone):
    if gone == "recordings":
        about = json.loads((run_copy / "about_run.json").read_text())
        about["clips"][0]["audio_file"] = "gone.wav"
        (run_copy / "about_run.json").write_text(json.dumps(about))
    elif gone == "samples":
        shutil.rmtree(run_copy / gone)
    else:
        (run_copy / gone).unlink()
    assert tune("--report", run_copy).status == 0
    assert SOUNDS.search((run_copy / "report.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize("content", ["", "[]", '{"step": 1}\n', "\x00\x01"])
@pytest.mark.parametrize("name", ["about_run.json", "history.jsonl", "restore_report.json"])
def test_a_damaged_file_of_a_run_is_said_and_the_rest_is_there(tune, run_copy, name, content):
    (run_copy / name).write_text(content)
    assert tune("--report", run_copy, "--report_sentences", 1).status == 0
    assert (run_copy / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_base_that_is_damaged_is_said(tune, run_copy, tmp_path):
    (tmp_path / "model_file.pth").write_bytes(b"nothing")
    about = json.loads((run_copy / "about_run.json").read_text())
    about["base"]["model_file"] = str(tmp_path / "model_file.pth")
    (run_copy / "about_run.json").write_text(json.dumps(about))
    assert tune("--report", run_copy).status == 0
    assert "Base is not heard" in (run_copy / "report.html").read_text(encoding="utf-8")


def poison(path):
    """Make one weight of a checkpoint NaN."""
    payload = torch.load(path, weights_only=False)
    payload["model"]["encoder.proj_m.weight"].view(-1)[0] = float("nan")
    torch.save(payload, path)


def test_a_model_that_has_diverged_is_said_and_the_rest_is_there(tune, run_copy):
    shutil.copy(run_copy / "checkpoint_3.pth", run_copy / "checkpoint_9.pth")
    poison(run_copy / "checkpoint_9.pth")
    outcome = tune("--report", run_copy, "--select_by", "mcd")
    assert outcome.status == 0, outcome.err
    assert "Step 9 is not heard: " in outcome.err
    text = (run_copy / "report.html").read_text(encoding="utf-8")
    assert "Fine-tuned, last is not heard" in text
    assert "encoder.proj_m.weight holds NaN or infinity" in text
    assert SOUNDS.search(text)


def test_what_a_diverged_model_cannot_say_is_noted_in_its_place(tune, run_copy, monkeypatch):
    def diverged(*_):
        raise UserError("The model makes no sound: it has diverged.")

    monkeypatch.setattr("finetune_tts.synthesis.voice.answer_of", diverged)
    assert tune("--report", run_copy).status == 0
    text = (run_copy / "report.html").read_text(encoding="utf-8")
    assert "it has diverged" in text
    assert len(SOUNDS.findall(text)) == 1  # the recording


def test_no_absolute_path_of_the_machine_is_in_it(tuned, release, recordings):
    text = (tuned / "report.html").read_text(encoding="utf-8")
    assert str(release) not in text
    assert str(recordings) not in text


def test_what_is_no_run_is_refused(tune, tmp_path):
    tune("--report", tmp_path / "nowhere").refused("--report", "no such folder")
    tune("--report", tmp_path).refused("--report", "not the folder of a run")


def test_flags_that_cannot_be_are_refused_before_anything_is_done(tune, tuned, release, recordings):
    tune("--report", tuned, "--report_sentences", 0).refused("--report_sentences 0")
    tune("--report", tuned, "--select_by", "beauty").refused("--select_by beauty", "mcd")
    words = ["--restore_path", release, "--dataset_path", recordings]
    tune(*words, "--select_by", "beauty").refused("--select_by beauty")
    tune("--report", tuned, "--demo").refused("do not go together")


def test_the_best_by_ear_gets_a_name_of_its_own(tune, run_copy):
    best = (run_copy / "best_model.pth").read_bytes()
    shutil.copy(run_copy / "checkpoint_3.pth", run_copy / "checkpoint_2.pth")
    outcome = tune("--report", run_copy, "--select_by", "mcd")
    assert outcome.status == 0, outcome.err
    assert outcome.line("selected model: ") == str(run_copy / "selected_model.pth")
    selection = json.loads((run_copy / "selection.json").read_text())
    assert (selection["metric"], len(selection["candidates"])) == ("mcd", 2)
    assert selection["best"] in ("checkpoint_2.pth", "checkpoint_3.pth")
    assert (run_copy / "best_model.pth").read_bytes() == best
    assert tune("--report", run_copy, "--select_by", "duration").status == 0  # over an older choice


def test_a_run_can_choose_by_ear_at_its_end(tune, release, recordings, recogniser):
    words = ["--restore_path", release, "--dataset_path", recordings, "--max_steps", 2]
    outcome = tune(*words, "--select_by", "wer", "--recogniser", "any-model")
    assert "best by word error rate: step 2" in outcome.out
    assert (outcome.run_folder / "selected_model.pth").is_file()
    assert "any-model hears" in (outcome.run_folder / "report.html").read_text(encoding="utf-8")


def test_what_nobody_can_measure_is_refused(tune, run_copy):
    tune("--report", run_copy, "--select_by", "wer", "--recogniser", "none").refused("--select_by wer", "--recogniser")
    tune("--report", run_copy, "--select_by", "similarity").refused("--select_by similarity", "speaker encoder")


def test_a_report_that_fails_leaves_the_run_a_success(tune, release, recordings, monkeypatch):
    from finetune_tts.report import writing

    def fail(evidence):
        raise RuntimeError("no ink")

    monkeypatch.setattr(writing, "page", fail)
    outcome = tune("--restore_path", release, "--dataset_path", recordings, "--max_steps", 1)
    assert outcome.run_folder.is_dir()
    assert "The report could not be made (RuntimeError: no ink)" in outcome.err
    assert f"tts-finetune --report {outcome.run_folder}" in outcome.err


def test_a_run_that_is_stopped_has_a_report_too(tune, release, recordings, monkeypatch):
    import os
    import signal

    from finetune_tts.training.step import Stepper

    step = Stepper.step

    def stop_after(self, number, batches):
        step(self, number, batches)
        if number == 2:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Stepper, "step", stop_after)
    outcome = tune("--restore_path", release, "--dataset_path", recordings, "--output_path", "stopped")
    assert outcome.status == 130
    (folder,) = [path for path in Path("stopped").iterdir() if path.name != "feature_cache"]
    assert "Stopped after step 2" in outcome.err
    assert SOUNDS.search((folder / "report.html").read_text(encoding="utf-8"))


def test_a_model_of_several_speakers_is_heard_with_their_voices(tune, choir, recordings, make_recordings, tmp_path):
    lines = (recordings / "metadata.csv").read_text().splitlines()
    data = tmp_path / "two"
    shutil.copytree(recordings, data)
    rows = ["audio_file|text|speaker_name"]
    rows += [f"wavs/{line.split('|')[0]}.wav|{line.split('|')[1]}|{'bob' if n % 2 else 'eve'}" for n, line in
             enumerate(lines)]  # fmt: skip
    (data / "metadata.csv").write_text("\n".join(rows) + "\n")
    words = ["--restore_path", choir, "--dataset_path", data, "--dataset_format", "coqui", "--max_steps", 1]
    outcome = tune(*words, "--meta_file", "metadata.csv", "--coqpit.eval_split_size", 2)
    text = (outcome.run_folder / "report.html").read_text(encoding="utf-8")
    assert {clip.speaker for clip in read_record(outcome.run_folder).clips} == {"bob", "eve"}
    assert "as ann" in text  # the base does not know eve
    assert '<span class="tag">eve</span>' in text


def test_the_report_tells_what_changed_and_what_was_forgotten(tune, choir, recordings):
    outcome = tune("--restore_path", choir, "--dataset_path", recordings, "--max_steps", 3, "--report_sentences", 2)
    assert outcome.status == 0, outcome.err
    text = (outcome.run_folder / "report.html").read_text(encoding="utf-8")
    assert "What changed" in text
    assert "The best model&#x27;s weights are" in text
    forgotten = text[text.index("What was forgotten") :]
    assert "speaker ann" in forgotten
    assert "speaker bob" in forgotten
    assert "between both" in forgotten
    assert "Traceback" not in outcome.err
