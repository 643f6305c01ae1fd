"""Monotonic rational-quadratic splines: bendable, invertible functions of one number (Durkan et al. 2019, "Neural
Spline Flows", section 3).

A spline rises through K + 1 knots; between two of them it is a quotient of two quadratics, whose slope at the knots is
given. So both directions and the logarithm of the slope have closed forms. Outside of ``[-bound, bound]`` it is the
identity.

Dimensions: ``...`` any axes, K bins.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

MIN_BIN = 1e-3  # share of the whole range that a bin has at least, in width and in height
MIN_SLOPE = 1e-3


def rational_quadratic_spline(
    x: Tensor, widths: Tensor, heights: Tensor, slopes: Tensor, *, bound: float, inverse: bool = False
) -> tuple[Tensor, Tensor]:
    """Send each number through a spline of its own.

    Args:
        x: ``[...]``.
        widths: ``[..., K]``, of the bins, before the softmax.
        heights: ``[..., K]``, likewise.
        slopes: ``[..., K - 1]`` at the inner knots, before the softplus; at the outer ones the slope is 1.
        bound: half the range in which the spline bends.
        inverse: go backwards.

    Returns:
        ``[...]`` what comes out, and the logarithm of the slope in the direction that was taken, of the same shape.
    """
    knots_x, bin_widths = _knots(widths, bound)
    knots_y, bin_heights = _knots(heights, bound)
    slopes = F.pad(MIN_SLOPE + F.softplus(slopes), (1, 1), value=1.0)  # [..., K + 1]
    inside = (x >= -bound) & (x <= bound)
    bounded = x.clamp(-bound, bound)

    inner_knots = (knots_y if inverse else knots_x)[..., 1:-1]
    place = (bounded.unsqueeze(-1) >= inner_knots).sum(dim=-1, keepdim=True)  # [..., 1]

    def here(values: Tensor) -> Tensor:
        return values.gather(-1, place).squeeze(-1)

    left, width, bottom, height = here(knots_x), here(bin_widths), here(knots_y), here(bin_heights)
    slope_left, slope_right = here(slopes), here(slopes[..., 1:])
    mean_slope = height / width
    bend = slope_left + slope_right - 2 * mean_slope
    if inverse:
        # The share of the bin solves a quadratic equation; this form of its root does not cancel digits.
        risen = bounded - bottom
        a = risen * bend + height * (mean_slope - slope_left)
        b = height * slope_left - risen * bend
        c = -mean_slope * risen
        discriminant = (b.square() - 4 * a * c).clamp(min=0.0)
        share = 2 * c / (-b - discriminant.sqrt())
        result = share * width + left
    else:
        share = (bounded - left) / width
    both = share * (1 - share)
    denominator = mean_slope + bend * both
    if not inverse:
        result = bottom + height * (mean_slope * share.square() + slope_left * both) / denominator
    slope = slope_right * share.square() + 2 * mean_slope * both + slope_left * (1 - share).square()
    log_slope = 2 * torch.log(mean_slope) + torch.log(slope) - 2 * torch.log(denominator)
    if inverse:
        log_slope = -log_slope
    return torch.where(inside, result, x), torch.where(inside, log_slope, torch.zeros_like(log_slope))


def _knots(sizes: Tensor, bound: float) -> tuple[Tensor, Tensor]:
    """Return where the knots are ``[..., K + 1]`` and how far apart ``[..., K]``."""
    bins = sizes.shape[-1]
    shares = MIN_BIN + (1 - MIN_BIN * bins) * sizes.softmax(dim=-1)
    inner = shares[..., :-1].cumsum(dim=-1) * (2 * bound) - bound
    outer = torch.full_like(shares[..., :1], bound)
    knots = torch.cat([-outer, inner, outer], dim=-1)
    return knots, knots[..., 1:] - knots[..., :-1]
