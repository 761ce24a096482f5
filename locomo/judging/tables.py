"""What judges said, for people: tables on stderr."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from harness.terminal import stderr_console
from locomo.kinds import LOCOMO, Kinds

_MAX_SHOWN = 20
_NOTES = {
    "unreadable": "unreadable, in no percentage",
    "without_lm": "failed or empty, wrong without asking",
    "not_judged": "not judged yet",
}


def print_judges(document: Mapping[str, Any], kinds: Kinds = LOCOMO) -> None:
    """judges.json as tables: one per judge, and what each judge did with the controls."""
    console = stderr_console()
    for name, judge in document["judges"].items():
        if judge["programs"]:
            console.print(_judged(name, judge, kinds))
    if document["controls"]:
        console.print(_controls(document["controls"]))
        print("to be accepted: gold, but by the abstention judge refusals, and nothing else", file=sys.stderr)
    for name, judge in document["judges"].items():
        for program, summary in judge["programs"].items():
            if notes := [f"{summary[key]} {what}" for key, what in _NOTES.items() if summary[key]]:
                print(f"{name}, {program}: {', '.join(notes)}", file=sys.stderr)


def _judged(name: str, judge: Mapping[str, Any], kinds: Kinds) -> Table:
    programs = judge["programs"]
    conversations = max((summary["conversations"] for summary in programs.values()), default=0)
    what = "declining" if judge["judge"] == "abstention" else "judged correct"
    title = f"{escape(name)}, {conversations} conversations"
    table = Table(f"% {what} \\[95%] of n", title=title, title_justify="left", box=SIMPLE)
    for program in programs:
        table.add_column(escape(program), justify="right", no_wrap=True)
    cells_of = _refusal_cells if judge["judge"] == "abstention" else _grade_cells
    rows = [cells_of(summary, kinds) for summary in programs.values()]
    for label in rows[0]:
        table.add_row(label, *(row[label] for row in rows))
    return table


def _grade_cells(summary: Mapping[str, Any], kinds: Kinds) -> dict[str, str]:
    shares, counts = summary["accuracy_by_category"], summary["n_by_category"]
    intervals = summary["ci95"]["accuracy_by_category"]
    by_category = {
        category.replace("_", "-"): _scored(shares[category], intervals[category], counts[category])
        for number, category in kinds.names.items()
        if number in kinds.answerable
    }
    return {**by_category, kinds.counted_label: _scored(summary["accuracy"], summary["ci95"]["accuracy"], summary["n"])}


def _refusal_cells(summary: Mapping[str, Any], kinds: Kinds) -> dict[str, str]:
    rate, interval = summary["false_abstention_rate"], summary["ci95"]["false_abstention_rate"]
    return {
        f"{kinds.declined_label} (should)": _scored(summary["accuracy"], summary["ci95"]["accuracy"], summary["n"]),
        f"{kinds.answerable_label} (should not)": _scored(rate, interval, summary["false_abstention_questions"]),
    }


def _controls(controls: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table("", title="controls accepted, % \\[Wilson 95%], of n", title_justify="left", box=SIMPLE)
    for name in controls:
        table.add_column(escape(name), justify="right", overflow="fold")
    for control in next(iter(controls.values())):
        cells = [judge[control] for judge in controls.values()]
        unread = [f", {cell['unreadable']} unreadable" if cell["unreadable"] else "" for cell in cells]
        shares = [_scored(cell["rate"], cell["wilson95"], cell["n"]) for cell in cells]
        table.add_row(control.replace("_", " "), *(t + u for t, u in zip(shares, unread, strict=True)))
    return table


def print_comparison(document: Mapping[str, Any]) -> None:
    """Two judges on one run: the agreement, and where they differ."""
    console = stderr_console()
    table = Table("", "", title=escape(f"A: {document['a']}, B: {document['b']}"), title_justify="left", box=SIMPLE)
    for label, key in _PAIRS.items():
        table.add_row(label, str(document[key]))
    agreement, kappa = document["agreement"], document["kappa"]
    table.add_row("agreement, %", "-" if agreement is None else f"{100 * agreement:.1f}")
    table.add_row("Cohen's kappa", "-" if kappa is None else f"{kappa:.3f}")
    console.print(table)
    disagreements = document["disagreements"]
    if disagreements:
        console.print(_differences(disagreements[:_MAX_SHOWN]))
    if len(disagreements) > _MAX_SHOWN:
        print(f"{len(disagreements) - _MAX_SHOWN} more are in the JSON document", file=sys.stderr)


_PAIRS = {
    "answers with two readable verdicts": "n",
    "both correct": "both_correct",
    "both wrong": "both_wrong",
    "only A says correct": "only_a_correct",
    "only B says correct": "only_b_correct",
    "unreadable for one": "unreadable",
}


def _differences(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("question", "gold", "answer", "A", "B", title="where they differ", title_justify="left", box=SIMPLE)
    for row in rows:
        cells = [f"{row['question_id']} {row['program']}", str(row["gold"]), row["answer"]]
        table.add_row(*(escape(text) for text in [*cells, row["verdict_a"], row["verdict_b"]]))
    return table


def _scored(value: float | None, interval: Sequence[float] | None, n: int) -> str:
    if value is None:
        return "-"
    sure = f" \\[{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]" if interval else ""
    return f"{100 * value:.1f}{sure} of {n}"
