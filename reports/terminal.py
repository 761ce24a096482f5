"""A run's results for people: a table on the terminal, report.html and plots.

    python -m reports.terminal runs/20260101T120000Z-1a2b3c     # write the report and the plots of a run (again)

python -m reports.compare compares two programs or two runs. Notes go to stderr; the last line on stdout is one JSON
document.
"""

from __future__ import annotations

if __name__ == "__main__":  # first: what follows takes a second to load
    from memoryqa.terminal import quiet_while_loading

    quiet_while_loading("reports.terminal")

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.commands import run_command
from locomo.kinds import Kinds, kinds_of
from reports.html import write_report

__all__ = ["print_summary", "write_report"]


def print_summary(document: Mapping[str, Any], *, loud: Sequence[str] = ()) -> None:
    """The summary of a run as tables on stderr: `document` is what evaluate.py writes to summary.json.

    `loud` lines are warnings about what was measured; they stand in the table's title, where the numbers are read.
    """
    from rich.markup import escape
    from rich.table import Table

    from harness.terminal import stderr_console

    console = stderr_console()
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
    for label, cells in _rows(programs, kinds_of(document)):
        table.add_row(label, *cells)
    console.print(table)
    where = f"rows, report.html and plots: {document['run_dir']}"
    console.print(where, highlight=False, markup=False, soft_wrap=True)


def _has_intervals(programs: Mapping[str, Mapping[str, Any]]) -> bool:
    return any(isinstance(value, list) for summary in programs.values() for value in summary["ci95"].values())


def _rows(programs: Mapping[str, Mapping[str, Any]], kinds: Kinds) -> list[tuple[str, list[str]]]:
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
    declined = ", ".join(sorted(kinds.declined_names)) or "those to be declined"
    judges = [
        row(f"judge, lenient %, {kinds.counted_label}", "judge_accuracy", "{:.1f}", scale=100),
        row(f"judge, strict %, {kinds.counted_label}", "judge_strict_accuracy", "{:.1f}", scale=100),
        row(f"judge, declined % of {declined}", "judge_abstention_accuracy", "{:.1f}", scale=100),
        row("judge, declined % of the others", "judge_false_abstention_rate", "{:.1f}", scale=100),
        row("verdicts that could not be read", "judge_unreadable", "{:.0f}"),
    ]
    return [
        *(
            row(f"F1 % {category.replace('_', '-')} (n={n})", "f1_by_category", "{:.1f}", category, 100)
            for category, n in counts.items()
            if n
        ),
        row(f"F1 % {kinds.counted_label}", "f1_categories_1_4", "{:.1f}", scale=100),
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
    parser.add_argument("run_dir", type=Path, metavar="RUN", help="a finished run of evaluate.py")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Exit status 0: written; 2: the folder is no finished run."""
    args, more = build_parser().parse_known_args(argv)
    if more:
        return _forwarded([str(args.run_dir), *more])
    return run_command("reports.terminal", lambda: print(json.dumps(_report(args.run_dir))))


def _forwarded(argv: list[str]) -> int:
    """Two runs are compared by another command, to which this one sends the command lines of version 0.1."""
    from reports import compare

    args = compare.build_parser().parse_args(argv)
    for flag in ("program_a", "program_b", "output"):
        if args.run_b is None and getattr(args, flag) is not None:
            print(
                f"reports.terminal: --{flag.replace('_', '-')} is for comparing two runs: "
                "name RUN_B too, or use python -m reports.compare",
                file=sys.stderr,
            )
            return 2
    print("note: two runs are compared by python -m reports.compare", file=sys.stderr)
    return compare.main(argv)


def _report(run_dir: Path) -> dict[str, Any]:
    from reports.plots import write_plots

    path = write_report(run_dir)
    plots = write_plots(run_dir)
    print(f"written: {path} and {len(plots)} plots in {plots[0].parent}", file=sys.stderr)
    return {"run_dir": str(run_dir), "report": str(path), "plots": [str(plot) for plot in plots]}


if __name__ == "__main__":
    raise SystemExit(main())
