"""A run's results for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def print_summary(document: Mapping[str, Any], *, loud: Sequence[str] = ()) -> None:
    """The summary of a run as tables on stderr: `document` is what evaluate.py writes to summary.json.

    `loud` lines are warnings about what was measured; they stand in the table's title, where the numbers are read.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(stderr=True)
    data = document["data"]
    asked = f"{data['questions']} questions of {data['conversations']} conversations"
    title = escape(f"{data['name']}, split {data['split']}: {asked}\n{document['task_lm']}")
    warnings = [f"[bold red]{escape(line)}[/bold red]" for line in loud]
    table = Table(title="\n".join([title, *warnings]), title_justify="left")
    programs = document["programs"]
    table.add_column("")
    for name in programs:
        table.add_column(name, justify="right")
    for label, cells in _rows(programs):
        table.add_row(label, *cells)
    console.print(table)
    console.print(f"rows, config and summary: {document['run_dir']}", highlight=False, markup=False, soft_wrap=True)


def _rows(programs: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    def row(label: str, key: str, form: str, inner: str | None = None, scale: float = 1.0) -> tuple[str, list[str]]:
        values = [summary[key] if inner is None else summary[key][inner] for summary in programs.values()]
        return label, ["-" if value is None else form.format(value * scale) for value in values]

    counts = next(iter(programs.values()))["questions_by_category"]
    return [
        *(
            row(f"F1 % {category.replace('_', '-')} (n={n})", "f1_by_category", "{:.1f}", category, 100)
            for category, n in counts.items()
            if n
        ),
        row("F1 % categories 1-4", "f1_categories_1_4", "{:.1f}", scale=100),
        row("F1 % all", "f1", "{:.1f}", scale=100),
        row("evidence recall %", "evidence_recall", "{:.1f}", scale=100),
        row("all evidence found, % of questions", "all_evidence_rate", "{:.1f}", scale=100),
        row("context tokens, mean", "context_tokens_mean", "{:,.0f}"),
        row("memory tokens, max", "memory_tokens_max", "{:,.0f}"),
        row("LM calls per question", "lm_calls_mean", "{:.2f}"),
        row("latency p50 / s", "latency_sec_p50", "{:.3f}"),
        row("latency p95 / s", "latency_sec_p95", "{:.3f}"),
        row("latency p99 / s", "latency_sec_p99", "{:.3f}"),
        row("failed questions", "failures", "{:.0f}"),
        row("questions with problems", "questions_with_problems", "{:.0f}"),
    ]
