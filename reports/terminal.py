"""A run's results for people: a table on the terminal, report.html, plots, and what one run gained over another.

    python -m reports.terminal runs/20260101T120000Z-1a2b3c     # write the report and the plots of a run (again)
    python -m reports.terminal RUN_A RUN_B                      # what RUN_B gained and lost, question by question

Tables and notes go to stderr; the last line on stdout is one JSON document.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.runs import RunFolderError
from reports.html import write_report

__all__ = ["print_summary", "write_report"]


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
    # above the table and not its title, which would be broken to the table's width
    for line in (f"{data['name']}, split {data['split']}: {asked}", document["task_lm"], document["judge_lm"]):
        console.print(escape(line), soft_wrap=True, highlight=False)
    for line in loud:
        console.print(f"[bold red]{escape(line)}[/bold red]", soft_wrap=True)
    table = Table()
    programs = document["programs"]
    table.add_column("[95% interval over conversations]" if _has_intervals(programs) else "")
    for name in programs:
        table.add_column(name, justify="right")
    for label, cells in _rows(programs):
        table.add_row(label, *cells)
    console.print(table)
    where = f"rows, report.html and plots: {document['run_dir']}"
    console.print(where, highlight=False, markup=False, soft_wrap=True)


def _has_intervals(programs: Mapping[str, Mapping[str, Any]]) -> bool:
    return any(isinstance(value, list) for summary in programs.values() for value in summary["ci95"].values())


def _rows(programs: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    def row(label: str, key: str, form: str, inner: str | None = None, scale: float = 1.0) -> tuple[str, list[str]]:
        def cell(summary: Mapping[str, Any]) -> str:
            value, interval = summary[key], summary["ci95"].get(key)
            if inner is not None:
                value, interval = value[inner], (interval or {}).get(inner)
            if value is None:
                return "-"
            shown = form.format(value * scale)
            return f"{shown} [{' '.join(form.format(end * scale) for end in interval)}]" if interval else shown

        return label, [escape(cell(summary)) for summary in programs.values()]

    from rich.markup import escape

    counts = next(iter(programs.values()))["questions_by_category"]
    judged = [summary["judge_unreadable"] is not None for summary in programs.values()]
    judges = [
        row("judge, lenient %, categories 1-4", "judge_accuracy", "{:.1f}", scale=100),
        row("judge, strict %, categories 1-4", "judge_strict_accuracy", "{:.1f}", scale=100),
        row("judge, declined % of adversarial", "judge_abstention_accuracy", "{:.1f}", scale=100),
        row("judge, declined % of the others", "judge_false_abstention_rate", "{:.1f}", scale=100),
        row("verdicts that could not be read", "judge_unreadable", "{:.0f}"),
    ]
    return [
        *(
            row(f"F1 % {category.replace('_', '-')} (n={n})", "f1_by_category", "{:.1f}", category, 100)
            for category, n in counts.items()
            if n
        ),
        row("F1 % categories 1-4", "f1_categories_1_4", "{:.1f}", scale=100),
        row("F1 % all", "f1", "{:.1f}", scale=100),
        *(judges if any(judged) else [("judge", ["no judge"] * len(programs))]),
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


# -- the command line --------------------------------------------------------------------------------------------------


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reports.terminal", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run_a", type=Path, metavar="RUN_A", help="a finished run; alone, its report is written")
    parser.add_argument(
        "run_b", type=Path, metavar="RUN_B", nargs="?", help="a run to compare with RUN_A; may be RUN_A"
    )
    parser.add_argument("--program-a", metavar="NAME", help="of RUN_A; without it its only program, or `memory`")
    parser.add_argument("--program-b", metavar="NAME", help="of RUN_B; without it its only program, or `memory`")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="of the comparison (default: RUN_B/comparison.html)"
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    try:
        document = _compare(args) if args.run_b is not None else _report(args)
    except (RunFolderError, OSError) as error:
        print(f"reports.terminal: {error}", file=sys.stderr)
        return 2
    print(json.dumps(document))
    return 0


def _report(args: argparse.Namespace) -> dict[str, Any]:
    from reports.plots import write_plots

    for flag in ("program_a", "program_b", "output"):
        if getattr(args, flag) is not None:
            raise RunFolderError(f"--{flag.replace('_', '-')} is for comparing two runs: name RUN_B too, or drop it")
    path = write_report(args.run_a)
    plots = write_plots(args.run_a)
    print(f"written: {path} and {len(plots)} plots in {plots[0].parent}", file=sys.stderr)
    return {"run_dir": str(args.run_a), "report": str(path), "plots": [str(plot) for plot in plots]}


def _compare(args: argparse.Namespace) -> dict[str, Any]:
    from reports.comparison import compare
    from reports.comparison_tables import print_comparison, write_comparison
    from reports.records import load_run

    compared = compare(load_run(args.run_a), load_run(args.run_b), args.program_a, args.program_b)
    path = write_comparison(compared, args.output or args.run_b / "comparison.html")
    print_comparison(compared)
    print(f"written: {path}", file=sys.stderr)
    return {**compared.document(), "report": str(path)}


if __name__ == "__main__":
    raise SystemExit(main())
