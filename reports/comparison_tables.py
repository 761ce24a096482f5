"""A comparison for people: tables on stderr, and a page like the report's. Texts from the data are escaped here."""

from __future__ import annotations

from html import escape
from pathlib import Path

from rich.console import Console
from rich.markup import escape as as_text
from rich.table import Table

from reports.charts import label
from reports.comparison import OUTCOMES, Comparison
from reports.data import explorer_data
from reports.html import NOT_LOCOMO, write_page
from reports.records import FULL_LINES_PROGRAM, RIGHT_F1, RunRecords, judge_titles


def print_comparison(compared: Comparison) -> None:
    """Two tables on stderr: outcomes by measure, F1 by category."""
    console = Console(stderr=True)
    a, b = compared.names
    outcomes = Table(title=as_text(f"b, {b}\nagainst a, {a}"), title_justify="left")
    for heading in ("right by", "questions", *OUTCOMES):
        outcomes.add_column(heading, justify="left" if heading == "right by" else "right")
    for title, cells in _outcome_rows(compared):
        outcomes.add_row(as_text(title), *cells)
    scores = Table(title="token F1 %", title_justify="left")
    for heading in ("", "n", "a", "b", "difference"):
        scores.add_column(heading, justify="right" if heading else "left")
    for title, cells, _ in _score_rows(compared):
        scores.add_row(title, *cells)
    console.print(outcomes)
    console.print(scores)


def write_comparison(compared: Comparison, path: Path) -> Path:
    """Write the comparison as a page like the report's, its questions filtered to those that changed."""
    a, b = compared.names
    questions = len(compared.rows[0])
    run_a, run_b = compared.run_a, compared.run_b
    rows = dict(zip(compared.names, compared.rows, strict=True))
    verdicts = {
        judge: {
            (name, question_id): row
            for name, found in zip(compared.names, sides, strict=True)
            for question_id, row in found.items()
        }
        for judge, sides in compared.judges.items()
    }
    full = [name for name, answers in rows.items() if next(iter(answers.values()))["program"] == FULL_LINES_PROGRAM]
    return write_page(
        path,
        title=f"{b} against {a}",
        heading="What was gained and lost",
        about=f'<p class="about">B, <b>{escape(b)}</b>, against A, <b>{escape(a)}</b>, on {questions:,} questions</p>',
        warnings=_warnings(run_a, run_b),
        results=_results(compared),
        data=explorer_data(
            rows,
            verdicts,
            {**run_a.lines, **run_b.lines},
            full,
            preset={"program": b, "against": a, "outcome": "changed"},
        ),
    )


def _warnings(run_a: RunRecords, run_b: RunRecords) -> list[str]:
    warnings = []
    if run_a.summary["data"]["is_bundled_sample"]:
        warnings.append(NOT_LOCOMO)
    if any(run_a.lines[one] != run_b.lines[one] for one in set(run_a.lines) & set(run_b.lines)):
        warnings.append("The two runs render lines differently: all contexts are shown with the lines of B.")
    return warnings


def _results(compared: Comparison) -> str:
    head = "".join(f'<th scope="col">{heading}</th>' for heading in ("questions", *OUTCOMES))
    outcomes = "".join(
        f'<tr><th scope="row">{escape(title)}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
        for title, cells in _outcome_rows(compared)
    )
    scores = "".join(
        f'<tr><th scope="row">{title}</th>{"".join(f"<td>{cell}</td>" for cell in cells[:-1])}'
        f'<td class="{style}">{cells[-1]}</td></tr>'
        for title, cells, style in _score_rows(compared)
    )
    return (
        '<div class="lead even"><div class="scroll" tabindex="0" role="region" aria-label="Outcomes">'
        f'<table class="scores"><thead><tr><th scope="col">Right by</th>{head}</tr></thead>'
        f"<tbody>{outcomes}</tbody></table></div>"
        '<div class="scroll" tabindex="0" role="region" aria-label="Scores"><table class="scores">'
        '<thead><tr><th scope="col">Token F1, %</th><th scope="col">n</th><th scope="col">A</th><th scope="col">B</th>'
        f'<th scope="col">B - A</th></tr></thead><tbody>{scores}</tbody></table></div></div>'
    )


def _outcome_rows(compared: Comparison) -> list[tuple[str, list[str]]]:
    titles = judge_titles(compared.judges)
    return [
        (
            f"F1 {RIGHT_F1:.0%} or more" if measure == "f1" else f"judge {titles[measure]}",
            [f"{len(outcomes):,}", *(f"{n:,}" for n in compared.counts(measure).values())],
        )
        for measure, outcomes in compared.measures.items()
    ]


def _score_rows(compared: Comparison) -> list[tuple[str, list[str], str]]:
    return [
        (
            label(name),
            [f"{n:,}", f"{100 * a:.1f}", f"{100 * b:.1f}", f"{100 * (b - a):+.1f}"],
            "up" if b > a else "down" if b < a else "",
        )
        for name, (n, a, b) in compared.f1_by_category().items()
    ]
