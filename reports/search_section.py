"""What the report of an optimisation has besides: prompts before and after, candidates, cost and limits.

optimize.py leaves the documents that this is made from (types in reports/search_record.py). Every text from them is
escaped here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from html import escape
from pathlib import Path
from typing import Any

from harness.runs import RunFolderError
from reports.charts import label, percent
from reports.scatter import Series, scatter
from reports.search_record import (
    CANDIDATES,
    PROMPTS,
    CandidateRow,
    Comparison,
    PromptChange,
    SearchFacts,
    SearchSummary,
)


def is_search(summary: Mapping[str, Any]) -> bool:
    """Whether a run's summary is of an optimisation."""
    return "search" in summary


def search_heading(summary: Mapping[str, Any]) -> str:
    """The title of the page."""
    data, search = summary["data"], summary["search"]
    return f"Optimisation of the prompts by {', '.join(search['optimizers'])}: {data['name']}, {data['split']}"


def search_verdict(summary: Mapping[str, Any]) -> str:
    """One sentence: what the search gained on the questions held back."""
    said = f"By {summary['search']['metric']}, {summary['comparison']['verdict']}"
    if summary["search"]["chosen"] == 0:
        said += "; the search found nothing better, so the prompts are as before"
    return f"{said}."


def search_section(run_dir: Path, summary: SearchSummary) -> str:
    """The section, as HTML. Raises RunFolderError where one of its files is broken or missing."""
    candidates: list[CandidateRow] = _read_list(run_dir / CANDIDATES)
    prompts: list[PromptChange] = _read_list(run_dir / PROMPTS)
    facts = summary["search"]
    return (
        f'<div class="lead even"><div>{_held_back(summary["comparison"], facts["metric"])}'
        f"<h3>The search</h3>{_facts(facts)}</div><div>{_cost(summary)}</div></div>"
        f"<h2>Prompts before and after</h2>{''.join(_prompt(one) for one in prompts)}"
        f"<h2>Candidates</h2>{_candidates(candidates, facts)}"
    )


def _read_list(path: Path) -> list[Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{path} cannot be read ({error}): run the same search again with --resume") from error
    if not isinstance(found, list):
        raise RunFolderError(f"{path} holds no JSON list: run the same search again with --resume")
    return found


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], region: str) -> str:
    """Cells are HTML; the first of a row is its heading."""
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>' for first, *rest in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{region}"><table class="scores">'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _held_back(found: Comparison, metric: str) -> str:
    rows = [
        [escape(label(name)), f"{n:,}", percent(before), percent(after), f"{100 * (after - before):+.1f}"]
        for name, (n, before, after) in found["by_category"].items()
    ]
    if found["difference"] is not None:
        interval = found["ci95"]
        between = f"<small>{100 * interval[0]:+.1f} to {100 * interval[1]:+.1f}</small>" if interval else ""
        difference = f"{100 * found['difference']:+.1f}{between}"
        all_cells = [f"{found['questions']:,}", percent(found["before"]), percent(found["after"]), difference]
        rows.insert(0, ["<b>all</b>", *all_cells])
    note = f'<p class="note">95% interval of the difference: {escape(found["interval"])}.</p>' if found["ci95"] else ""
    title = f"<h3>{escape(metric)} on questions held back, %</h3>"
    return title + _table(["", "n", "before", "after", "difference"], rows, "Held-back questions") + note


def _facts(facts: SearchFacts) -> str:
    questions = ", ".join(f"{n:,} {label(name)}" for name, n in facts["questions"].items())
    lines = {
        "optimizers": ", ".join(facts["optimizers"]),
        "questions": questions,
        **{role: line.partition(": ")[2] or line for role, line in facts["models"].items()},
        "demonstrations at most": f"{facts['max_demos']:,}",
        "seed": f"{facts['seed']}",
        "began with": facts["started_from"] or "the program as shipped",
        "prompts changed": ", ".join(facts["prompts_changed"]) or "none",
        "ended early": facts["stopped"] or "no",
        "saved as": facts["output"],
    }
    items = "".join(f'<dt>{escape(name)}</dt><dd dir="auto">{escape(text)}</dd>' for name, text in lines.items())
    return f'<dl class="facts">{items}</dl>'


def _cost(summary: SearchSummary) -> str:
    spent, expected, limits = summary["spent"], summary["estimated"], summary["search"]["limits"]
    max_calls = "none" if limits["max_calls"] is None else f"{limits['max_calls']:,}"
    max_cost = "none" if limits["max_cost_usd"] is None else f"${limits['max_cost_usd']:,.2f}"
    rows = [
        ["program runs", f"{expected['program_runs']:,}", f"{spent['program_runs']:,}", ""],
        ["LM calls", f"{expected['lm_calls']:,}", f"{spent['calls']:,}", max_calls],
        ["of them paid", "", f"{spent['paid_calls']:,}", ""],
        ["prompt tokens", f"{expected['prompt_tokens']:,}", f"{spent['prompt_tokens']:,}", ""],
        ["completion tokens", f"{expected['completion_tokens']:,}", f"{spent['completion_tokens']:,}", ""],
        ["longest prompt, tokens", f"{expected['largest_prompt_tokens']:,}", f"{spent['largest_prompt_tokens']:,}", ""],
        ["cost without cache", _dollars(expected["cost_usd"]), _dollars(spent["cost_usd"]), ""],
        ["paid", "", _dollars(spent["paid_usd"]), max_cost],
    ]
    return "<h3>Cost and limits</h3>" + _table(["", "expected", "spent", "limit"], rows, "Cost and limits")


def _dollars(value: float | None) -> str:
    return "unknown" if value is None else f"${value:,.4f}" if 0 < value < 0.1 else f"${value:,.2f}"


# -- prompts -----------------------------------------------------------------------------------------------------------


def _prompt(change: PromptChange) -> str:
    name = escape(change["predictor"])
    if not change["changed"]:
        text = escape(change["after"]["instructions"])
        return f'<details><summary>{name}: unchanged</summary><div class="prompt" dir="auto">{text}</div></details>'
    words = word_diff(change["before"]["instructions"], change["after"]["instructions"])
    demos = "".join(
        f"<details><summary>{title}, {len(of):,}</summary>{''.join(_demo(one) for one in of)}</details>"
        for title, of in (
            ("Demonstrations after", change["after"]["demos"]),
            ("Demonstrations before", change["before"]["demos"]),
        )
        if of
    )
    key = '<p class="note"><del>removed</del> <ins>added</ins></p>'
    return f'<h3>{name}</h3>{key}<div class="prompt" dir="auto">{words}</div>{demos}'


def word_diff(before: str, after: str) -> str:
    """`after` as HTML, with what it lacks of `before` as <del> and what it adds as <ins>, word by word."""
    old, new = (re.findall(r"\s+|\S+", text) for text in (before, after))
    parts = []
    for kind, i, j, k, m in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        removed, added = escape("".join(old[i:j])), escape("".join(new[k:m]))
        if kind == "equal":
            parts.append(added)
            continue
        parts += [f"<del>{removed}</del>" if removed else "", f"<ins>{added}</ins>" if added else ""]
    return "".join(parts)


def _demo(demo: Mapping[str, str]) -> str:
    fields = "".join(f'<dt>{escape(name)}</dt><dd dir="auto">{escape(text)}</dd>' for name, text in demo.items())
    return f'<dl class="facts demo">{fields}</dl>'


# -- candidates --------------------------------------------------------------------------------------------------------


def _candidates(candidates: Sequence[CandidateRow], facts: SearchFacts) -> str:
    scored = [(one["number"], one["score_val"]) for one in candidates if one["score_val"] is not None]
    chosen = [(number, score) for number, score in scored if number == facts["chosen"]]
    chart = scatter(
        f"{facts['metric']} on val, % by candidate",
        [
            Series("best so far", "best", _best_so_far(scored), is_line=True),
            Series("candidate", "trial", _percent(scored), [f"{n}: {percent(s)}%" for n, s in scored]),
            Series("chosen", "chosen", _percent(chosen), [f"{n}: {percent(s)}%" for n, s in chosen]),
        ],
        x_axis="candidate",
        y_axis="% on val",
        words="; ".join(f"candidate {number}: {percent(score)}%" for number, score in scored[:50]),
    )
    rows = [
        [
            f"{one['number']}{_role(one)}",
            escape(one["found_by"] or "start"),
            f"{one['first_run']:,}",
            f"{one['program_runs']:,}",
            percent(one["score_train"]),
            percent(one["score_val"]),
            f"{sum(one['demos'].values()):,}",
            _instructions(one),
        ]
        for one in candidates
    ]
    head = ["candidate", "found by", "first run", "runs", "train %", "val %", "demonstrations", "instructions"]
    note = '<p class="note">"-": not asked every question of that set, so its mean would compare with no other.</p>'
    return f"{chart}{_table(head, rows, 'Candidates')}{note}"


def _role(one: CandidateRow) -> str:
    roles = [name for name, is_so in (("start", one["is_start"]), ("chosen", one["is_chosen"])) if is_so]
    return f" <small>{', '.join(roles)}</small>" if roles else ""


def _instructions(one: CandidateRow) -> str:
    texts = "".join(
        f'<dt>{escape(name)}</dt><dd dir="auto">{escape(text)}</dd>' for name, text in one["instructions"].items()
    )
    return f'<details><summary>show</summary><dl class="facts demo">{texts}</dl></details>'


def _percent(scored: Sequence[tuple[int, float]]) -> list[tuple[float, float]]:
    return [(float(number), 100 * score) for number, score in scored]


def _best_so_far(scored: Sequence[tuple[int, float]]) -> list[tuple[float, float]]:
    best: list[tuple[float, float]] = []
    for number, score in _percent(scored):
        best.append((number, max(score, best[-1][1] if best else score)))
    return best
