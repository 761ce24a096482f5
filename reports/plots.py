"""The report's charts as PNG files, for slides and for MLflow: <run_dir>/plots/*.png."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from locomo.latency import percentiles
from reports.charts import label
from reports.curves import curve_unit, evidence_curve, interval, latencies_sec, prompt_tokens
from reports.palette import FAINT, INK, plot_colours
from reports.records import RunRecords, load_run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLOTS = "plots"
_SIZE_INCHES, _DPI = (8.0, 4.5), 150
_BINS = 40


def write_plots(run_dir: Path) -> list[Path]:
    """Write the plots of the finished run in `run_dir`; what was not measured has no plot. Returns their paths.

    Raises RunFolderError as `load_run`.
    """
    records = load_run(run_dir)
    figures = {
        "f1_by_category": _f1_by_category(records),
        "evidence": _evidence(records),
        "latency": _distribution(
            {name: latencies_sec(answers) for name, answers in records.rows.items()}, "latency per question, seconds"
        ),
        "prompt_tokens": _distribution(
            {name: prompt_tokens(answers) for name, answers in records.rows.items()}, "prompt tokens per question"
        ),
    }
    folder = run_dir / PLOTS
    folder.mkdir(exist_ok=True)
    paths = []
    for name, figure in figures.items():
        if figure is not None:
            path = folder / f"{name}.png"
            figure.savefig(path)
            paths.append(path)
    return paths


def _figure(title: str) -> tuple[Figure, Axes]:
    # a Figure of its own, without pyplot: nothing global, no backend to choose, nothing to close
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold")
    return figure, axes


def _f1_by_category(records: RunRecords) -> Figure:
    programs = records.summary["programs"]
    counts = next(iter(programs.values()))["questions_by_category"]
    asked = [category for category, n in counts.items() if n]
    figure, axes = _figure(f"Token F1 by category: {_data_words(records)}")
    width, colours = 0.8 / len(programs), plot_colours(programs)
    for place, (name, scores) in enumerate(programs.items()):
        lefts = [index + (place - (len(programs) - 1) / 2) * width for index in range(len(asked))]
        values = [100 * (scores["f1_by_category"][category] or 0.0) for category in asked]
        axes.bar(lefts, values, width * 0.92, color=colours[name], label=_plain(name))
        for left, value, category in zip(lefts, values, asked, strict=True):
            ci95 = interval(scores, "f1_by_category", category)
            if ci95 is not None:
                axes.vlines(left, 100 * ci95[0], 100 * ci95[1], color=INK, linewidth=1.2)
            axes.annotate(
                f"{value:.0f}",
                (left, max(value, 100 * ci95[1] if ci95 else 0.0)),
                xytext=(0, 2),
                textcoords="offset points",
                ha="center",
                fontsize=8,
            )
    axes.set_xticks(range(len(asked)), [f"{label(category)}\nn={counts[category]:,}" for category in asked])
    axes.set_ylabel("%")
    axes.set_ylim(0, 105)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure


def _evidence(records: RunRecords) -> Figure | None:
    curves = {name: evidence_curve(name, records) for name in records.rows}
    if not any(curves.values()):
        return None
    unit = curve_unit(records)
    figure, axes = _figure(f"Evidence found: {_data_words(records)}")
    colours = plot_colours(curves)
    for name, curve in curves.items():
        if curve is not None:
            axes.plot(curve.steps, [100 * share for share in curve.recall], color=colours[name], label=_plain(name))
            axes.plot(curve.steps, [100 * share for share in curve.all_evidence], color=colours[name], linestyle=":")
    axes.set_xscale("log", base=2)
    ticks = sorted({step for curve in curves.values() if curve for step in curve.steps})[
        :: 2 if unit == "tokens" else 3
    ]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks], fontsize=8)
    axes.minorticks_off()
    axes.set_xlabel(f"{unit} of context, in each program's order of rank")
    axes.plot([], [], color=FAINT, label="gold turns found")
    axes.plot([], [], color=FAINT, linestyle=":", label="questions with all of them found")
    axes.set_ylabel("%")
    axes.set_ylim(0, 105)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure


def _distribution(values: dict[str, Sequence[float]], title: str) -> Figure | None:
    import numpy as np
    from matplotlib.ticker import FuncFormatter, LogLocator

    positive = [value for series in values.values() for value in series if value > 0]
    if not positive:
        return None
    low, high = min(positive), max(positive)
    edges = [float(edge) for edge in np.geomspace(low * 0.98, high * 1.02, _BINS + 1)]
    figure, axes = _figure(title[:1].upper() + title[1:])
    colours = plot_colours(values)
    for name, series in values.items():
        if series:
            found = percentiles(series)
            words = f"{_plain(name)}: p50 {_number(found['p50'])}, p95 {_number(found['p95'])}, n={found['n']:,}"
            axes.hist(np.clip(series, low, high), bins=edges, color=colours[name], alpha=0.6, label=words)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))  # 0.02 and 5,000, not powers of ten
    axes.minorticks_off()
    axes.set_xlabel(title)
    axes.set_ylabel("questions")
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _data_words(records: RunRecords) -> str:
    data: dict[str, Any] = records.summary["data"]
    sample = ", NOT LoCoMo" if data["is_bundled_sample"] else ""
    return _plain(f"{data['name']}, {data['split']}, n={data['questions']:,}{sample}")


def _plain(text: str) -> str:
    """`text` as matplotlib shows it literally: a dollar sign would begin a formula, an underscore hide a label."""
    return text.replace("$", r"\$").lstrip("_")
