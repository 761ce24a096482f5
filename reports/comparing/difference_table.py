"""Paired differences as an HTML table. Every text from the data is escaped here."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from locomo.statistics import PairedDifference
from reports.charts import label
from reports.comparing.differences import Differences
from reports.comparing.verdict import p_words
from reports.glossary import term
from reports.records import judge_titles

_GROUPS = {"f1": "Token F1, %", "evidence": "Evidence in context, %"}
_NAMES = {
    "recall": "recall of gold turns",
    "all_found": "all gold turns found",
    "categories_1_4": "categories 1-4",
    "counted": "kinds that count",
}
_NOTE = (
    f'<p class="note">Below a difference: its {term("interval", "95% interval")} over conversations, where there are '
    f"five or more. {term('p', 'p')}: the sign test over questions, which takes them for independent.</p>"
)


def measure_name(measure: str) -> str:
    """`categories_1_4` -> `categories 1-4`."""
    if measure in _NAMES:
        return _NAMES[measure]
    return label(measure)


def p_cell(one: PairedDifference) -> str:
    """`0.042`, `<0.001`."""
    return p_words(one.p_value).removeprefix("p ").removeprefix("= ").replace("< ", "<")


def difference_table(differences: Differences, name_a: str = "A", name_b: str = "B", region: str = "Scores") -> str:
    """Every measure of both sides with B minus A, its interval and p."""
    titles = judge_titles(group.removeprefix("judge ") for group in differences if group.startswith("judge "))
    headings = [term("n", "n"), escape(name_a), escape(name_b), "difference", "better / worse", term("p", "p")]
    head = "".join(f'<th scope="col" dir="auto">{heading}</th>' for heading in headings)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{region}"><table class="scores">'
        f"<thead><tr><td></td>{head}</tr></thead>"
        f"{''.join(_body(group, by_name, titles) for group, by_name in differences.items())}</table>{_NOTE}</div>"
    )


def _body(group: str, by_name: Mapping[str, PairedDifference], titles: Mapping[str, str]) -> str:
    title = _GROUPS.get(group) or f"Judge {titles[group.removeprefix('judge ')]}, %"
    rows = "".join(_row(name, one) for name, one in by_name.items())
    return f'<tbody><tr class="group"><th scope="rowgroup" colspan="7">{escape(title)}</th></tr>{rows}</tbody>'


def _row(name: str, one: PairedDifference) -> str:
    interval = ""
    if one.interval is not None:
        interval = f"<small>{100 * one.interval.low:+.1f} to {100 * one.interval.high:+.1f}</small>"
    style = ("up" if one.difference > 0 else "down") if one.is_shown else ""
    return (
        f'<tr><th scope="row">{escape(measure_name(name))}</th><td class="n">{one.n:,}</td>'
        f"<td>{100 * one.mean_a:.1f}</td><td>{100 * one.mean_b:.1f}</td>"
        f'<td class="{style}">{100 * one.difference:+.1f}{interval}</td>'
        f"<td>{one.num_b_better} / {one.num_a_better}</td><td>{escape(p_cell(one))}</td></tr>"
    )
