"""What is heard of a run while it trains: tiny runs, with the process that hears."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from finetune_tts.audio.reading import write_waveform
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.files import write_json
from finetune_tts.hearing.looks import Look
from finetune_tts.runs.history import read_history
from finetune_tts.runs.record import Clip, DataFacts, RunRecord, write_record
from finetune_tts.tasks.spoken_samples import SpokenSample
from finetune_tts.training import sample_hearing

RATE = 16000


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
        run = make_run(folder, **{"speak": speak, "epochs": 2, "run_eval_steps": 2, "save_step": 4, **fields})
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
