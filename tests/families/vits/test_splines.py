"""Splines can be undone, know their slope, and leave alone what lies outside their range."""

import pytest
import torch

from finetune_tts.families.vits.splines import rational_quadratic_spline

BOUND = 5.0


@pytest.fixture
def spline():
    generator = torch.Generator().manual_seed(1)
    widths, heights = (2 * torch.randn(40, 10, generator=generator, dtype=torch.float64) for _ in range(2))
    slopes = torch.randn(40, 9, generator=generator, dtype=torch.float64)

    def run(x, inverse=False):
        return rational_quadratic_spline(x, widths, heights, slopes, bound=BOUND, inverse=inverse)

    return run


def test_going_there_and_back_changes_nothing(spline):
    x = torch.linspace(-7, 7, 40, dtype=torch.float64)
    y, log_slope = spline(x)
    back, log_slope_back = spline(y, inverse=True)
    torch.testing.assert_close(back, x)
    torch.testing.assert_close(log_slope_back, -log_slope)


def test_outside_of_the_range_it_is_the_identity(spline):
    x = torch.cat([torch.linspace(-90, -5.01, 20), torch.linspace(5.01, 90, 20)]).double()
    y, log_slope = spline(x)
    assert torch.equal(y, x)
    assert torch.equal(log_slope, torch.zeros_like(x))


def test_the_slope_is_that_of_the_curve(spline):
    x = torch.linspace(-4.9, 4.9, 40, dtype=torch.float64, requires_grad=True)
    y, log_slope = spline(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(log_slope, slope.log())


def test_gradients_are_finite_at_and_beyond_the_ends(spline):
    x = torch.tensor([-5.0, 5.0, -100.0, 100.0], dtype=torch.float64).repeat(10).requires_grad_()
    y, log_slope = spline(x)
    (y.sum() + log_slope.sum()).backward()
    assert torch.isfinite(x.grad).all()
