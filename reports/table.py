"""The report's headline table, as HTML that needs no script. Every text from the data is escaped here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from locomo.kinds import LOCOMO, Kinds
from locomo.rows import PROGRAM_NAMES
from reports.charts import label, percent
from reports.curves import ABSTENTION_JUDGE, JudgedShare, interval
from reports.glossary import term
from reports.palette import css_colours
from reports.records import judge_titles

BAD = ' class="bad"'
_TERMS = {
    **dict.fromkeys(PROGRAM_NAMES, "programs"),
    "Token F1": "f1",
    "categories 1-4": "categories",
    "all categories": "categories",
    "all kinds": "categories",
    **{label(name): "categories" for name in LOCOMO.names.values()},
    **{label(name): "adversarial" for name in LOCOMO.declined_names},
    **{name: name for name in ("lenient", "strict", "abstention")},
    "recall of gold turns": "recall",
    "all gold turns found": "all-evidence",
    "context tokens": "context-tokens",
    "memory tokens": "memory-tokens",
    "LM calls": "lm-calls",
    "latency p50": "latency",
    "latency p95": "latency",
    "failed questions": "trouble",
    "questions with problems": "trouble",
}
_INTERVALS = f'<p class="note">Below a score: its {term("interval", "95% interval")} over conversations.</p>'
_NO_INTERVALS = f'<p class="note">No {term("interval", "95% intervals")}: they need five conversations or more.</p>'


def headline_table(
    programs: Mapping[str, Mapping[str, Any]],
    judged: Mapping[str, Mapping[str, JudgedShare]],
    evidence_n: int,
    kinds: Kinds = LOCOMO,
) -> str:
    """Programs x scores. `programs`: their summaries; `judged`: judge -> program -> share; null scores show as "-"."""
    summaries = list(programs.values())
    titles = judge_titles(judged)
    groups = {
        "Token F1, %": _f1_rows(summaries, kinds),
        "Judges, % accepted": [
            _judge_row(judge, titles[judge], [shares[name] for name in programs], kinds)
            for judge, shares in judged.items()
        ]
        or [_row("no judge", "", [("-", "")] * len(programs))],
        "Evidence in context, %": [
            _score_row("recall of gold turns", evidence_n, summaries, "evidence_recall"),
            _score_row("all gold turns found", evidence_n, summaries, "all_evidence_rate"),
        ],
        "Cost per question": _cost_rows(summaries),
        "Trouble": [
            _plain_row("failed questions", summaries, "failures", "{:.0f}", bad=True),
            _plain_row("questions with problems", summaries, "questions_with_problems", "{:.0f}", bad=True),
        ],
    }
    head = "".join(
        f'<th scope="col" dir="auto"><i class="dot" style="background:{colour}"></i>{_linked(name)}</th>'
        for name, colour in css_colours(programs).items()
    )
    bodies = "".join(
        f'<tbody><tr class="group"><th scope="rowgroup" colspan="{len(programs) + 2}">{_linked(title)}</th>'
        f"</tr>{''.join(rows)}</tbody>"
        for title, rows in groups.items()
    )
    note = _INTERVALS if any(_has_interval(scores) for scores in summaries) else _NO_INTERVALS
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Scores"><table class="scores">'
        '<caption class="sr">Scores of each program, with the number of questions and 95% intervals</caption>'
        f'<thead><tr><td></td><th scope="col" class="n">{term("n", "n")}</th>{head}</tr></thead>{bodies}'
        f"</table>{note}</div>"
    )


def _has_interval(scores: Mapping[str, Any]) -> bool:
    found = (scores.get("ci95") or {}).values()
    return any(isinstance(one, list) or (isinstance(one, Mapping) and any(one.values())) for one in found)


def _f1_rows(summaries: Sequence[Mapping[str, Any]], kinds: Kinds) -> list[str]:
    counts: Mapping[str, int] = summaries[0]["questions_by_category"]
    counted = sum(counts[kinds.names[number]] for number in kinds.counted)
    everything = _score_row(f"all {kinds.noun_plural}", summaries[0]["questions"], summaries, "f1")
    return [
        _score_row(kinds.counted_label, counted, summaries, "f1_categories_1_4", strong=True),
        *([] if kinds.counted == set(kinds.names) else [everything]),
        *(_score_row(label(one), n, summaries, "f1_by_category", one) for one, n in counts.items() if n),
    ]


def _cost_rows(summaries: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        _plain_row("context tokens, mean", summaries, "context_tokens_mean", "{:,.0f}"),
        _plain_row("memory tokens, max", summaries, "memory_tokens_max", "{:,.0f}"),
        _plain_row("LM calls, mean", summaries, "lm_calls_mean", "{:.2f}"),
        _plain_row("latency p50, s", summaries, "latency_sec_p50", "{:.3f}", n="latency_questions"),
        _plain_row("latency p95, s", summaries, "latency_sec_p95", "{:.3f}", n="latency_questions"),
    ]


def _score_row(
    title: str,
    n: int,
    summaries: Sequence[Mapping[str, Any]],
    key: str,
    category: str | None = None,
    *,
    strong: bool = False,
) -> str:
    cells = []
    for scores in summaries:
        value = scores[key] if category is None else scores[key][category]
        cells.append((percent(value), _interval(interval(scores, key, category))))
    return _row(title, f"{n:,}", cells, strong=strong)


def _judge_row(judge: str, title: str, shares: Sequence[JudgedShare], kinds: Kinds) -> str:
    sizes = {share.n for share in shares}
    cells = []
    for share in shares:
        notes = [
            _interval(share.ci95),
            f"n={share.n:,}" if len(sizes) > 1 else "",
            f"{share.unreadable:,} unreadable" if share.unreadable else "",
        ]
        cells.append((percent(share.accuracy), ", ".join(note for note in notes if note)))
    title = (
        f"{title}, {', '.join(map(label, sorted(kinds.declined_names)))}"
        if judge.startswith(ABSTENTION_JUDGE)
        else title
    )
    return _row(title, f"{sizes.pop():,}" if len(sizes) == 1 else "", cells, note=judge.partition("@")[2])


def _plain_row(
    title: str,
    summaries: Sequence[Mapping[str, Any]],
    key: str,
    form: str,
    *,
    n: str | None = None,
    bad: bool = False,
) -> str:
    values = [scores[key] for scores in summaries]
    cells = [("-" if value is None else form.format(value), "") for value in values]
    sizes = {scores[n] for scores in summaries} if n else set()
    shown = f"{sizes.pop():,}" if len(sizes) == 1 else ""
    return _row(title, shown, cells, bad=[bool(bad and value) for value in values])


def _row(
    title: str,
    n: str,
    cells: Sequence[tuple[str, str]],
    *,
    strong: bool = False,
    bad: Sequence[bool] = (),
    note: str = "",
) -> str:
    shown = "".join(
        f"<td{BAD if is_bad else ''}>{value}{f'<small>{escape(note)}</small>' if note else ''}</td>"
        for (value, note), is_bad in zip(cells, bad or [False] * len(cells), strict=True)
    )
    style = ' class="strong"' if strong else ""
    below = f"<small>{escape(note)}</small>" if note else ""
    return f'<tr{style}><th scope="row">{_linked(title)}{below}</th><td class="n">{n}</td>{shown}</tr>'


def _linked(title: str) -> str:
    """A heading, as a link to the glossary where that has it."""
    slug = _TERMS.get(title.partition(",")[0].partition("@")[0])
    return term(slug, title) if slug else escape(title)


def _interval(found: tuple[float, float] | None) -> str:
    return f"{100 * found[0]:.1f} to {100 * found[1]:.1f}" if found else ""


def controls_table(judge_summary: Mapping[str, Any]) -> str:
    """What the judges did with answers of which it is known whether they are right; "" where none were asked."""
    controls: Mapping[str, Mapping[str, Any]] = judge_summary.get("controls") or {}
    if not controls:
        return ""
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in judge_titles(controls).values())
    rows = ""
    for control in next(iter(controls.values())):
        found = [judge.get(control, {}) for judge in controls.values()]
        cells = "".join(f"<td>{percent(one.get('rate'))}<small>n={one.get('n', 0):,}</small></td>" for one in found)
        expected = "all" if found[0].get("expected") else "none"
        rows += f'<tr><th scope="row">{escape(label(control))}</th><td class="n">{expected}</td>{cells}</tr>'
    return (
        f"<h3>{term('controls', 'Judge controls, % accepted')}</h3>"
        '<div class="scroll" tabindex="0" role="region" aria-label="Judge controls">'
        f'<table class="scores"><thead><tr><td></td><th scope="col" class="n">should be</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )
