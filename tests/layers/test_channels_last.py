"""Convolutions give the same whichever way a signal lies in memory, and leave it lying so."""

import pytest
import torch
from torch.nn import functional as F

from finetune_tts.layers.channels_last import channels_last, conv1d, conv_transpose1d


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def lies_channels_last(x):
    return x.transpose(1, 2).is_contiguous()


def with_gradients(convolve, x, weight, bias):
    tensors = [tensor.detach().requires_grad_() for tensor in (x, weight, bias)]
    y = convolve(*tensors)
    return [y, *torch.autograd.grad(y.pow(3).sum(), tensors)]


def assert_the_same(ours, theirs, x, weight, bias, arguments):
    found = with_gradients(lambda *t: ours(*t, **arguments), channels_last(x), weight, bias)
    expected = with_gradients(lambda *t: theirs(*t, **arguments), x, weight, bias)
    assert lies_channels_last(found[0])
    for our, their in zip(found, expected, strict=True):
        # By their norms: rounding leaves little of a gradient that is close to 0 and summed from thousands.
        assert torch.linalg.vector_norm(our - their) <= 1e-5 * torch.linalg.vector_norm(their)


@pytest.mark.parametrize("arguments", [{}, {"padding": 3}, {"dilation": 3, "padding": 9}, {"stride": 2, "padding": 1}])
def test_convolutions_are_torchs(arguments):
    assert_the_same(conv1d, F.conv1d, torch.randn(2, 6, 40), torch.randn(4, 6, 7), torch.randn(4), arguments)


@pytest.mark.parametrize("arguments", [{"stride": 4, "padding": 2}, {"stride": 3, "padding": 2, "output_padding": 1}])
def test_transposed_convolutions_are_torchs(arguments):
    tensors = torch.randn(2, 6, 10), torch.randn(6, 4, 8), torch.randn(4)
    assert_the_same(conv_transpose1d, F.conv_transpose1d, *tensors, arguments)


def test_groups_are_convolved_too():
    x, weight = torch.randn(2, 6, 20), torch.randn(6, 3, 5)
    torch.testing.assert_close(conv1d(channels_last(x), weight, None, groups=2), F.conv1d(x, weight, groups=2))


def test_what_lies_in_the_order_of_its_shape_stays_so():
    x, weight = torch.randn(2, 6, 20), torch.randn(4, 6, 5)
    y = conv1d(x, weight, None)
    assert y.is_contiguous()
    torch.testing.assert_close(y, F.conv1d(x, weight))


def test_a_signal_keeps_its_values_and_its_order_survives_what_is_computed_element_by_element():
    x = torch.randn(2, 6, 20)
    laid = channels_last(x)
    assert torch.equal(laid, x)
    assert lies_channels_last(F.leaky_relu(laid, 0.1) + laid / 3)
