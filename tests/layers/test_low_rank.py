import copy

import pytest
import torch
from torch import nn

from finetune_tts.layers.low_rank import add_adapters, can_adapt, is_adapted, merged
from finetune_tts.layers.weight_norm import WeightNormConv1d, WeightNormConvTranspose1d


class Rows(nn.Module):
    """A matrix that is kept as ``[in, out]``, with a place for an adapter."""

    def __init__(self, rows, columns):
        super().__init__()
        self.adapter = None
        self.weight = nn.Parameter(torch.randn(rows, columns))

    def forward(self, x):
        mapped = x @ self.weight
        return mapped if self.adapter is None else mapped + self.adapter(x)


TIME = torch.randn(2, 6, 9, generator=torch.Generator().manual_seed(1))
LAYERS = {
    "linear": (lambda: nn.Linear(6, 8), TIME.transpose(1, 2)),
    "square linear": (lambda: nn.Linear(6, 6), TIME.transpose(1, 2)),
    "rows": (lambda: Rows(6, 8), TIME.transpose(1, 2)),
    "square rows": (lambda: Rows(6, 6), TIME.transpose(1, 2)),
    "convolution": (lambda: nn.Conv1d(6, 8, 5, padding=4, dilation=2), TIME),
    "convolution with steps": (lambda: nn.Conv1d(6, 6, 3, stride=2), TIME),
    "transposed convolution": (lambda: nn.ConvTranspose1d(6, 7, 4, stride=2, padding=1), TIME),
    "weight norm": (lambda: WeightNormConv1d(6, 8, 3, padding=2, dilation=2), TIME),
    "transposed weight norm": (lambda: WeightNormConvTranspose1d(6, 7, 5, stride=3, output_padding=1), TIME),
}
each = pytest.mark.parametrize("name", LAYERS)


def adapted(layer, rank=2, **sizes):
    network = nn.Sequential(layer)
    assert add_adapters(network, {"0"}.__contains__, rank=rank, **sizes) == ["0"]
    return network


@each
def test_a_network_is_what_it_was_until_its_adapters_learn(name):
    make, x = LAYERS[name]
    layer = make()
    before = layer(x)
    torch.testing.assert_close(adapted(layer)(x), before)


@each
def test_merged_weights_give_what_layer_and_adapter_give_together(name):
    make, x = LAYERS[name]
    layer = make()
    plain = copy.deepcopy(layer)
    network = adapted(layer, alpha=3.0)
    nn.init.normal_(layer.adapter.up)
    assert (network(x) - plain(x)).abs().max() > 0.1
    state = merged(network.state_dict())
    assert state.keys() == {f"0.{key}" for key in plain.state_dict()}
    nn.Sequential(plain).load_state_dict(state)
    torch.testing.assert_close(plain(x), network(x), rtol=1e-4, atol=1e-4)


@each
def test_adapters_alone_learn(name):
    make, x = LAYERS[name]
    network = adapted(make())
    network(x).square().sum().backward()
    assert {key for key, weight in network.named_parameters() if weight.grad is not None} == {
        "0.adapter.down", "0.adapter.up"
    }  # fmt: skip
    assert network[0].adapter.up.grad.abs().max() > 0


def test_a_copy_has_adapters_of_its_own():
    network = adapted(nn.Linear(6, 8))
    twin = copy.deepcopy(network)
    nn.init.ones_(twin[0].adapter.up)
    x = torch.randn(3, 6)
    assert not torch.equal(twin(x), network(x))
    assert is_adapted(twin.state_dict())


def test_dropout_is_of_training():
    network = adapted(nn.Linear(6, 8), dropout=0.5)
    nn.init.ones_(network[0].adapter.up)
    x = torch.randn(3, 6)
    torch.manual_seed(0)
    assert not torch.equal(network.train()(x), network(x))
    assert torch.equal(network.eval()(x), network(x))


@pytest.mark.parametrize(
    "layer",
    [nn.Linear(2, 8), nn.Conv1d(8, 2, 5), nn.Conv1d(8, 8, 3, groups=8), nn.Conv1d(8, 8, 3, padding="same"),
     nn.Conv2d(8, 8, 3), nn.LSTM(8, 8), nn.Embedding(8, 8), WeightNormConv1d(8, 1, 3)],
)  # fmt: skip
def test_layers_of_other_kinds_and_narrow_ones_get_none(layer):
    assert not can_adapt(layer, rank=2)


@pytest.mark.parametrize("fault", ["up is missing", "down has another width", "the layer is missing"])
def test_an_adapter_that_does_not_fit_is_named(fault):
    state = adapted(nn.Linear(6, 8)).state_dict()
    if fault == "up is missing":
        del state["0.adapter.up"]
    elif fault == "the layer is missing":
        del state["0.weight"]
    else:
        state["0.adapter.down"] = torch.zeros(2, 5)
    with pytest.raises(ValueError, match="0: its adapter does not fit"):
        merged(state)
