import math
from xml.etree import ElementTree

import pytest

from finetune_tts.report.curves import Mark, Series, chart


def parsed(markup):
    return ElementTree.fromstring(markup)


def test_a_chart_is_well_formed_and_stays_inside():
    points = [(step, 5.0 / (step + 1)) for step in range(1000)]
    figure = parsed(chart("Loss", [Series("a <b>", "train", points)], [Mark(900, "best & last", "best")]))
    (svg,) = figure.iter("svg")
    path = next(svg.iter("path")).get("d")
    places = [float(word) for word in path.replace("M", "").replace("L", "").split()]
    assert len(places) <= 2 * 300
    assert max(places[::2]) <= 420
    assert min(places[1::2]) >= 0
    assert "best & last" in [text.text for text in svg.iter("text")]


@pytest.mark.parametrize(
    "points", [[(0, 1.0)], [(5, 0.0), (6, 0.0)], [(0, -3.0), (9, -3.0)], [(1, 1e-9), (2, 1e9)], [(1, math.nan), (2, 1)]]
)
@pytest.mark.parametrize("logarithmic", [True, False])
def test_any_numbers_can_be_drawn(points, logarithmic):
    drawn = chart("x", [Series("s", "train", points, dots=True)], logarithmic=logarithmic)
    assert "nan" not in drawn
    assert "inf" not in drawn


def test_nothing_is_drawn_of_nothing():
    assert chart("x", [Series("s", "train", [])]) == ""
    assert chart("x", [Series("s", "train", [(1, math.inf)])]) == ""
