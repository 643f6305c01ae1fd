"""A network is built within a bound, and counted without the memory for it."""

import pytest
import torch
from torch import nn

from finetune_tts.layers.parameter_count import build_within, count_parameters
from finetune_tts.layers.weight_norm import WeightNormConv1d


def small():
    return nn.Sequential(WeightNormConv1d(3, 5, 3), nn.LSTM(4, 4), nn.Embedding(7, 2))


def test_parameters_are_counted_as_they_would_be_built():
    assert count_parameters(small, 10_000) == sum(parameter.numel() for parameter in small().parameters())
    shared = nn.Linear(10, 10)
    assert count_parameters(lambda: nn.Sequential(shared, shared), 1000) == 110


def test_a_network_within_the_bound_is_built_as_without_it():
    torch.manual_seed(3)
    expected = small().state_dict()
    torch.manual_seed(3)
    network = build_within(small, 10_000)
    assert network is not None
    assert all(torch.equal(tensor, expected[name]) for name, tensor in network.state_dict().items())
    assert build_within(small, 50) is None


def test_a_large_network_that_is_allowed_has_the_weights_that_it_would_have_had(monkeypatch):
    monkeypatch.setattr("finetune_tts.layers.parameter_count.UNQUESTIONED", 20)
    test_a_network_within_the_bound_is_built_as_without_it()


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Conv1d(2**20, 2**20, 5),
        lambda: nn.Embedding(2**40, 2**10),
        lambda: nn.Sequential(*(nn.Linear(2**14, 2**14) for _ in range(10**9))),
        lambda: nn.Sequential(*(nn.Linear(1, 1) for _ in range(10**9))),
        lambda: nn.LSTM(2**15, 2**15, num_layers=100),
    ],
)
def test_what_no_machine_holds_is_refused_without_building_it(make):
    assert build_within(make, 2**32) is None
    assert torch.get_default_device().type == "cpu"


def test_faults_of_the_network_itself_come_through():
    def contradictory():
        raise ValueError("odd")

    for count in (build_within, count_parameters):
        with pytest.raises(ValueError, match="odd"):
            count(contradictory, 10)
    with pytest.raises(RuntimeError, match="negative dimension"):
        build_within(lambda: nn.Conv1d(-1, 3, 3), 10)
