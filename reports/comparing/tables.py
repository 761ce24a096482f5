"""A comparison for people: tables on stderr, and a page like the report's. Texts from the data are escaped here."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from locomo.rows import FULL_LINES_PROGRAM
from locomo.statistics import PairedDifference, as_pair
from memoryqa.errors import UsageError
from reports.charts import category_bars
from reports.comparing.comparison import OUTCOMES, Comparison
from reports.comparing.difference_table import difference_table, measure_name, p_cell
from reports.data import explorer_data
from reports.html import write_page
from reports.records import RIGHT_F1, RunRecords, judge_titles, load_run, not_locomo_note

if TYPE_CHECKING:
    from rich.table import Table

_HEADINGS = ("n (conv.)", "A", "B", "B - A [95%]", "A/B better", "p")


# -- on the terminal ---------------------------------------------------------------------------------------------------


def print_comparison(compared: Comparison) -> None:
    """Tables on stderr: what was gained and lost, and every score with its interval; the verdict last."""
    from harness.terminal import stderr_console

    console = stderr_console(highlight=False)

    def say(line: str) -> None:
        console.print(line, markup=False, soft_wrap=True)

    document = compared.document()
    for side in ("a", "b"):
        say("{0}: {program} in {run_dir}, {failures} failed".format(side.upper(), **document[side]))
    say(
        f"{len(compared.questions)} questions in common, {document['only_a']} only in A, {document['only_b']} only in B"
    )
    console.print(_outcome_table(compared))
    for group, by_name in compared.differences.items():
        console.print(_score_table(group, by_name))
    for group, by_name in (compared.without_excluded or {}).items():
        console.print(_score_table(f"{group}, without {compared.excluded} excluded questions", by_name))
    if any(one.interval is None for by_name in compared.differences.values() for one in by_name.values()):
        say("no interval: fewer than five conversations, or no spread between them")
    for note in compared.notes:
        say(f"note: {note}")
    say(compared.verdict())


def _outcome_table(compared: Comparison) -> Table:
    from rich.box import SIMPLE
    from rich.markup import escape as as_text
    from rich.table import Table

    title = "questions gained and lost by B"
    table = Table("right by", title=title, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    for heading in ("questions", *OUTCOMES):
        table.add_column(heading, justify="right")
    for name, cells in _outcome_rows(compared):
        table.add_row(as_text(name), *cells)
    return table


def _score_table(group: str, by_name: Mapping[str, PairedDifference]) -> Table:
    from rich.box import SIMPLE
    from rich.markup import escape as as_text
    from rich.table import Table

    table = Table("%", title=as_text(group), title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    for heading in _HEADINGS:
        table.add_column(as_text(heading), justify="right", no_wrap=True)
    for name, one in by_name.items():
        difference = f"{100 * one.difference:+.1f}"
        if one.interval is not None:
            difference += f" [{100 * one.interval.low:+.1f}, {100 * one.interval.high:+.1f}]"
        cells = [*_counts_and_means(one), difference, f"{one.num_a_better} / {one.num_b_better}", p_cell(one)]
        table.add_row(measure_name(name), *(as_text(cell) for cell in cells))
    return table


def _counts_and_means(one: PairedDifference) -> list[str]:
    return [f"{one.n:,} ({one.clusters})", f"{100 * one.mean_a:.1f}", f"{100 * one.mean_b:.1f}"]


def _outcome_rows(compared: Comparison) -> list[tuple[str, list[str]]]:
    titles = judge_titles(compared.judges)
    return [
        (
            f"F1 {RIGHT_F1:.0%} or more" if measure == "f1" else f"judge {titles[measure]}",
            [f"{len(found):,}", *(f"{n:,}" for n in compared.counts(measure).values())],
        )
        for measure, found in compared.outcomes.items()
    ]


# -- as a page ---------------------------------------------------------------------------------------------------------


def write_comparison(compared: Comparison, path: Path) -> Path:
    """Write the comparison as a page like the report's, its questions filtered to those that changed.

    Raises RunFolderError unless both runs are finished, UsageError when `path` cannot be written.
    """
    run_a, run_b = load_run(compared.a.run_dir), load_run(compared.b.run_dir)
    a, b = compared.names
    sides = dict(zip(compared.names, (compared.a, compared.b), strict=True))
    rows = {name: {one: side.rows[one] for one in compared.questions} for name, side in sides.items()}
    verdicts = {
        judge: {
            (name, question): row for name, side in sides.items() for question, row in side.judges[judge][1].items()
        }
        for judge in compared.judges
    }
    full = [name for name, side in sides.items() if side.program == FULL_LINES_PROGRAM]
    about = f'B, <b dir="auto">{escape(b)}</b>, against A, <b dir="auto">{escape(a)}</b>'
    try:
        return write_page(
            path,
            title=f"{b} against {a}",
            heading="What was gained and lost",
            verdict=compared.verdict(),
            about=f'<p class="about">{about}, on {len(compared.questions):,} questions</p>',
            warnings=[*_warnings(run_a, run_b), *(f"{note[:1].upper()}{note[1:]}." for note in compared.notes)],
            results=_results(compared),
            data=explorer_data(
                rows,
                verdicts,
                {**run_a.lines, **run_b.lines},
                {**run_a.passages, **run_b.passages},
                full,
                preset={"program": b, "against": a, "outcome": "changed"},
                kinds=compared.kinds,
            ),
        )
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}): name another file by --output") from error


def _scores_by_category(compared: Comparison) -> dict[str, dict[str, Any]]:
    """Token F1 of both sides on the questions in common, in the form of a run's summary."""
    found = {name: one for name, one in compared.differences["f1"].items() if name in compared.kinds.names.values()}
    return {
        name: {
            "questions_by_category": {category: one.n for category, one in found.items()},
            "f1_by_category": {category: getattr(one, f"mean_{side}") for category, one in found.items()},
            "ci95": {
                "f1_by_category": {
                    category: as_pair(getattr(one, f"interval_{side}")) for category, one in found.items()
                }
            },
        }
        for name, side in zip(compared.names, "ab", strict=True)
    }


def _warnings(run_a: RunRecords, run_b: RunRecords) -> list[str]:
    warnings = not_locomo_note(run_a)
    if any(run_a.lines[one] != run_b.lines[one] for one in set(run_a.lines) & set(run_b.lines)):
        warnings.append("The two runs render lines differently: all contexts are shown with the lines of B.")
    return warnings


def _results(compared: Comparison) -> str:
    head = "".join(f'<th scope="col">{heading}</th>' for heading in ("questions", *OUTCOMES))
    outcomes = "".join(
        f'<tr><th scope="row">{escape(title)}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
        for title, cells in _outcome_rows(compared)
    )
    excluded = ""
    if compared.without_excluded is not None:
        title = f"Without {compared.excluded} excluded questions"
        excluded = f"<h3>{title}</h3>{difference_table(compared.without_excluded, region=title)}"
    return (
        f'<div class="lead even">{difference_table(compared.differences)}<div>'
        '<div class="scroll" tabindex="0" role="region" aria-label="Outcomes">'
        f'<table class="scores"><thead><tr><th scope="col">Right by</th>{head}</tr></thead>'
        f"<tbody>{outcomes}</tbody></table></div>{excluded}{category_bars(_scores_by_category(compared))}</div></div>"
    )
