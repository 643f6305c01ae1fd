import math

import pytest

from finetune_tts.watch.curve import MOST_POINTS, Curve


def curve_of(values):
    curve = Curve()
    for step, value in enumerate(values):
        curve.add(step, value)
    return curve


def test_few_values_are_shown_as_they_are():
    assert curve_of([0.5, 0.25]).as_json() == {
        "steps": [0, 1], "means": [0.5, 0.25], "lows": [0.5, 0.25], "highs": [0.5, 0.25],
    }  # fmt: skip


@pytest.mark.parametrize("count", [MOST_POINTS, MOST_POINTS + 1, 100_000])
def test_many_are_thinned_and_keep_their_ends_their_extremes_and_their_mean(count):
    values = [math.sin(number) for number in range(count)]
    values[count // 3], values[count // 2] = 7.0, -7.0
    shown = curve_of(values).as_json()
    assert MOST_POINTS / 2 <= len(shown["steps"]) <= MOST_POINTS
    assert shown["steps"] == sorted(shown["steps"])
    assert shown["steps"][0] < count / 100
    assert shown["steps"][-1] > count * 0.99 - 1
    assert (max(shown["highs"]), min(shown["lows"])) == (7, -7)
    assert all(low <= mean <= high for low, mean, high in zip(*map(shown.get, ("lows", "means", "highs")), strict=True))


def test_a_point_is_the_mean_of_its_neighbours():
    shown = curve_of(range(4 * MOST_POINTS)).as_json()
    assert shown["means"] == shown["steps"] == [1.5 + 4 * number for number in range(MOST_POINTS)]


def test_what_is_not_finite_is_counted_and_left_out():
    curve = curve_of([1.0, None, math.nan, math.inf, 1e300, 2.0])
    assert (curve.not_finite, curve.as_json()["means"]) == (4, [1, 2])
