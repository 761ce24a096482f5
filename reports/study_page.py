"""study.html: what a tuning study came to, as one self-contained page without scripts.

It is made from the files that tune.py leaves in the folder of a study: tuning.json (the document) and trials.json (a
row per trial). tuning/results/document.py types both. Every text from them is escaped here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from reports.html import write_page
from reports.scatter import Series, scatter

STUDY = "study.html"
Document = Mapping[str, Any]
Trial = Mapping[str, Any]


def write_study_page(folder: Path, document: Document, trials: Sequence[Trial]) -> Path:
    """Write `<folder>/study.html` and return its path."""
    state = ", ".join(
        part
        for part in (
            f"{document['trials']:,} trials",
            f"{document['pruned']:,} pruned" if document["pruned"] else "",
            f"{document['failed']:,} failed" if document["failed"] else "",
            f"{document['seconds']:,.0f} s",
        )
        if part
    )
    lines = [
        f"objective {document['objective']} on {document['split']} at {document['budget_tokens']:,} tokens",
        f"space {document['space']}, sampler {document['sampler']}, pruner {document['pruner']}",
        f"seed {document['seed']}",
        state,
    ]
    return write_page(
        folder / STUDY,
        title=f"Tuning study {document['study']}",
        heading=f"Tuning study {document['study']}",
        verdict=study_verdict(document),
        about=f'<p class="about" dir="auto">{escape(" · ".join(lines))}</p>',
        warnings=_warnings(document),
        results=_results(document, trials),
        data=None,
    )


def study_verdict(document: Document) -> str:
    """One sentence: whether to take the winner, with the interval, or why nothing can be said."""
    promotion = document["promotion"]
    if promotion["difference"] is None:
        return f"{_capital(promotion['reason'])}."
    interval = promotion["ci95"]
    between = (
        f", 95% interval {_points(interval[0])} to {_points(interval[1])}" if interval else ", without an interval"
    )
    over = f" over {promotion['resampled']}" if "resampled" in promotion else ""
    measured = (
        f"trial {document['best']['number']} against the shipped default on {promotion['questions']:,} held-out "
        f"questions ({promotion['split']}): {_points(promotion['difference'])} points of questions with all "
        f"evidence{between}{over}"
    )
    if promotion["promote"]:
        return f"Take the winner: {measured}."
    return f"{_capital(promotion['reason'])}: {measured}."


def _results(document: Document, trials: Sequence[Trial]) -> str:
    pareto = "front" in document
    charts = [_front_chart(document, trials)] if pareto else [_history_chart(document, trials)]
    charts.append(_importance(document["importance"]))
    beside = f"<div>{_promotion(document)}{_cross_validation(document)}</div>"
    title = "Quality against tokens" if pareto else "History"
    parts = [
        f'<div class="lead even">{_parameters(document)}{beside}</div>',
        f'<h2>{title}</h2><div class="charts">{"".join(charts)}</div>',
        _front_table(document) if pareto else "",
        f"<h2>Trials</h2>{_trials(document, trials)}",
    ]
    return "".join(parts)


def _warnings(document: Document) -> list[str]:
    data = document.get("data")
    if data is None or data["is_locomo"]:
        return []
    return [f"This is not LoCoMo: the study is on {data['name']}."]


def _points(value: float) -> str:
    return f"{100 * value:+.2f}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:,.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], region: str, style: str = "scores") -> str:
    """Cells are text, but for the first of a row, which is HTML."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in rest)}</tr>'
        for first, *rest in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{region}"><table class="{style}">'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _parameters(document: Document) -> str:
    best = document["best"]
    if best is None:
        return "<p>No trial was completed, so there are no best parameters: trials.csv has the errors.</p>"
    defaults, importance = document["defaults"], document["importance"] or {}
    names = sorted({*defaults, *best["params"]}, key=lambda name: (-importance.get(name, 0.0), name))
    rows = []
    for name in names:
        default, found = defaults.get(name), best["params"].get(name)
        note = " <small>without effect</small>" if name in document["inert"] else ""
        changed = "" if _shown(default) == _shown(found) else "not used" if found is None else "changed"
        rows.append([f"{escape(name)}{note}", _shown(default), _shown(found), changed])
    return (
        f"<div><h3>Best parameters, trial {best['number']}, beside the defaults</h3>"
        f"{_table(['parameter', 'default', 'best', ''], rows, 'Parameters')}</div>"
    )


def _promotion(document: Document) -> str:
    promotion = document["promotion"]
    title = "<h3>Promotion</h3>"
    if promotion["difference"] is None:
        return f"{title}<p>{escape(_capital(promotion['reason']))}.</p>"
    interval = promotion["ci95"]
    rows = [
        ["decision", "take the winner" if promotion["promote"] else "keep the defaults"],
        ["reason", promotion["reason"]],
        ["held-out questions", f"{promotion['questions']:,} ({promotion['split']})"],
        ["conversations", _shown(promotion.get("conversations"))],
        ["size of the evidence, tokens", _shown(promotion.get("budget_tokens"))],
        ["default, %", _percent(promotion.get("default_value"))],
        ["winner, %", _percent(promotion.get("winner_value"))],
        ["difference, points", _points(promotion["difference"])],
        ["95% interval", f"{_points(interval[0])} to {_points(interval[1])}" if interval else "none"],
        ["interval over", _shown(promotion.get("resampled"))],
    ]
    return title + _table(["", "questions with all evidence"], rows, "Promotion")


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"


def _cross_validation(document: Document) -> str:
    found = document["cross_validation"]
    if found is None:
        return ""
    rows = [
        [
            f'<bdi dir="auto">{escape(one["conversation"])}</bdi>',
            f"{one['questions']:,}",
            f"{one['trial']}",
            _percent(one["default_value"]),
            _percent(one["chosen_value"]),
        ]
        for one in found["folds"]
    ]
    all_questions = sum(one["questions"] for one in found["folds"])
    rows.append(["all", f"{all_questions:,}", "", _percent(found["default_value"]), _percent(found["chosen_value"])])
    head = ["held out", "n", "trial chosen", "default", "chosen"]
    return (
        f"<h3>Cross-validation by conversation: {_points(found['difference'])} points</h3>"
        f"{_table(head, rows, 'Cross-validation')}"
    )


# -- charts ------------------------------------------------------------------------------------------------------------


def _history_chart(document: Document, trials: Sequence[Trial]) -> str:
    """Values by trial with the best so far. Pruned trials saw only some questions: they are marked, without a value."""
    objective = document["objectives"][0]
    sign = 1 if objective["direction"] == "maximize" else -1
    whole = [(float(one["number"]), one["values"][0]) for one in trials if one["values"]]
    if not whole:
        return ""
    best: list[tuple[float, float]] = []
    for number, value in whole:
        best.append((number, sign * max(sign * value, sign * best[-1][1]) if best else value))
    floor = min(value for _, value in whole)
    pruned = [one for one in trials if one["state"] == "pruned"]
    default, winner = document["default_value"], document["best"]
    return scatter(
        f"{objective['name']} by trial",
        [
            Series("best so far", "best", best, is_line=True),
            Series("trial", "trial", whole, [f"trial {n:.0f}: {_shown(value)}" for n, value in whole]),
            Series(
                "pruned, not comparable",
                "pruned",
                [(float(one["number"]), floor) for one in pruned],
                [f"trial {one['number']}: pruned after {_shown(one['questions_seen'])} questions" for one in pruned],
            ),
            Series("default", "default", [(0.0, default)], ["the default"])
            if isinstance(default, float)
            else Series("default", "default", []),
            Series(
                "best",
                "chosen",
                [(float(winner["number"]), winner["value"])] if winner else [],
                [f"trial {winner['number']}, the best"] if winner else [],
            ),
        ],
        x_axis="trial",
        y_axis=objective["name"],
        words=f"{len(whole)} whole trials, the best {_shown(best[-1][1])}",
    )


def _front_chart(document: Document, trials: Sequence[Trial]) -> str:
    points = [(one["values"][1], 100 * one["values"][0], one["number"]) for one in trials if one["values"]]
    line = [(one["tokens"], 100 * one["quality"]) for one in document["front"]]
    default = [(one["tokens"], 100 * one["quality"]) for one in document["default_line"]]
    knee, best = document["knee"], document["best_under_budget"]

    def named(one: Mapping[str, Any] | None, name: str, style: str) -> Series:
        if one is None:
            return Series(name, style, [])
        words = f"{name}: trial {one['number']}, {100 * one['quality']:.2f}% in {one['tokens']:,.0f} tokens"
        return Series(words, style, [(one["tokens"], 100 * one["quality"])], [words])

    return scatter(
        "Questions with all evidence, %, against tokens",
        [
            Series("front", "best", line, is_line=True),
            Series("trial", "trial", [(x, y) for x, y, _ in points], [f"trial {number}" for *_, number in points]),
            Series(
                "the default cut to each budget",
                "default",
                default,
                [f"the default in {one['budget_tokens']:,} tokens" for one in document["default_line"]],
                is_line=True,
            ),
            named(knee, "knee", "knee"),
            named(best, f"best within {document['budget_tokens']:,} tokens", "chosen"),
        ],
        x_axis="tokens of the evidence",
        y_axis="% of questions",
        words=f"a front of {len(line)} trials" + (f", its knee is trial {knee['number']}" if knee else ""),
    )


def _front_table(document: Document) -> str:
    knee, best = document["knee"], document["best_under_budget"]
    rows = []
    for one in document["front"]:
        roles = [
            name
            for name, of in (("knee", knee), (f"best within {document['budget_tokens']:,} tokens", best))
            if of is not None and of["number"] == one["number"]
        ]
        note = f" <small>{', '.join(roles)}</small>" if roles else ""
        cheaper = [row for row in document["default_line"] if row["tokens"] <= one["tokens"]]
        default = max(cheaper, key=lambda row: row["quality"], default=None)
        beside = "-" if default is None else f"{100 * default['quality']:.2f}"
        rows.append([f"trial {one['number']}{note}", f"{one['tokens']:,.0f}", f"{100 * one['quality']:.2f}", beside])
    head = ["front", "tokens", "all evidence, %", "the default in as many tokens, %"]
    return f"<h3>The front</h3>{_table(head, rows, 'Front')}"


def _importance(found: Mapping[str, float] | None) -> str:
    if not found:
        return "<figure><figcaption><h3>Importance</h3></figcaption><p>Too few different trials tell.</p></figure>"
    bars = "".join(
        f'<div class="bar wide"><span class="name">{escape(name)}</span><span class="track" aria-hidden="true">'
        f'<i class="fill" style="width:{100 * share:.2f}%;background:var(--p1)"></i></span>'
        f'<span class="value">{100 * share:.0f}%</span></div>'
        for name, share in sorted(found.items(), key=lambda pair: -pair[1])
    )
    return f"<figure><figcaption><h3>Importance of the parameters, % (PED-ANOVA)</h3></figcaption>{bars}</figure>"


def _trials(document: Document, trials: Sequence[Trial]) -> str:
    names = [one["name"] for one in document["objectives"]]
    keys = list(dict.fromkeys(key for one in trials for key in one["params"]))
    rows = []
    for one in trials:
        values = [_shown(value) for value in one["values"] or [None] * len(names)]
        seen = "" if one["values"] or one["questions_seen"] is None else f"{one['questions_seen']:,} seen"
        role = " <small>default</small>" if one["number"] == 0 else ""
        if document["best"] is not None and one["number"] == document["best"]["number"]:
            role += " <small>best</small>"
        state = " ".join(part for part in (one["state"], seen, one["error"] or "") if part)
        rows.append([f"{one['number']}{role}", state, *values, *(_shown(one["params"].get(key)) for key in keys)])
    return _table(["trial", "state", *names, *keys], rows, "Trials", "scores small")
