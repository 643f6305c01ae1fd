"""The moving average of the weights: what it is, and what a run does with it."""

import math

import pytest
import torch
from torch import nn

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.runs.history import read_history
from finetune_tts.training.averaging import WeightAverage
from finetune_tts.training.target_loss import TargetLoss


def load(path):
    return torch.load(path, weights_only=True)


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def averaged_values(values, decay, new_rows=None):
    weight = nn.Parameter(torch.zeros(2))
    average = WeightAverage({"w": weight}, decay, new_rows)
    found = []
    for value in values:
        weight.data.fill_(value)
        average.update()
        found.append(average.checkpoint_fields()["ema"]["w"].clone())
    return torch.stack(found)


def test_the_decay_rises_to_the_one_asked_for():
    values = [1.0, 2.0, -1.0, 0.5, 3.0] * 10
    expected, mean = [], 0.0
    for step, value in enumerate(values):
        decay = min(0.8, (1 + step) / (10 + step))
        mean = decay * mean + (1 - decay) * value
        expected.append(mean)
    torch.testing.assert_close(averaged_values(values, 0.8)[:, 0], torch.tensor(expected))


def test_new_rows_are_taken_as_they_are_until_the_average_reaches_far():
    values = [float(step) for step in range(30)]
    found = averaged_values(values, 0.9, {"w": [1], "another": [0]})
    assert found[:10, 1].tolist() == values[:10]
    assert found[15, 1] < values[15]
    assert (found[1:, 0] < torch.tensor(values[1:])).all()


def test_the_average_is_in_use_in_its_block_alone():
    weight = nn.Parameter(torch.zeros(2))
    average = WeightAverage({"w": weight}, 0.9)
    weight.data.fill_(1.0)
    average.update()
    with average.in_use():
        assert weight[0].item() == pytest.approx(0.9)
        assert set(average.checkpoint_fields()) == {"trained"}
    assert weight[0].item() == 1.0
    assert average.checkpoint_fields()["ema"]["w"][0].item() == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("losses", "best", "prefers"),
    [
        ({"loss": 1.0}, 1.0, False),
        ({"loss": 1.0, "ema_loss": 0.5}, 0.5, True),
        ({"loss": 0.5, "ema_loss": 1.0}, 0.5, False),
        ({"ema_loss": 1.0}, None, False),
        ({"loss": 1.0, "ema_loss": math.nan}, 1.0, False),
    ],
)
def test_the_lower_loss_decides(losses, best, prefers):
    target = TargetLoss(None, None, 1, ())
    assert target.best_of(losses) == best
    assert target.prefers_average(losses) is prefers


OPTIONS = {"ema_decay": 0.9, "save_step": 5, "lr": 0.05}


def test_a_run_measures_both_and_keeps_the_better_one(make_run):
    run = make_run(epochs=6, save_all_best=True, **OPTIONS)
    run.fit()
    held_out = {entry.step: entry for entry in read_history(run.output_path) if entry.split == "eval"}
    kinds = set()
    for path in run.output_path.glob("best_model_*.pth"):
        best = load(path)
        entry = held_out[best["step"]]
        averaged = entry.losses["ema_loss"] < entry.losses["loss"]
        kinds.add(averaged)
        assert entry.target == min(entry.losses["ema_loss"], entry.losses["loss"]) == best["model_loss"]["eval_loss"]
        assert ("trained" in best) is averaged
        assert ("ema" in best) is not averaged
        assert run.task.network.load_state_dict(best["model"])
        measured, _ = run._measured(False)
        assert measured["loss"] == pytest.approx(entry.target)
    assert True in kinds


def test_checkpoints_hold_the_trained_weights_and_the_average_beside_them(make_run):
    run = make_run(epochs=2, **OPTIONS)
    run.fit()
    plain = make_run("plain", epochs=2, **{**OPTIONS, "ema_decay": 0.0})
    plain.fit()
    checkpoint, other = load(run.output_path / "checkpoint_12.pth"), load(plain.output_path / "checkpoint_12.pth")
    assert same(checkpoint["model"], other["model"])  # averaging changes nothing of the training
    assert "ema" not in other
    assert checkpoint["ema"].keys() == {name for name, _ in run.task.network.named_parameters()}
    assert not same(checkpoint["ema"], {name: checkpoint["model"][name] for name in checkpoint["ema"]})


@pytest.mark.parametrize("start", ["checkpoint_5.pth", "checkpoint_10.pth", "best"])
def test_a_run_is_resumed_to_the_last_bit_from_a_checkpoint_or_an_averaged_best_model(make_run, start):
    straight = make_run("straight", epochs=4, **OPTIONS)
    straight.fit()
    stopped = make_run("stopped", epochs=4, settings={"max_steps": 12}, save_all_best=True, **OPTIONS)
    stopped.fit()
    path = stopped.output_path / start
    if start == "best":
        path = next(p for p in stopped.output_path.glob("best_model_*.pth") if "trained" in load(p))
    again = make_run("stopped", epochs=4, resume=read_checkpoint(path), **OPTIONS)
    again.fit()
    expected = load(straight.output_path / "checkpoint_24.pth")
    found = load(again.output_path / "checkpoint_24.pth")
    assert same(found["model"], expected["model"])
    assert same(found["ema"], expected["ema"])
    assert found["run_state"]["averaged_steps"] == 24


def test_samples_are_those_of_the_better_weights(make_run):
    heard = []

    def speak(network, sentence):
        heard.append({name: weight.detach().clone() for name, weight in network.named_parameters()})
        raise ValueError("nothing to be heard")

    run = make_run(epochs=2, speak=speak, **OPTIONS)
    run.fit()
    averaged = run.eval_losses["ema_loss"] < run.eval_losses["loss"]
    trained = {name: weight.detach() for name, weight in run.task.network.named_parameters()}
    assert same(heard[-1], run.average.checkpoint_fields()["ema"] if averaged else trained)
