"""Dropout zeroes as many elements as it says, scales the others, and does the same backwards."""

import pytest
import torch

from finetune_tts.layers.dropout import Dropout, dropout, dropout_factors


@pytest.mark.parametrize("probability", [0.05, 0.1, 0.5, 0.999])
def test_elements_are_zero_with_the_probability_and_the_mean_stays(probability):
    torch.manual_seed(0)
    dropped = dropout(torch.ones(1000, 1001), probability, True)  # not a multiple of what one random number serves

    zero, scaled = dropped.unique().tolist()
    assert zero == 0
    assert scaled == pytest.approx(1 / (1 - probability), rel=0.01)
    assert float((dropped == 0).float().mean()) == pytest.approx(probability, abs=0.002)


def test_neighbours_are_dropped_independently():
    torch.manual_seed(0)
    kept = dropout(torch.ones(400_000), 0.5, True) > 0
    for distance in (1, 2, 3, 4, 5):
        assert float((kept[distance:] & kept[:-distance]).float().mean()) == pytest.approx(0.25, abs=0.005)


def test_the_gradient_passes_where_the_value_does():
    torch.manual_seed(0)
    x = torch.ones(64, 3, requires_grad=True)
    dropped = dropout(x, 0.25, True)
    dropped.sum().backward()
    assert torch.equal(x.grad, dropped.detach())


def test_a_seed_brings_the_same_elements_back():
    def draw():
        torch.manual_seed(3)
        return dropout(torch.ones(100), 0.5, True)

    assert torch.equal(draw(), draw())


def test_nothing_is_dropped_out_of_training_or_with_probability_0():
    torch.manual_seed(0)
    x = torch.randn(5)
    assert dropout(x, 0.5, False) is x
    assert dropout(x, 0.0, True) is x
    assert Dropout(0.5).eval()(x) is x
    assert float((Dropout(0.5).train()(torch.ones(1000)) == 0).float().mean()) == pytest.approx(0.5, abs=0.1)


def test_all_is_dropped_with_probability_1():
    assert not dropout(torch.ones(5), 1.0, True).any()


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_is_refused(probability):
    with pytest.raises(ValueError, match="between 0 and 1"):
        dropout(torch.ones(5), probability, True)


def test_values_in_bfloat16_and_views_are_dropped_too():
    torch.manual_seed(0)
    x = torch.ones(40, 30, dtype=torch.bfloat16).t()
    dropped = dropout(x, 0.5, True)
    assert dropped.dtype == torch.bfloat16
    assert dropped.shape == x.shape
    assert set(dropped.unique().tolist()) == {0.0, 2.0}


def test_factors_keep_the_mean():
    torch.manual_seed(0)
    factors = dropout_factors(0.25, 100, 100, like=torch.ones(1))
    assert factors.unique().tolist() == pytest.approx([0.0, 1 / 0.75], rel=1e-4)
    assert float(factors.mean()) == pytest.approx(1, abs=0.05)
