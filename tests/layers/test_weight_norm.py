"""Weight norm under released names: every form of a checkpoint loads and gives the same output."""

import pytest
import torch
from torch.nn.utils import parametrizations

from finetune_tts.layers.weight_norm import (
    WeightNormConv1d,
    WeightNormConv2d,
    WeightNormConvTranspose1d,
    fold_weight_norm,
    weights_computed_once,
)


@pytest.fixture
def conv():
    torch.manual_seed(0)
    conv = WeightNormConv1d(4, 6, 3, dilation=2, padding=2)
    with torch.no_grad():
        conv.weight_g.mul_(torch.rand(6, 1, 1) + 0.5)
    return conv


X = torch.linspace(-1, 1, 40).reshape(1, 4, 10)


def test_names_are_the_released_ones(conv):
    assert set(conv.state_dict()) == {"bias", "weight_g", "weight_v"}


def test_torch_parametrized_checkpoint_loads(conv):
    theirs = parametrizations.weight_norm(torch.nn.Conv1d(4, 6, 3, dilation=2, padding=2))
    conv.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(conv(X), theirs(X))


def test_folded_checkpoint_loads(conv):
    plain = torch.nn.Conv1d(4, 6, 3, dilation=2, padding=2)
    conv.load_state_dict(plain.state_dict())
    torch.testing.assert_close(conv(X), plain(X))


def test_folding_keeps_the_output_and_takes_either_form(conv):
    before, factors = conv(X), conv.state_dict()
    holder = torch.nn.Sequential(conv)
    fold_weight_norm(holder)
    assert set(conv.state_dict()) == {"bias", "weight"}
    torch.testing.assert_close(conv(X), before)
    conv.load_state_dict({name: 2 * value if name == "weight_g" else value for name, value in factors.items()})
    torch.testing.assert_close(conv(X) - conv.bias[:, None], 2 * (before - conv.bias[:, None]))


@pytest.mark.parametrize(
    ("ours", "plain", "shape"),
    [
        (
            WeightNormConv1d(4, 6, 3, stride=2, padding=1, groups=2, bias=False),
            torch.nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2, bias=False),
            (1, 4, 10),
        ),
        (
            WeightNormConv2d(2, 6, (3, 1), stride=(2, 1), padding=(1, 0)),
            torch.nn.Conv2d(2, 6, (3, 1), stride=(2, 1), padding=(1, 0)),
            (1, 2, 10, 2),
        ),
        (
            WeightNormConvTranspose1d(4, 2, 5, stride=3, padding=1, output_padding=1),
            torch.nn.ConvTranspose1d(4, 2, 5, stride=3, padding=1, output_padding=1),
            (1, 4, 10),
        ),
    ],
)
def test_every_kind_of_convolution_agrees_with_torch(ours, plain, shape):
    theirs = parametrizations.weight_norm(plain)
    ours.load_state_dict(theirs.state_dict())
    x = X.reshape(shape)
    torch.testing.assert_close(ours(x), theirs(x))
    fold_weight_norm(ours)
    torch.testing.assert_close(ours(x), theirs(x))


def test_passes_that_share_a_weight_give_the_same_numbers_and_leave_nothing_behind():
    conv = WeightNormConv1d(3, 4, 3)
    first, second = torch.randn(2, 3, 9), torch.randn(2, 3, 9)
    (conv(first).square().sum() + conv(second).sum()).backward()
    apart = [parameter.grad.clone() for parameter in conv.parameters()]
    conv.zero_grad()
    with weights_computed_once(conv):
        assert conv.effective_weight() is conv.effective_weight()
        loss = conv(first).square().sum() + conv(second).sum()
    loss.backward()
    for parameter, gradient in zip(conv.parameters(), apart, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)
    assert conv.effective_weight() is not conv.effective_weight()
