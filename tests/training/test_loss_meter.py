import pytest
import torch

from finetune_tts.training.loss_meter import DeviceSums, LossMeter, Sums

CPU = torch.device("cpu")


def epoch_means(meter):
    return Sums([meter.epoch_sums()]).means()


def value(number):
    return {"loss": torch.tensor(float(number))}


def test_means_are_weighted():
    meter = LossMeter(CPU)
    meter.add(value(1), 3)
    meter.add(value(5), 1)
    meter.collect()
    assert meter.since_print.means() == {"loss": 2.0}
    assert meter.since_print.drain() == {"loss": (8.0, 4.0)}
    assert meter.since_print.drain() == {}
    assert meter.since_plot.means() == {"loss": 2.0}


def test_sums_of_several_processes_make_one_mean():
    assert Sums([{"loss": (8.0, 4.0)}, {"loss": (4.0, 2.0), "error": (1.0, 2.0)}]).means() == {
        "loss": 2.0,
        "error": 0.5,
    }


def test_values_that_are_not_finite_are_left_out_of_training_means_alone():
    meter = LossMeter(CPU)
    for number in (1, float("nan"), 3):
        meter.add(value(number), 1)
    assert epoch_means(meter) == {"loss": 2.0}
    sums = DeviceSums(CPU)
    sums.add(value(float("inf")))
    assert sums.look()["loss"][0] == float("inf")


def test_a_name_without_any_finite_value_has_no_mean():
    meter = LossMeter(CPU)
    meter.add(value(float("nan")), 1)
    assert epoch_means(meter) == {}


def test_an_epoch_goes_on_from_its_state():
    straight, stopped, again = LossMeter(CPU), LossMeter(CPU), LossMeter(CPU)
    for number in (0.1, 0.2, 0.3):
        straight.add(value(number), 1)
    stopped.add(value(0.1), 1)
    stopped.collect()
    stopped.add(value(0.2), 1)
    again.load_state_dict(stopped.state_dict())
    again.add(value(0.3), 1)
    assert epoch_means(again)["loss"] == pytest.approx(epoch_means(straight)["loss"], abs=1e-15)
    assert epoch_means(stopped)["loss"] == pytest.approx(0.15)


def test_adding_keeps_no_graph():
    meter = LossMeter(CPU)
    meter.add({"loss": torch.ones((), requires_grad=True) * 2}, 1)
    assert not meter.device.state_dict()["loss"].requires_grad
