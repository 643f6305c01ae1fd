"""What is heard of a run while it trains: tiny runs, with the process that hears."""

import json
import math
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from finetune_tts.audio.reading import write_waveform
from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.files import write_json
from finetune_tts.hearing import process
from finetune_tts.hearing.looks import Look
from finetune_tts.machine.interrupts import TrainingInterrupted
from finetune_tts.runs.checkpoints import newest_checkpoint
from finetune_tts.runs.history import read_history
from finetune_tts.runs.record import Clip, DataFacts, RunRecord, write_record
from finetune_tts.tasks.spoken_samples import SpokenSample
from finetune_tts.training import sample_hearing

RATE = 16000
TEXTLESS = {"test_sentences": []}  # their figures take longer than the training


def tone(hertz: float, seconds: float = 0.5) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * hertz * time) + 0.1 * np.sin(6 * np.pi * hertz * time)).astype(np.float32)


def speak(network, sentence):
    """A tone whose height the weights decide; random numbers are used up."""
    noise = 1e-3 * torch.rand(RATE // 2).numpy()
    height = 150 + 100 * float(torch.sigmoid(10 * network.out.weight.sum()))
    alignment = torch.softmax(torch.rand(20, 5), dim=1).numpy()
    return SpokenSample(tone(height) + noise, RATE, None, alignment)


@pytest.fixture
def heard_run(make_run, monkeypatch):
    """Makes a run of the tiny task whose folder tells of three held-out recordings: as ``make_run``."""
    monkeypatch.setattr(sample_hearing, "FEWEST_STEPS", 1)

    def make(folder="run", **fields):
        run = make_run(
            folder, **{"speak": speak, "epochs": 2, "run_eval_steps": 2, "save_step": 2, **TEXTLESS, **fields}
        )
        describe(run.output_path)
        return run

    monkeypatch.setattr("finetune_tts.training.loop.MIN_STEPS_BETWEEN_SAMPLES", 1)
    return make


def describe(folder: Path) -> None:
    clips = []
    for number in range(3):
        path = folder.parent / f"clip{number}.wav"
        write_waveform(path, tone(200 + 20 * number), RATE)
        clips.append(Clip(f"clip{number}", "a word", str(path), "ann"))
    data = DataFacts((), 22, 3, 1.0)
    write_record(folder, RunRecord("2026-11-29T10:00:00", "cpu", {}, data, clips=tuple(clips)))
    write_json(folder / "config.json", GlowTTSConfig().to_dict())


def looks_of(folder):
    return [Look(one.step, one.losses) for one in read_history(folder) if one.split == "heard"]


def assert_the_same_weights(one, other):
    for name, weight in one.task.network.state_dict().items():
        assert torch.equal(weight, other.task.network.state_dict()[name]), name


@pytest.mark.slow
def test_what_is_heard_goes_into_the_history_and_changes_nothing_of_the_training(heard_run, caplog):
    caplog.set_level("INFO")
    deaf = heard_run("deaf", settings={"hears_samples": False})
    deaf.fit()
    heard = heard_run("heard", settings={"recogniser": "none"})
    heard.fit()
    assert_the_same_weights(deaf, heard)
    assert looks_of(deaf.output_path) == []
    looks = looks_of(heard.output_path)
    assert looks[-1].step == 12
    assert {"mcd", "f0", "duration", "silence", "babble", "focus", "backward"} <= looks[-1].values.keys()
    assert all(math.isfinite(value) for look in looks for value in look.values.values())
    assert "Hearing the last samples" in caplog.text
    assert heard.hearing.looks == looks
    (told,) = heard.output_path.glob("hearing/step_0000012.json")
    assert len(json.loads(told.read_text())["sentences"]) == 3
    assert not list(heard.output_path.glob("hearing/step_*/"))


class TestProcess:
    """Stands in for the process that hears: it hears at once, or when it is told to."""

    __test__ = False
    values: dict[int, float] = {}
    """Step → distortion; of another one it is 5."""
    slow = False

    def __init__(self, run, recogniser=None):
        self.asked: list[Path] = []
        self.died = False
        self.last_words = "out of memory"

    def hear(self, folder):
        self.asked.append(folder)
        if not self.slow:
            self.answer(folder)

    def answer(self, folder):
        step = int(folder.name.removeprefix("step_"))
        mcd = self.values.get(step, 5.0)
        write_json(folder.with_name(f"{folder.name}.json"),
                   {"values": {"mcd": mcd, "f0": 100.0}, "sentences": [], "warnings": []})  # fmt: skip

    def close(self):
        pass


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(sample_hearing, "HearingProcess", TestProcess)
    monkeypatch.setattr(TestProcess, "values", {})
    monkeypatch.setattr(TestProcess, "slow", False)
    return TestProcess


@pytest.mark.parametrize("limits", [{}, {"select_by": "mcd", "flat_looks": 9}])
def test_a_run_has_the_same_weights_whether_it_is_heard_or_not(heard_run, at_once, limits):
    deaf = heard_run("deaf", settings={"hears_samples": False}, ema_decay=0.9)
    deaf.fit()
    heard = heard_run("heard", settings=limits, ema_decay=0.9)
    heard.fit()
    assert len(looks_of(heard.output_path)) == 6
    assert_the_same_weights(deaf, heard)


def test_what_is_heard_is_on_the_dashboard_at_its_step(heard_run, at_once, monkeypatch):
    monkeypatch.setattr(at_once, "values", {4: 4.0})
    run = heard_run()
    run.fit()
    events = EventAccumulator(str(run.output_path))
    events.Reload()
    shown = {event.step: event.value for event in events.Scalars("Heard/mcd")}
    assert shown == {2: 5.0, 4: 4.0, 6: 5.0, 8: 5.0, 10: 5.0, 12: 5.0}


def test_a_run_of_few_steps_is_not_heard_unless_something_depends_on_it(heard_run, at_once, monkeypatch):
    monkeypatch.setattr(sample_hearing, "FEWEST_STEPS", 13)
    short = heard_run("short")
    short.fit()
    assert looks_of(short.output_path) == []
    asked = heard_run("asked", settings={"select_by": "mcd"})
    asked.fit()
    assert looks_of(asked.output_path)


def test_a_run_without_held_out_recordings_hears_nothing_and_says_so_if_asked(heard_run, at_once, caplog):
    run = heard_run(settings={"select_by": "mcd"})
    (run.output_path / "about_run.json").unlink()
    run.fit()
    assert looks_of(run.output_path) == []
    assert "--select_by: no recordings with a text are held out, so that nothing is heard" in caplog.text


def test_the_best_by_ear_is_kept_beside_the_best_by_loss(heard_run, at_once, monkeypatch):
    monkeypatch.setattr(at_once, "values", {4: 3.0, 8: 4.0})
    run = heard_run(settings={"select_by": "mcd"})
    run.fit()
    best = read_checkpoint(run.output_path / "best_by_ear.pth")
    assert best.step == 4
    assert run.hearing.best == (4, 3.0)
    kept = read_checkpoint(run.output_path / "checkpoint_4.pth").model if (
        run.output_path / "checkpoint_4.pth").exists() else best.model  # fmt: skip
    assert all(torch.equal(best.model[name], kept[name]) for name in kept)
    assert (run.output_path / "best_model.pth").is_file()


def test_nothing_is_kept_by_ear_without_being_asked_for(heard_run, at_once):
    run = heard_run()
    run.fit()
    assert not (run.output_path / "best_by_ear.pth").exists()
    assert not list(run.output_path.glob("hearing/*/weights.pth"))


def test_a_look_that_waits_is_skipped_for_a_newer_one_and_that_is_said(heard_run, at_once, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(at_once, "slow", True)
    run = heard_run()
    finish = run.hearing.finish

    def answered():
        monkeypatch.setattr(at_once, "slow", False)
        hearing = run.hearing
        hearing._process.answer(hearing._process.asked[0])
        finish()

    run.hearing.finish = answered
    run.fit()
    heard = [look.step for look in looks_of(run.output_path)]
    assert heard[0] == 2
    assert heard[-1] == 12
    assert len(heard) == 2
    assert "Step 4 is not heard: step 2 is still being heard, and step 6 waits in its place." in caplog.text


def test_a_process_that_dies_is_a_warning_and_the_run_goes_on(heard_run, at_once, monkeypatch, caplog):
    monkeypatch.setattr(at_once, "slow", True)
    run = heard_run()
    run.hearing._process.died = True
    run.fit()
    assert run.total_steps_done == 12
    assert "What the samples sound like is not measured any more: out of memory. The training goes on." in caplog.text
    assert caplog.text.count("not measured any more") == 1
    assert looks_of(run.output_path) == []


def test_a_process_that_cannot_read_the_config_ends_and_says_why(heard_run, caplog):
    run = heard_run()
    (run.output_path / "config.json").write_text('{"model": "no_such_model"}')
    run.fit()
    assert "not measured any more" in caplog.text
    assert "no_such_model" in caplog.text


def test_a_run_ends_when_what_is_heard_is_flat(heard_run, at_once, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(at_once, "values", {2: 9.0, 4: 8.0, 6: 6.0})
    run = heard_run(settings={"flat_looks": 2}, epochs=8)
    run.fit()
    # 8 and 10 are no better than 6 and 4 only when these are 5 as well: looks at 8, 10 against 12, 14, heard at 16.
    assert run.total_steps_done == 16
    assert "Nothing that is heard has become better since step 10 (" in caplog.text


def test_why_a_run_ended_is_said_though_its_last_look_is_better(heard_run, at_once, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(at_once, "values", {2: 9.0, 4: 8.0, 6: 6.0, 16: 1.0})
    run = heard_run(settings={"flat_looks": 2}, epochs=9)
    run.fit()
    assert run.total_steps_done == 16
    assert caplog.text.count("Nothing that is heard has become better since step 10 (") == 1


@pytest.mark.parametrize("stops", [6, 14])
def test_a_run_that_is_stopped_and_resumed_hears_and_decides_the_same(heard_run, at_once, monkeypatch, stops):
    monkeypatch.setattr(at_once, "values", {2: 9.0, 4: 8.0, 6: 6.0, 10: 4.5})
    limits = {"flat_looks": 2, "select_by": "mcd"}
    whole = heard_run("whole", settings=limits, epochs=8)
    whole.fit()

    stopped = heard_run("stopped", settings=limits, epochs=8)
    step = stopped.stepper.step

    def stop(number, batches):
        step(number, batches)
        if number == stops:
            os.kill(os.getpid(), signal.SIGTERM)

    stopped.stepper.step = stop
    with pytest.raises(TrainingInterrupted):
        stopped.fit()
    resumed = heard_run("stopped", epochs=8, resume=read_checkpoint(newest_checkpoint(stopped.output_path)))
    resumed.fit()
    assert resumed.total_steps_done == whole.total_steps_done
    assert looks_of(resumed.output_path) == looks_of(whole.output_path)
    assert resumed.hearing.best == whole.hearing.best == (10, 4.5)
    assert read_checkpoint(resumed.output_path / "best_by_ear.pth").step == 10
    assert_the_same_weights(whole, resumed)


def test_a_kill_between_checkpoints_hears_again_what_the_checkpoint_does_not_know(heard_run, at_once, monkeypatch):
    whole = heard_run("whole")
    whole.fit()
    killed = heard_run("killed")
    step = killed.stepper.step

    def die(number, batches):
        if number == 8:
            raise KeyboardInterrupt
        step(number, batches)

    killed.stepper.step = die
    with pytest.raises(KeyboardInterrupt):
        killed.fit()
    assert [look.step for look in looks_of(killed.output_path)] == [2, 4]
    for path in killed.output_path.glob("*_6.pth"):
        path.unlink()  # the checkpoint of step 4 was written before anybody had heard step 4
    resumed = heard_run("killed", resume=read_checkpoint(newest_checkpoint(killed.output_path)))
    assert resumed.total_steps_done == 4
    assert [look.step for look in resumed.hearing.looks] == [2]
    resumed.fit()
    assert [look.step for look in looks_of(resumed.output_path)] == [look.step for look in looks_of(whole.output_path)]
    assert_the_same_weights(whole, resumed)


@pytest.mark.slow
def test_the_process_ends_with_the_run(heard_run, monkeypatch):
    started = []
    start = process.HearingProcess._start
    monkeypatch.setattr(process.HearingProcess, "_start", lambda self: started.append(start(self)) or started[-1])
    run = heard_run(settings={"select_by": "mcd"})
    step = run.stepper.step

    def stop(number, batches):
        step(number, batches)
        if number == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    run.stepper.step = stop
    with pytest.raises(TrainingInterrupted):
        run.fit()
    (one,) = started
    assert one.poll() is not None
    assert read_checkpoint(newest_checkpoint(run.output_path)).extra["run_state"]["hearing"]["pending"] == [[2, 0]]


def test_a_model_that_cannot_say_the_sentences_is_a_warning(heard_run, at_once, caplog):
    def mute(network, sentence):
        if isinstance(sentence, list):
            raise ValueError("no voice today")
        return SpokenSample(tone(200), RATE)

    run = heard_run(speak=mute, test_sentences=["Hello."])
    run.fit()
    assert looks_of(run.output_path) == []
    assert "None of the held-out sentences could be synthesised, so nothing is heard. no voice today" in caplog.text
    assert list(run.output_path.glob("samples/*/*.wav"))


def test_a_process_that_hangs_is_not_waited_for_forever(heard_run, at_once, monkeypatch, caplog):
    monkeypatch.setattr(at_once, "slow", True)
    monkeypatch.setattr(sample_hearing, "_LONGEST_WAIT", 0.0)
    run = heard_run(settings={"select_by": "mcd"})
    run.fit()
    assert run.total_steps_done == 12
    assert "it has taken longer than" in caplog.text
    assert not (run.output_path / "best_by_ear.pth").exists()
