"""Quality against cost: the trials that no other beats in both, their knee, the best under a budget, and a chart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reports.palette import BLUE, CRIMSON, GREY, SLATE


@dataclass(frozen=True, slots=True)
class Point:
    """One trial: `quality` is better when higher, `cost` (tokens or seconds) when lower."""

    number: int
    quality: float
    cost: float


@dataclass(frozen=True, slots=True)
class DefaultPoint:
    """The shipped default with its evidence cut to `budget_tokens`: what it finds, and the tokens that it takes."""

    budget_tokens: int
    quality: float
    tokens: float


def front(points: Iterable[Point]) -> list[Point]:
    """Points that no other dominates (at least as good in both, better in one), cheapest first. Only the first
    of equal points is kept."""
    best: list[Point] = []
    for point in sorted(points, key=lambda one: (one.cost, -one.quality, one.number)):
        if not best or point.quality > best[-1].quality:
            best.append(point)
    return best


def knee(front_points: Sequence[Point]) -> Point | None:
    """Where more cost begins to buy little: the point of a front farthest above the line between its ends.

    Both axes are scaled to the front's own extent. A front of one or two points has its knee at the first; an empty one
    has none. Das 1999, "On characterizing the knee of the Pareto curve".
    """
    if not front_points:
        return None
    first, last = front_points[0], front_points[-1]
    cost_span, quality_span = last.cost - first.cost, last.quality - first.quality
    if cost_span <= 0 or quality_span <= 0:
        return first

    def height(point: Point) -> float:
        return (point.quality - first.quality) / quality_span - (point.cost - first.cost) / cost_span

    return max(front_points, key=lambda point: (height(point), -point.cost))


def best_under(points: Iterable[Point], budget: float) -> Point | None:
    """The best quality that costs at most `budget`, the cheapest among equals. None when all cost more."""
    affordable = [point for point in points if point.cost <= budget]
    return max(affordable, key=lambda one: (one.quality, -one.cost, -one.number), default=None)


def equal_budgets(points: Iterable[Point], budget_tokens: int) -> list[int]:
    """The budgets at which the default is measured: what each point of the front costs, in whole tokens, and the one
    that was asked for."""
    return sorted({*(max(1, math.ceil(point.cost)) for point in front(points)), budget_tokens})


def default_beside(point: Point, default_line: Iterable[DefaultPoint]) -> DefaultPoint | None:
    """The default at as many tokens as `point` takes."""
    budget = max(1, math.ceil(point.cost))
    return next((one for one in default_line if one.budget_tokens == budget), None)


def plot_front(
    points: Sequence[Point],
    path: Path,
    *,
    budget: float,
    default_line: Sequence[DefaultPoint] = (),
    cost_title: str = "tokens of the evidence, mean",
) -> None:
    """Write an image of all trials, the front, its knee, the best trial under the budget, and the default's line."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.scatter(
        [one.cost for one in points], [100 * one.quality for one in points], s=14, color=GREY, alpha=0.5, label="trials"
    )
    line = front(points)
    qualities = [100 * one.quality for one in line]
    axes.step([one.cost for one in line], qualities, where="post", marker="o", color=BLUE, label="front")
    if default_line:
        tokens, qualities = [one.tokens for one in default_line], [100 * one.quality for one in default_line]
        axes.plot(tokens, qualities, "--s", markersize=4, color=SLATE, label="shipped default, cut to each budget")
    for name, point, marker in (
        ("knee", knee(line), "D"),
        (f"best in {budget:,.0f}", best_under(points, budget), "*"),
    ):
        if point is not None:
            label = f"{name}: trial {point.number}"
            axes.plot([point.cost], [100 * point.quality], marker, markersize=11, color=CRIMSON, label=label)
    axes.set_xlabel(cost_title)
    axes.set_ylabel("questions with all evidence, %")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=150)
