"""Quality against cost: the trials that no other beats in both, their knee, and the best one under a budget."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Point:
    """One trial: `quality` is better when higher, `cost` (tokens or seconds) when lower."""

    number: int
    quality: float
    cost: float


def front(points: Iterable[Point]) -> list[Point]:
    """Those that no other point dominates (at least as good in both, better in one), cheapest first. Of equal points
    the first trial stands for all."""
    best: list[Point] = []
    for point in sorted(points, key=lambda one: (one.cost, -one.quality, one.number)):
        if not best or point.quality > best[-1].quality:
            best.append(point)
    return best


def knee(front_points: Sequence[Point]) -> Point | None:
    """Where more cost begins to buy little: the point of a front farthest above the line between its ends.

    Both axes are scaled to the front's own extent. Of two points or one the first. None for an empty front.
    Das 1999, "On characterizing the knee of the Pareto curve".
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
    """The best quality that costs at most `budget`; of equals the cheapest. None when all cost more."""
    affordable = [point for point in points if point.cost <= budget]
    return max(affordable, key=lambda one: (one.quality, -one.cost, -one.number), default=None)


def plot_front(
    points: Sequence[Point], path: Path, *, budget: float, cost_title: str = "tokens of the evidence"
) -> None:
    """All trials, the front, its knee and the best one under the budget, as an image."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.scatter([one.cost for one in points], [100 * one.quality for one in points], s=14, color="0.7", label="trials")
    line = front(points)
    axes.step([p.cost for p in line], [100 * p.quality for p in line], where="post", marker="o", label="front")
    for name, point, marker in (
        ("knee", knee(line), "D"),
        (f"best in {budget:,.0f}", best_under(points, budget), "*"),
    ):
        if point is not None:
            label = f"{name}: trial {point.number}"
            axes.plot([point.cost], [100 * point.quality], marker, markersize=11, color="tab:red", label=label)
    axes.set_xlabel(cost_title)
    axes.set_ylabel("questions with all evidence, %")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=150)
