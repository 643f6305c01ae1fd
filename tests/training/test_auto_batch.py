"""The largest batch that fits: found by trying, and a step takes as many clips as before."""

import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.errors import UserError
from finetune_tts.training import auto_batch
from finetune_tts.training import run as run_module
from finetune_tts.training.run import fit
from finetune_tts.training.state import RunState

TINY = runpy.run_path(str(Path(__file__).with_name("tiny_run.py")))


@pytest.fixture
def run_with(tmp_path, monkeypatch):
    """A run on a device that holds so many frames; gives what it took in each pass, and its result."""

    def run(room: int, grad_accum_steps: int | None = None, gpu: bool = False, **fields: Any):
        passes: list[int] = []
        make_task = run_module.make_task

        def made(*given: Any) -> Any:
            task = make_task(*given)
            run_network = task.run_network

            def bounded(batch: Any) -> Any:
                clips, frames = batch.mels.shape[:2]
                if torch.is_grad_enabled():
                    passes.append(clips)
                if clips * frames > room:
                    raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
                return run_network(batch)

            monkeypatch.setattr(task, "run_network", bounded)
            return task

        monkeypatch.setattr(run_module, "make_task", made)
        config = TINY["tiny_config"](tmp_path, **{"epochs": 2, "run_eval": False, **fields})
        job = TINY["tiny_job"](config)
        limits = replace(job.limits, auto_batch=True, grad_accum_steps=grad_accum_steps)
        return passes, fit(replace(job, limits=limits)), config

    return run


def newest(result):
    return read_checkpoint(result.folder / f"checkpoint_{result.steps}.pth")


def accumulated(result):
    return RunState.of(newest(result)).grad_accum_steps


def test_a_batch_that_fits_is_left_as_it_is(run_with, caplog):
    passes, result, config = run_with(room=10**6, batch_size=4)
    assert config.batch_size == 4
    assert accumulated(result) == 1
    assert passes[0] == 4
    assert "A batch of 4 clips fits into the memory of cpu" in caplog.text


def test_a_batch_that_does_not_fit_is_halved_until_it_does(run_with, caplog):
    passes, result, config = run_with(room=2 * 24, batch_size=8)
    assert config.batch_size == 2
    assert accumulated(result) == 4
    assert passes[:3] == [8, 4, 2]
    assert max(passes[3:]) <= 2
    assert "a step takes 4 of them" in caplog.text


def test_frames_are_halved_too_but_not_below_the_longest_clip(run_with):
    passes, result, config = run_with(room=30, batch_size=8, batch_frames=100)
    assert config.batch_frames == 24
    assert accumulated(result) == 8


def test_a_device_that_does_not_hold_one_clip_is_told(run_with):
    with pytest.raises(UserError, match=r"--auto_batch: the memory of cpu does not hold the longest clip"):
        run_with(room=5, batch_size=4)


def test_nothing_of_the_trial_remains(run_with, tmp_path):
    _, tried, _ = run_with(room=10**6, batch_size=4)
    weights = newest(tried).model
    config = TINY["tiny_config"](tmp_path, epochs=2, run_eval=False, batch_size=4)
    plain = fit(TINY["tiny_job"](config))
    expected = newest(plain).model
    assert all(torch.equal(weights[name], tensor) for name, tensor in expected.items())


def test_all_clips_of_a_step_are_tried_as_one_batch_on_a_gpu(monkeypatch):
    tried: list[int] = []
    monkeypatch.setattr(auto_batch, "_fits", lambda *given: True)
    monkeypatch.setattr(auto_batch, "_longest", lambda lengths, size, *given: tried.append(size) or [0])

    class Settings:
        device = torch.device("cuda")
        grad_accum_steps = 4

        class world:
            highest = staticmethod(lambda value: value)

    class Task:
        get_optimizer = staticmethod(list)

    class Config:
        batch_frames, batch_size = 0, 8

    monkeypatch.setattr(auto_batch, "Stepper", lambda *given: None)
    monkeypatch.setattr(auto_batch, "LossMeter", lambda *given: None)
    found = auto_batch.fitting_batch(Task(), Config(), TINY["Clips"](3), Settings())
    assert tried == [32]
    assert (found.size, found.accumulated) == (32, 1)
