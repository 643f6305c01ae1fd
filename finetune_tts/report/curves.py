"""Curves over the steps of a run as inline SVG, in colours that the page's style gives."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from finetune_tts.report.markup import Html, joined, tag

Point = tuple[int, float]

WIDTH, HEIGHT = 420, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 14, 28
_MOST_POINTS = 300


@dataclass(frozen=True)
class Series:
    """A line with a name and a class of the page's style."""

    name: str
    style: str
    points: Sequence[Point]
    dots: bool = False


@dataclass(frozen=True)
class Mark:
    """A vertical line at a step, with a word."""

    step: int
    text: str
    style: str


def chart(title: str, series: Sequence[Series], marks: Sequence[Mark] = (), *, logarithmic: bool = False) -> Html:
    """Draw lines over steps, with a legend below; nothing at all where there is no point to draw."""
    drawn = [line for line in series if [point for point in line.points if _can_be_drawn(point[1], logarithmic)]]
    if not drawn:
        return Html("")
    plot = _Plot(drawn, logarithmic)
    parts: list[Html] = [*plot.grid(), *(plot.mark(mark) for mark in marks), *(plot.line(line) for line in drawn)]
    svg = tag(
        "svg",
        tag("title", title),
        *parts,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=f"{title} over steps",
    )
    names = [tag("span", line.name, class_=f"key {line.style}") for line in drawn]
    return tag("figure", tag("figcaption", tag("b", title), " ", *names), svg, class_="chart")


class _Plot:
    """From steps and values to places in the picture."""

    def __init__(self, series: Sequence[Series], logarithmic: bool) -> None:
        self._logarithmic = logarithmic
        values = sorted(
            self._scaled(value) for line in series for _, value in line.points if _can_be_drawn(value, logarithmic)
        )
        steps = [step for line in series for step, _ in line.points]
        # The first steps of a loss may be so high that the rest would lie flat: a twentieth may leave the picture.
        highest = values[max(0, math.ceil(0.96 * len(values)) - 1)]
        ends = [self._scaled(line.points[0][1]) for line in series if line.dots and line.points]
        self._low, self._high = values[0], max(highest, *ends, values[0]) if ends else max(highest, values[0])
        room = 0.06 * (self._high - self._low) or abs(self._low) * 0.1 or 1.0
        self._low, self._high = self._low - room, self._high + room
        self._first, self._last = min(steps), max(max(steps), min(steps) + 1)

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self._logarithmic else value

    def x(self, step: float) -> float:
        return _LEFT + (step - self._first) / (self._last - self._first) * (WIDTH - _LEFT - _RIGHT)

    def y(self, scaled: float) -> float:
        share = (scaled - self._low) / (self._high - self._low)
        return HEIGHT - _BOTTOM - min(max(share, 0.0), 1.0) * (HEIGHT - _TOP - _BOTTOM)

    def grid(self) -> list[Html]:
        lines = []
        for value in _ticks(self._low, self._high, 4):
            y = f"{self.y(value):.1f}"
            shown = _short(10**value if self._logarithmic else value)
            lines.append(tag("line", x1=str(_LEFT), x2=str(WIDTH - _RIGHT), y1=y, y2=y, class_="grid"))
            lines.append(tag("text", shown, x=str(_LEFT - 6), y=y, dy="0.32em", class_="tick", text_anchor="end"))
        for step in _ticks(self._first, self._last, 4):
            x, y = f"{self.x(step):.1f}", str(HEIGHT - 9)
            lines.append(tag("text", f"{step:,.0f}", x=x, y=y, class_="tick", text_anchor="middle"))
        return lines

    def line(self, series: Series) -> Html:
        points = [(step, value) for step, value in series.points if _can_be_drawn(value, self._logarithmic)]
        places = [(self.x(step), self.y(self._scaled(value))) for step, value in _thinned(points)]
        path = "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        dots = []
        if series.dots or len(places) == 1:
            dots = [tag("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="2.6", class_=series.style) for x, y in places]
        return joined(tag("path", d=path, class_=f"curve {series.style}"), *dots)

    def mark(self, mark: Mark) -> Html:
        x = self.x(min(max(mark.step, self._first), self._last))
        beyond_middle = x > WIDTH / 2
        place = x - 5 if beyond_middle else x + 5
        anchor = "end" if beyond_middle else "start"
        return joined(
            tag("line", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=str(_TOP), y2=str(HEIGHT - _BOTTOM), class_=mark.style),
            tag("text", mark.text, x=f"{place:.1f}", y=str(_TOP + 9), text_anchor=anchor, class_=f"word {mark.style}"),
        )


def _short(value: float) -> str:
    """A number in at most six characters or so."""
    if value and abs(value) < 1e-3:
        digits, _, exponent = f"{value:.1e}".partition("e")
        return f"{digits.removesuffix('.0')}e{int(exponent)}"
    return f"{value:.3g}" if abs(value) < 1e4 else f"{value:.1e}"


def _can_be_drawn(value: float, logarithmic: bool) -> bool:
    return math.isfinite(value) and (value > 0 or not logarithmic)


def _ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers between ``low`` and ``high``."""
    raw = (high - low) / about
    unit = 10.0 ** math.floor(math.log10(raw))
    distance = min((unit * factor for factor in (1, 2, 5, 10)), key=lambda size: abs(size - raw))
    first = math.ceil(low / distance)
    return [round(number * distance, 10) for number in range(first, math.floor(high / distance) + 1)]


def _thinned(points: Sequence[Point]) -> list[tuple[float, float]]:
    """At most some hundred points, each the mean of its neighbours."""
    group = -(-len(points) // _MOST_POINTS)
    if group <= 1:
        return [(float(step), value) for step, value in points]
    parts = [points[start : start + group] for start in range(0, len(points), group)]
    return [(sum(step for step, _ in part) / len(part), sum(value for _, value in part) / len(part)) for part in parts]
