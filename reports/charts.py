"""The report's charts, as HTML that needs no script. Every text from the data is escaped here.

Charts are HTML boxes and stretched SVG paths placed by percent, so that their labels keep their size on any screen.
Colours are those of reports/palette.py.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from locomo.latency import percentiles
from reports.curves import EvidenceCurve, interval
from reports.palette import css_colours

ESTIMATED = " (a line's tokens: its share of the characters)"
_BINS = 48


def label(name: str) -> str:
    """`single_hop` -> `single-hop`."""
    return name.replace("_", "-")


def percent(value: float | None) -> str:
    """A fraction in per cent with one decimal, "-" for none."""
    return "-" if value is None else f"{100 * value:.1f}"


def legend(programs: Iterable[str]) -> str:
    """The programs beside their colours."""
    items = "".join(
        f'<li><i class="dot" style="background:{colour}"></i><span dir="auto">{escape(name)}</span></li>'
        for name, colour in css_colours(programs).items()
    )
    return f'<ul class="legend">{items}</ul>'


def category_bars(programs: Mapping[str, Mapping[str, Any]]) -> str:
    """Token F1 by category, a bar per program, with its 95% interval as a line where there is one."""
    counts: Mapping[str, int] = next(iter(programs.values()))["questions_by_category"]
    colours, groups = css_colours(programs), []
    for category, n in counts.items():
        if not n:
            continue
        bars = "".join(
            _bar(name, colours[name], scores["f1_by_category"][category], interval(scores, "f1_by_category", category))
            for name, scores in programs.items()
        )
        groups.append(f'<div class="bars"><h4>{label(escape(category))} <small>n={n:,}</small></h4>{bars}</div>')
    return f"<figure><figcaption><h3>Token F1 by category, %</h3></figcaption>{''.join(groups)}</figure>"


def _bar(name: str, colour: str, value: float | None, ci95: tuple[float, float] | None) -> str:
    width = 100 * (value or 0.0)
    whisker = (
        f'<i class="whisker" style="left:{100 * ci95[0]:.2f}%;width:{100 * (ci95[1] - ci95[0]):.2f}%"></i>'
        if ci95
        else ""
    )
    return (
        f'<div class="bar"><span class="name" dir="auto">{escape(name)}</span><span class="track" aria-hidden="true">'
        f'<i class="fill" style="width:{width:.2f}%;background:{colour}"></i>{whisker}</span>'
        f'<span class="value">{percent(value)}</span></div>'
    )


def evidence_chart(title: str, curves: Mapping[str, EvidenceCurve | None], field: str, unit: str) -> str:
    """Share (`recall` or `all_evidence`) of the evidence found within the first tokens or turns of the context."""
    found = {name: curve for name, curve in curves.items() if curve is not None}
    if not found:
        return ""
    low = min(curve.steps[0] for curve in found.values())
    high = max(*(curve.steps[-1] for curve in found.values()), 2 * low)
    paths = []
    colours = css_colours(curves)
    for name, curve in curves.items():
        if curve is not None:
            points = [
                (_log_place(step, low, high), 100 - 100 * share)
                for step, share in zip(curve.steps, getattr(curve, field), strict=True)
            ]
            paths.append(_path(points, colours[name]))
    ticks = _ticks(low, high)
    n = next(iter(found.values())).n
    return _plot(
        f"{title} <small>n={n:,}</small>",
        "".join(paths),
        [(_log_place(tick, low, high), _short(tick)) for tick in ticks],
        [(share, f"{share}%") for share in (0, 25, 50, 75, 100)],
        f"{unit} of context, in each program's order of rank{ESTIMATED if unit == 'tokens' else ''}",
        _curve_words(found, field, unit),
    )


def _curve_words(curves: Mapping[str, EvidenceCurve], field: str, unit: str) -> str:
    return "; ".join(
        f"{name}: {percent(getattr(curve, field)[-1])}% within {curve.steps[-1]:,} {unit}"
        for name, curve in curves.items()
    )


def histograms(title: str, values: Mapping[str, Sequence[float]], unit: str) -> str:
    """One strip per program over a shared logarithmic axis, with median and 95th percentile written beside it."""
    positive = [value for series in values.values() for value in series if value > 0]
    if not positive:
        return ""
    low, high = min(positive), max(positive)
    low, high = (low, high) if high > 1.05 * low else (low / 2, high * 2)
    colours = css_colours(values)
    strips = "".join(
        f'<div class="strip"><span class="name" dir="auto">{escape(name)}</span>'
        f"{_strip(series, low, high, colours[name])}</div>"
        for name, series in values.items()
    )
    ticks = "".join(
        f'<span style="left:{_log_place(tick, low, high):.2f}%">{_short(tick)}</span>' for tick in _ticks(low, high)
    )
    return (
        f"<figure><figcaption><h3>{title}</h3></figcaption>{strips}"
        f'<div class="x" aria-hidden="true">{ticks}</div><p class="axis">{unit}, logarithmic</p></figure>'
    )


def _strip(series: Sequence[float], low: float, high: float, colour: str) -> str:
    """One program's histogram, scaled to its own tallest bin: programs may have been measured differently often."""
    if not series:
        return "<small>not measured</small>"
    bins = Counter(min(_BINS - 1, int(_log_place(max(value, low), low, high) / 100 * _BINS)) for value in series)
    tallest = max(bins.values())
    bars = "".join(
        f'<rect x="{index}" width="0.86" y="{100 - 100 * count / tallest:.1f}" height="{100 * count / tallest:.1f}"/>'
        for index, count in sorted(bins.items())
    )
    found = percentiles(series)
    return (
        f"<small>p50 {_short(found['p50'])}, p95 {_short(found['p95'])}, n={found['n']:,}</small>"
        f'<svg viewBox="0 0 {_BINS} 100" preserveAspectRatio="none" aria-hidden="true" '
        f'style="fill:{colour}">{bars}</svg>'
    )


def _plot(
    title: str,
    shapes: str,
    x_ticks: Sequence[tuple[float, str]],
    y_ticks: Sequence[tuple[float, str]],
    axis: str,
    words: str,
) -> str:
    x = "".join(f'<span style="left:{place:.2f}%">{text}</span>' for place, text in x_ticks)
    y = "".join(f'<span style="bottom:{place:.2f}%">{text}</span>' for place, text in y_ticks)
    grid = "".join(f'<path class="grid" d="M0 {100 - place:.2f}H100"/>' for place, _ in y_ticks)
    return (
        f"<figure><figcaption><h3>{title}</h3></figcaption>"
        f'<div class="plot"><div class="y" aria-hidden="true">{y}</div>'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="{escape(words)}">'
        f"{grid}{shapes}</svg>"
        f'<div class="x" aria-hidden="true">{x}</div></div><p class="axis">{axis}</p></figure>'
    )


def _path(points: Sequence[tuple[float, float]], colour: str) -> str:
    steps = "L".join(f"{x:.2f} {y:.2f}" for x, y in points)
    return f'<path class="line" style="stroke:{colour}" d="M{steps}"/>'


def _log_place(value: float, low: float, high: float) -> float:
    """Percent of the way from `low` to `high` on a logarithmic axis."""
    return 100 * math.log(value / low) / math.log(high / low)


def _ticks(low: float, high: float) -> list[float]:
    """Up to seven round numbers within a logarithmic axis: 125 times powers of two for tokens, else 1, 2, 5, 10, ..."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    doubled = [125 * 2.0**power for power in range(12)]
    decimal = [digit * 10.0**exponent for exponent in exponents for digit in (1, 2, 5)]
    inside = [tick for tick in (doubled if low >= 100 and high > 8 * low else decimal) if low <= tick <= high]
    return inside[:: max(1, math.ceil(len(inside) / 7))]


def _short(value: float | None) -> str:
    """1500 -> 1.5k; 0.0312 -> 0.031."""
    if value is None:
        return "-"
    if value >= 1000:
        return f"{value / 1000:.3g}k"
    return f"{value:.3g}" if value >= 1 else f"{value:.2g}"
