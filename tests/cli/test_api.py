"""What a program in Python does with the package: it walks the same road as the command line."""

import json
import logging
import os
import runpy
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from finetune_tts import api
from finetune_tts.api import Callbacks, UserError, Voice, fine_tune, resume
from finetune_tts.training.run import open_run

EXAMPLES = Path(__file__).parents[2] / "examples"
QUICK = {"batch_size": 4, "eval_batch_size": 4, "run_eval_steps": 2, "print_step": 1, "save_step": 2}


@pytest.fixture
def trained(release, recordings, tmp_path):
    def train(**arguments):
        arguments = {"max_steps": 4, "device": "cpu", "overrides": QUICK, **arguments}
        return fine_tune(release, recordings, out=tmp_path / "runs", **arguments)

    return train


def test_a_voice_speaks_as_tts_does(release, tts):
    assert tts("--model_path", release, "--text", "a bad egg", "--speed", 2, "--out_path", "told.wav").status == 0
    voice = Voice.load(release, device="cpu")
    speech = voice.speak("a bad egg", speed=2)
    speech.save("own.wav")
    assert Path("own.wav").read_bytes() == Path("told.wav").read_bytes()
    assert (speech.sample_rate, voice.sample_rate, voice.speakers, voice.languages) == (8000, 8000, (), ())
    assert speech.seconds == pytest.approx(len(speech.waveform) / 8000)
    assert voice.speak("a xbx egg").missing == "x"
    assert soundfile.info(speech.save("own.flac")).format == "FLAC"


def test_a_stream_gives_sentences(release):
    voice = Voice.load(str(release), device="cpu")
    text = "a bad egg.\n\nhad a hag."
    parts = list(voice.stream(text))
    assert len(parts) == 3
    assert np.array_equal(np.concatenate(parts), voice.speak(text).waveform)


def test_speakers_by_name(choir):
    voice = Voice.load(choir, device="cpu")
    assert voice.speakers == ("ann", "bob")
    ann, bob = (voice.speak("a bad egg", speaker=name).waveform for name in voice.speakers)
    assert not np.array_equal(ann, bob)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"speed": 0}, "speed 0: must be between"),
        ({"seed": -1}, "seed -1: must be"),
        ({"speaker": "ann"}, "this model has one voice"),
        ({"style": {"pitch": 2}}, "style pitch: a glow_tts model has no such style; it has no style"),
        ({"speaker_wav": "x.wav"}, "does not know its speakers by d-vectors"),
        ({"speaker": "ann", "speaker_wav": "x.wav"}, "both say who speaks"),
        ({"language": "xx"}, "language xx: this model has one language"),
        ({"noise_scale": float("nan")}, "noise_scale nan: must be between 0 and 10"),
        ({"seed": 1.5}, "seed 1.5: must be a whole number"),
    ],
)
def test_mistakes_are_named(release, arguments, told):
    voice = Voice.load(release, device="cpu")
    with pytest.raises(UserError, match=told):
        voice.speak("a bad egg", **arguments)
    with pytest.raises(UserError, match=told):
        voice.stream("a bad egg", **arguments)


def test_models_that_are_not_there_are_named(tmp_path):
    with pytest.raises(UserError, match="No model is called"):
        Voice.load("tts_models/xx/nothing/here")
    with pytest.raises(UserError, match=r"nothing\.pth"):
        Voice.load(tmp_path / "nothing.pth")
    with pytest.raises(UserError, match="can"):
        api.Speech(np.zeros(3, np.float32), 8000).save("a.txt")


def test_a_run_tells_what_happens_and_what_it_left(trained, caplog):
    seen = []
    callbacks = Callbacks(*[lambda run, event: seen.append(event)] * 4)
    with caplog.at_level(logging.INFO, logger="finetune_tts"):
        result = trained(callbacks=callbacks)
    steps = [event for event in seen if isinstance(event, api.StepDone)]
    assert [event.step for event in steps] == [1, 2, 3, 4]
    assert all(event.losses["loss"] != 0 for event in steps)
    assert [event.step for event in seen if isinstance(event, api.Evaluated)] == [2, 4]
    written = [event for event in seen if isinstance(event, api.CheckpointWritten)]
    assert {event.path.name for event in written} >= {"checkpoint_2.pth", "checkpoint_4.pth", "best_model_2.pth"}
    assert all(event.is_best == event.path.name.startswith("best") for event in written)
    assert all(event.path.suffix == ".wav" and event.path.exists() for event in seen if hasattr(event, "sample"))
    assert any(isinstance(event, api.SampleSpoken) for event in seen)
    assert (result.steps, result.best_model) == (4, result.folder / "best_model.pth")
    assert result.losses["loss"] >= result.best_loss
    assert result.voice().speak("a bad egg").seconds > 0


def test_callbacks_change_nothing_of_what_is_computed(trained):
    plain = trained()
    told = trained(callbacks=Callbacks(on_step=lambda run, event: event.losses))
    models = [torch.load(run.folder / "checkpoint_4.pth", weights_only=False)["model"] for run in (plain, told)]
    assert [name for name in models[0] if not torch.equal(models[0][name], models[1][name])] == []


@pytest.mark.parametrize("way", ["word", "handle"])
def test_a_callback_ends_the_run_as_at_its_end(trained, way):
    def stop(run, event):
        if event.step == 3:
            return "stop" if way == "word" else run.stop()
        return None

    result = trained(max_steps=50, callbacks=Callbacks(on_step=stop))
    assert result.steps == 3
    assert (result.folder / "checkpoint_3.pth").exists()
    assert result.losses


@pytest.mark.parametrize("name", ["on_step", "on_evaluation", "on_sample", "on_checkpoint"])
def test_what_a_callback_raises_ends_a_run_that_is_saved_and_can_be_resumed(trained, name, tmp_path):
    def fail(run, event):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        trained(callbacks=Callbacks(**{name: fail}))
    (folder,) = [path for path in (tmp_path / "runs").iterdir() if (path / "config.json").exists()]
    result = resume(folder, max_steps=5, device="cpu")
    assert (result.folder, result.steps) == (folder, 5)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"overrides": {"lrr": 1}}, "lrr"),
        ({"overrides": {"batch_size": 0}}, "batch_size"),
        ({"max_steps": 0}, "max_steps 0: must be above 0"),
    ],
)
def test_mistakes_of_a_run_are_named(trained, arguments, told):
    with pytest.raises(UserError, match=told):
        trained(**arguments)


def test_recordings_that_are_not_there_are_named_before_anything_is_loaded():
    with pytest.raises(UserError, match="recordings: none are named"):
        fine_tune("no-model", [])
    with pytest.raises(UserError, match="recordings nowhere: no such folder"):
        fine_tune("tts_models/en/ljspeech/glow-tts", "nowhere")


def run_example(name, *words):
    before, sys.argv = sys.argv, [name, *map(str, words)]
    try:
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    finally:
        sys.argv = before


def test_the_examples(release, recordings, monkeypatch, capfdbinary, tmp_path):
    run_example("synthesise.py", release, "a bad egg", "out.wav")
    assert b"out.wav: " in capfdbinary.readouterr().out
    Path("story.txt").write_text("a bad egg.\n\nhad a hag.")
    run_example("stream.py", release, "story.txt")
    assert len(capfdbinary.readouterr().out) > 4000
    monkeypatch.setattr(api, "fine_tune", lambda *words, **told: fine_tune(*words, **told | {"max_steps": 2}))
    run_example("fine_tune.py", release, recordings, tmp_path / "runs")
    out = capfdbinary.readouterr().out
    assert b"step 1 of 2: " in out
    assert b" after 2 steps" in out
    assert {path.name for path in EXAMPLES.glob("*.py")} == {"synthesise.py", "stream.py", "fine_tune.py"}


#: one of two processes; the callbacks of both are told apart by what they leave
SHARED = """
import json, os, sys
from finetune_tts.api import STOP, Callbacks, fine_tune
given = json.loads(sys.argv[1])
seen = []

def called(name):
    def call(run, event):
        seen.append(name)
        if name == given["name"] and event.step >= 3:
            if given["does"] == "raise":
                raise OSError("of its own")
            return STOP
    return call

names = ("on_step", "on_evaluation", "on_sample", "on_checkpoint")
try:
    result = fine_tune(given["model"], given["recordings"], out=given["out"], max_steps=given["steps"], device="cpu",
                       overrides=given["overrides"], callbacks=Callbacks(**{name: called(name) for name in names}))
    end = ["ended", result.steps]
except BaseException as error:
    end = [type(error).__name__, str(error)]
print(json.dumps([end, sorted(set(seen))]))
"""


@pytest.fixture
def shared(release, recordings, tmp_path):
    """Fine-tunes in two processes with a callback that does something from step 3 on; what became of each."""

    def train(name, does, steps=50):
        given = {"model": str(release), "recordings": str(recordings), "out": str(tmp_path / "runs"), "steps": steps,
                 "overrides": QUICK, "name": name, "does": does}  # fmt: skip
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        processes = []
        for rank in range(2):
            places = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2",
                      "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}  # fmt: skip
            words = [sys.executable, "-c", SHARED, json.dumps(given)]
            processes.append(
                subprocess.Popen(
                    words, env={**os.environ, **places}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
                )
            )
        said = [process.communicate(timeout=300) for process in processes]
        assert all(process.returncode == 0 for process in processes), said
        (folder,) = [path for path in (tmp_path / "runs").iterdir() if (path / "config.json").exists()]
        return *(json.loads(out.splitlines()[-1]) for out, _ in said), folder

    return train


@pytest.mark.slow
def test_of_two_processes_the_main_one_is_told_and_ends_both(shared):
    (ended, seen), (also_ended, seen_there), folder = shared("on_step", "stop")
    assert ended == also_ended
    assert ended == ["ended", 3]
    assert {"on_step", "on_evaluation", "on_checkpoint"} <= set(seen)
    assert seen_there == []
    assert open_run(folder).checkpoint.step == ended[1]


@pytest.mark.slow
def test_what_a_callback_raises_ends_both_processes_with_the_run_saved(shared):
    (ended, _), (there, seen_there), folder = shared("on_evaluation", "raise")
    assert ended == ["OSError", "of its own"]
    assert there[0] == "TrainingInterrupted"
    assert f"--continue_path runs/{folder.name}" in there[1]
    assert seen_there == []
    assert open_run(folder).checkpoint.step == 4  # where the first evaluation from step 3 on was


@pytest.mark.slow
def test_what_a_callback_raises_when_all_is_done_leaves_the_other_process_alone(shared):
    (ended, _), (there, _), folder = shared("on_checkpoint", "raise", steps=3)
    assert ended == ["OSError", "of its own"]
    assert there == ["ended", 3]
    assert open_run(folder).checkpoint.step == 3
