"""The retrieval benchmark's counts, tables, and plot of recall against tokens."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.counting import COUNTS, RECALL, STRICT, TITLES, share_found

if TYPE_CHECKING:
    from locomo.schema import Question

RECALL_AT = (5, 10, 25, 50)
_OVERVIEW_WIDTH = 190  # columns: less would break its cells


Counts = Mapping[str, Mapping[int, float]]  # by the name of a count (benchmarks/counting.py), by budget


@dataclass
class Tally:
    """One system's results. Lists are over questions, aligned with each other, or over conversations (index_ms)."""

    counts: dict[str, dict[int, list[float]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    recall_at_k: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    tokens: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))  # by budget, where it was counted
    question: list[str] = field(default_factory=list)
    category: list[int] = field(default_factory=list)
    conversation: list[str] = field(default_factory=list)
    index_ms: list[float] = field(default_factory=list)
    query_ms: list[float] = field(default_factory=list)
    install_mb: float | None = None

    @property
    def recall(self) -> dict[int, list[float]]:
        """By budget, the share of each question's evidence turns."""
        return self.counts[RECALL]

    def summary(self, kind_names: Mapping[int, str]) -> dict[str, Any]:
        """JSON-ready; fractions in 0..1, None for what was not measured. kind_names: by number, in order."""
        from locomo.latency import percentiles

        latency = percentiles(self.query_ms)
        return {
            **{name: _means(by_budget) for name, by_budget in self.counts.items()},
            "all_evidence": {str(budget): round(share_complete(values), 4) for budget, values in self.recall.items()},
            "recall_at_k": {str(k): round(statistics.fmean(values), 4) for k, values in self.recall_at_k.items()},
            "tokens_mean": {str(budget): round(statistics.fmean(values), 1) for budget, values in self.tokens.items()},
            "recall_ci95": {str(budget): self._interval(values) for budget, values in self.recall.items()},
            "recall_by_category": self._by_category(kind_names, statistics.fmean),
            "all_evidence_by_category": self._by_category(kind_names, share_complete),
            "index_ms_median": round(statistics.median(self.index_ms), 2) if self.index_ms else None,
            "query_ms_p50": round(latency["p50"], 3) if latency["p50"] is not None else None,
            "query_ms_p95": round(latency["p95"], 3) if latency["p95"] is not None else None,
            "install_mb": None if self.install_mb is None else round(self.install_mb, 1),
        }

    def add(self, question: Question, counts: Counts, ranked: Sequence[str] | None = None) -> None:
        """One question: its counts, and the ids of the turns in order of rank (None: no recall at k)."""
        for name, by_budget in counts.items():
            for budget, value in by_budget.items():
                self.counts[name][budget].append(value)
        for k in () if ranked is None else RECALL_AT:
            self.recall_at_k[k].append(share_found(question, (ranked or ())[:k]))
        self.question.append(question.id)
        self.category.append(question.category)
        self.conversation.append(question.conversation_id)

    def only(self, categories: Collection[int]) -> Tally:
        """The same system on the questions of some kinds alone; its times are of all questions."""
        kept = [category in categories for category in self.category]

        def chosen(values: Sequence[Any]) -> list[Any]:
            return list(compress(values, kept))

        part = Tally(index_ms=self.index_ms, query_ms=self.query_ms, install_mb=self.install_mb)
        for name, by_budget in self.counts.items():
            part.counts[name].update({budget: chosen(values) for budget, values in by_budget.items()})
        part.recall_at_k.update({k: chosen(values) for k, values in self.recall_at_k.items()})
        part.tokens.update({budget: chosen(values) for budget, values in self.tokens.items()})
        part.question, part.category = chosen(self.question), chosen(self.category)
        part.conversation = chosen(self.conversation)
        return part

    def _interval(self, recalls: Sequence[float]) -> list[float] | None:
        """95%, over conversations; None when there are too few of them."""
        from locomo.statistics import as_pair, clustered_interval

        pair = as_pair(clustered_interval(recalls, self.conversation))
        return None if pair is None else [round(end, 4) for end in pair]

    def _by_category(
        self, kind_names: Mapping[int, str], mean: Callable[[Sequence[float]], float]
    ) -> dict[str, dict[str, float]]:
        return {
            name: {
                str(budget): round(
                    mean([value for value, of in zip(values, self.category, strict=True) if of == number]), 4
                )
                for budget, values in self.recall.items()
            }
            for number, name in kind_names.items()
            if number in self.category
        }


def _means(by_budget: Mapping[int, Sequence[float]]) -> dict[str, float]:
    return {str(budget): round(statistics.fmean(values), 4) for budget, values in by_budget.items()}


def share_complete(recalls: Sequence[float]) -> float:
    """Share of questions with all their evidence."""
    return sum(recall == 1.0 for recall in recalls) / len(recalls)


def paired_recall(before: Tally, after: Tally) -> dict[str, dict[str, Any]]:
    """By budget, how much more `after` found than `before`, question by question; JSON-ready, fractions in -1..1.

    The interval over questions is too narrow: it treats questions on one conversation as independent.
    """
    from locomo.statistics import as_pair, paired_difference

    conversation_of = dict(zip(before.question, before.conversation, strict=True))
    differences = {}
    for budget in before.recall:
        one, other = (dict(zip(tally.question, tally.recall[budget], strict=True)) for tally in (before, after))
        by_conversation = paired_difference(one, other, conversation_of)
        by_question = paired_difference(one, other, conversation_of, resample="questions")
        assert by_conversation is not None
        assert by_question is not None
        differences[str(budget)] = {
            "difference": by_conversation.difference,
            "ci95_over_conversations": as_pair(by_conversation.interval),
            "ci95_over_questions": as_pair(by_question.interval),
            "questions_better": by_conversation.num_b_better,
            "questions_worse": by_conversation.num_a_better,
            "p_value": by_conversation.p_value,
        }
    return differences


def print_tables(
    systems: Mapping[str, Mapping[str, Any]],
    budgets: Sequence[int],
    title: str,
    in_detail: Sequence[str],
    noun: str = "category",
) -> None:
    """Print tables on stderr; `in_detail` names the systems that are also shown by kind (called `noun` there)."""
    from harness.terminal import stderr_console

    console = stderr_console()

    def both(recall: Mapping[str, float], complete: Mapping[str, float]) -> list[str]:
        return [f"{100 * recall[str(budget)]:.1f} ({100 * complete[str(budget)]:.1f})" for budget in budgets]

    console.print(f"[bold]{title}[/bold]")
    at_tokens = [f"{budget:,}" for budget in budgets]
    show(
        "evidence recall %, lenient (all evidence %) at a budget of tokens",
        ["system", *at_tokens],
        {name: both(row["recall"], row["all_evidence"]) for name, row in systems.items()},
    )
    for count in COUNTS:
        if count != RECALL:
            show(
                f"{TITLES[count]} % at a budget of tokens",
                ["system", *at_tokens],
                {
                    name: [f"{100 * row[count][str(budget)]:.1f}" for budget in budgets]
                    for name, row in systems.items()
                    if count in row
                },
            )
    if all(row["recall_ci95"][str(budgets[0])] for row in systems.values()):
        show(
            "95% interval of evidence recall, over conversations",
            ["system", *at_tokens],
            {
                name: [" to ".join(f"{100 * end:.1f}" for end in row["recall_ci95"][str(b)]) for b in budgets]
                for name, row in systems.items()
            },
        )
    adaptive = {name: row for name, row in systems.items() if row["tokens_mean"]}
    if adaptive:
        show(
            "tokens taken, mean",
            ["system", *at_tokens],
            {name: [f"{row['tokens_mean'][str(b)]:,.0f}" for b in budgets] for name, row in adaptive.items()},
        )
    show(
        "evidence recall % at k turns; milliseconds",
        ["system", *(f"@{k}" for k in RECALL_AT), "index", "query p50", "p95"],
        {
            name: [f"{100 * row['recall_at_k'][str(k)]:.1f}" for k in RECALL_AT]
            + [_number(row[key], 2) for key in ("index_ms_median", "query_ms_p50", "query_ms_p95")]
            for name, row in systems.items()
            if row["recall_at_k"]
        },
    )
    for name in in_detail:
        if ours := systems.get(name):
            show(
                f"{name}, by {noun}, at a budget of tokens",
                [noun, *at_tokens],
                {
                    category: both(recall, ours["all_evidence_by_category"][category])
                    for category, recall in ours["recall_by_category"].items()
                },
            )


def print_differences(differences: Mapping[str, Mapping[str, Mapping[str, Any]]], budgets: Sequence[int]) -> None:
    """Print the results of `paired_recall` on stderr, by the name of the comparison."""

    def interval(pair: Sequence[float] | None) -> str:
        return "-" if pair is None else f"{100 * pair[0]:+.1f} to {100 * pair[1]:+.1f}"

    for name, by_budget in differences.items():
        cells = [by_budget[str(budget)] for budget in budgets]
        show(
            f"{name}: points of evidence recall, and their 95% intervals",
            ["", *(f"{budget:,}" for budget in budgets)],
            {
                "difference": [f"{100 * cell['difference']:+.1f}" for cell in cells],
                "over conversations": [interval(cell["ci95_over_conversations"]) for cell in cells],
                "over questions": [interval(cell["ci95_over_questions"]) for cell in cells],
                "better / worse": [f"{cell['questions_better']} / {cell['questions_worse']}" for cell in cells],
                "p, sign test": ["<.001" if cell["p_value"] < 0.001 else f"{cell['p_value']:.3f}" for cell in cells],
            },
        )


def print_overview(rows: Sequence[tuple[str, int, Sequence[int], Mapping[str, Mapping[str, Any]]]]) -> None:
    """One table over several sets of questions on stderr; a row: their name, n, budgets, and systems by name."""
    from rich.table import Table

    from harness.terminal import stderr_console

    widest = max(len(budgets) for _, _, budgets, _ in rows)
    caption = "evidence recall %, lenient (all evidence %) strict, at budgets of tokens; CPU milliseconds; install MB"
    table = Table(title=caption, title_justify="left")
    for heading in ("questions", "n", "system"):
        table.add_column(heading, justify="right" if heading == "n" else "left")
    for heading in (*[""] * widest, "index", "query p50", "p95", "MB"):
        table.add_column(heading, justify="right")
    for name, n, budgets, systems in rows:
        table.add_section()
        table.add_row(name, f"{n:,}", "", *(f"[dim]{budget:,}[/dim]" for budget in budgets))
        for system, row in systems.items():
            cells = [_overview_cell(row, str(budget)) for budget in budgets] + [""] * (widest - len(budgets))
            times = [_number(row[key], 2) for key in ("index_ms_median", "query_ms_p50", "query_ms_p95")]
            table.add_row("", "", system, *cells, *times, _number(row["install_mb"], 0))
    stderr_console(width=max(stderr_console().width, _OVERVIEW_WIDTH)).print(table)


def _overview_cell(row: Mapping[str, Any], budget: str) -> str:
    strict = f" {100 * row[STRICT][budget]:.1f}" if STRICT in row else ""
    return f"{100 * row[RECALL][budget]:.1f} ({100 * row['all_evidence'][budget]:.1f}){strict}"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def show(caption: str, columns: Sequence[str], rows: Mapping[str, Sequence[str]]) -> None:
    """A table on stderr, its first column left, the others right."""
    from rich.table import Table

    from harness.terminal import stderr_console

    table = Table(title=caption, title_justify="left")
    for column in columns:
        table.add_column(column, justify="left" if column == columns[0] else "right")
    for name, cells in rows.items():
        table.add_row(name, *cells)
    stderr_console().print(table)


def plot_recall(systems: Mapping[str, Mapping[str, Any]], budgets: Sequence[int], title: str, path: Path) -> None:
    """Evidence recall against tokens, one curve per system, as a picture at `path` (its ending says which kind)."""
    from matplotlib.figure import Figure

    from reports.palette import GRID, plot_colours

    figure = Figure(figsize=(7, 4.4), layout="constrained")
    axes = figure.add_subplot(
        title=title, xlabel="tokens of evidence (o200k_base), logarithmic", ylabel="evidence recall, %"
    )
    axes.set_xscale("log")
    axes.set_xticks(budgets, [f"{budget:,}" for budget in budgets])
    axes.minorticks_off()
    axes.set_ylim(0, 102)
    axes.grid(color=GRID, linewidth=0.6)
    colours = plot_colours(systems)
    label_height = math.inf  # labels are at the ends of the curves, from the top down, and never on each other
    for name, row in sorted(systems.items(), key=lambda one: -one[1]["recall"][str(budgets[-1])]):
        curve = [100 * row["recall"][str(budget)] for budget in budgets]
        label_height = min(curve[-1], label_height - 4.5)
        width = 2.2 if "memory" in name else 1.4
        axes.plot(budgets, curve, color=colours[name], marker="o", markersize=3.5, linewidth=width)
        axes.text(budgets[-1] * 1.06, label_height, name, color=colours[name], fontsize=8, verticalalignment="center")
    axes.margins(x=0.02)
    axes.set_xlim(right=budgets[-1] * 2.6)  # room for the names
    figure.savefig(path, dpi=150)
