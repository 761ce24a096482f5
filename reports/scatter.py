"""A scatter chart as HTML that needs no script: points, step lines and named marks over two linear axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Series:
    """Points of one kind. `style`: a class of page.css. words: what is said of each point. name: in the legend."""

    name: str
    style: str
    points: Sequence[tuple[float, float]]
    words: Sequence[str] = ()
    is_line: bool = False


def scatter(title: str, series: Sequence[Series], *, x_axis: str, y_axis: str, words: str) -> str:
    """The chart, scaled to its points; "" without any. words: what it shows, for who cannot see it."""
    points = [point for one in series for point in one.points]
    if not points:
        return ""
    (x_low, x_high), (y_low, y_high) = (_extent([point[axis] for point in points]) for axis in (0, 1))

    def place(point: tuple[float, float]) -> tuple[float, float]:
        return 100 * (point[0] - x_low) / (x_high - x_low), 100 * (point[1] - y_low) / (y_high - y_low)

    y_ticks = [(place((x_low, tick))[1], f"{tick:g}") for tick in ticks(y_low, y_high)]
    x_ticks = [(place((tick, y_low))[0], f"{tick:,g}") for tick in ticks(x_low, x_high)]
    grid = "".join(f'<path class="grid" d="M0 {100 - at:.2f}H100"/>' for at, _ in y_ticks)
    lines = "".join(_line(one, [place(point) for point in one.points]) for one in series if one.is_line)
    marks = "".join(_marks(one, [place(point) for point in one.points]) for one in series)
    y = "".join(f'<span style="bottom:{at:.2f}%">{text}</span>' for at, text in y_ticks)
    x = "".join(f'<span style="left:{at:.2f}%">{text}</span>' for at, text in x_ticks)
    legend = "".join(
        f'<li><i class="key {one.style}"></i>{escape(one.name)}</li>' for one in series if one.points and one.name
    )
    return (
        f"<figure><figcaption><h3>{escape(title)}</h3><ul class='legend'>{legend}</ul></figcaption>"
        f'<div class="plot scatter" role="img" aria-label="{escape(words)}"><div class="y" aria-hidden="true">{y}</div>'
        f'<div class="area"><svg viewBox="0 0 100 100" preserveAspectRatio="none">{grid}{lines}</svg>{marks}</div>'
        f'<div class="x" aria-hidden="true">{x}</div></div>'
        f'<p class="axis">{escape(y_axis)}, by {escape(x_axis)}</p></figure>'
    )


def _extent(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = 0.06 * (high - low) or max(abs(high), 1.0) * 0.06
    return low - margin, high + margin


def ticks(low: float, high: float) -> list[float]:
    """Three to seven round numbers from `low` to `high`."""
    step = 10.0 ** math.floor(math.log10((high - low) / 3))
    step = next(step * factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 6)
    first = math.ceil(low / step)
    return [round(number * step, 10) for number in range(first, math.floor(high / step) + 1)]


def _line(one: Series, places: Sequence[tuple[float, float]]) -> str:
    """Level until the next point, as what was best until then."""
    (x, y), *rest = places
    steps = "".join(f"H{right:.2f}V{100 - up:.2f}" for right, up in rest)
    return f'<path class="line {one.style}" d="M{x:.2f} {100 - y:.2f}{steps}"/>'


def _marks(one: Series, places: Sequence[tuple[float, float]]) -> str:
    if one.is_line and not one.words:
        return ""
    words = one.words or [""] * len(places)
    return "".join(
        f'<i class="point {one.style}" style="left:{x:.2f}%;bottom:{y:.2f}%" title="{escape(said)}"></i>'
        for (x, y), said in zip(places, words, strict=True)
    )
