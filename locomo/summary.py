"""Rows in numbers: one program's summary, the same as flat metrics, and a text for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from locomo.evaluate import aggregate
from locomo.kinds import LOCOMO, Kinds
from locomo.latency import PERCENTILE_DEFINITION, percentiles
from locomo.rows import USUAL_BUDGETS_TOKENS, AnswerSummary, EvidenceSummary, ScoreSummary, SearchSummary
from locomo.statistics import score_intervals

Metrics = dict[str, float | int | str | None]


def summarise_program(
    rows: Sequence[Mapping[str, Any]], budgets_tokens: Sequence[int] = (), kinds: Kinds = LOCOMO
) -> AnswerSummary:
    """One program's rows in numbers, with intervals, and in mode "retrieval" with the scores at each budget."""
    summary: AnswerSummary = {**summarise(rows, kinds), "ci95": score_intervals(rows, kinds)}
    if not budgets_tokens:
        return summary
    searched: SearchSummary = {**summary, **summarise_evidence(rows, budgets_tokens)}
    return searched


def summarise(rows: Sequence[Mapping[str, Any]], kinds: Kinds = LOCOMO) -> ScoreSummary:
    """One program's rows in numbers, without intervals."""
    scores = aggregate(rows, kinds)
    latency = percentiles(
        row["latency_sec"]
        for row in rows
        if row["error"] is None and row["latency_sec"] is not None and not row["lm_calls_cached"]
    )
    return {
        "f1": scores.f1,
        "f1_by_category": scores.f1_by_category,
        "f1_categories_1_4": scores.f1_categories_1_4,
        "mem0_f1_categories_1_4": _mean([row["mem0_f1"] for row in rows if row["category"] in kinds.counted]),
        "evidence_recall": scores.evidence_recall,
        "evidence_recall_by_category": scores.evidence_recall_by_category,
        "all_evidence_rate": scores.all_evidence_rate,
        "all_evidence_rate_by_category": scores.all_evidence_rate_by_category,
        "context_tokens_mean": _mean([row["context_tokens"] for row in rows]),
        "memory_tokens_max": max(
            (row["memory_tokens"] for row in rows if row["memory_tokens"] is not None), default=None
        ),
        "hops_mean": _mean([row["hops"] for row in rows]),
        "lm_calls_mean": _mean([row["lm_calls"] for row in rows]),
        "prompt_tokens": _sum([row["prompt_tokens"] for row in rows]),
        "completion_tokens": _sum([row["completion_tokens"] for row in rows]),
        "latency_sec_p50": latency["p50"],
        "latency_sec_p95": latency["p95"],
        "latency_sec_p99": latency["p99"],
        "latency_questions": latency["n"],
        "failures": sum(row["error"] is not None for row in rows),
        "questions_with_problems": sum(bool(row["problems"]) for row in rows),
        "questions": len(rows),
        "questions_by_category": scores.n_by_category,
    }


def summarise_evidence(rows: Sequence[Mapping[str, Any]], budgets_tokens: Sequence[int]) -> EvidenceSummary:
    """Rows of mode "retrieval": scores by budget, and the share of the evidence that the working memory holds."""
    budgets = [str(budget) for budget in budgets_tokens]
    return {
        "evidence_recall_at": {one: _mean([row["evidence_recall_at"][one] for row in rows]) for one in budgets},
        "all_evidence_at": {one: _mean([row["all_evidence_at"][one] for row in rows]) for one in budgets},
        "retention": _mean([row["retention"] for row in rows]),
    }


def with_counted_key(summary: Mapping[str, Any], kinds: Kinds) -> dict[str, Any]:
    """`summary` with the names of metrics: `f1_categories_1_4` is `f1_counted` where `kinds` are not LoCoMo's."""
    return {key.replace(LOCOMO.counted_key, kinds.counted_key): value for key, value in summary.items()}


def flat_metrics(summary: Mapping[str, Any], budgets_tokens: Sequence[int], kinds: Kinds = LOCOMO) -> Metrics:
    """A summary as one level: `f1_by_category: {temporal: x}` is `f1_temporal`, `evidence_recall_at: {500: x}` is
    `evidence_recall_at_500`. What a mode does not measure is there too, as None. Intervals stay in the summary."""
    unmeasured = dict.fromkeys(str(budget) for budget in budgets_tokens or USUAL_BUDGETS_TOKENS)
    every = {"evidence_recall_at": unmeasured, "all_evidence_at": unmeasured, "retention": None, **summary}
    flat: Metrics = {"latency_percentiles": PERCENTILE_DEFINITION}
    for key, value in with_counted_key(every, kinds).items():
        if key == "ci95":
            continue
        if isinstance(value, Mapping):
            prefix = key.removesuffix("_by_category")
            flat |= {f"{prefix}_{name}": inner for name, inner in value.items()}
        else:
            flat[key] = value
    return flat


def write_report(heading: str, metrics_by_program: Mapping[str, Metrics]) -> str:
    """Programs x metrics as aligned text under the line `heading`; "-" is not measured.

    A metric that was measured of no program has no line.
    """
    columns = list(metrics_by_program.values())
    measured = [key for key in columns[0] if any(one[key] is not None for one in columns)]
    rows = [["", *metrics_by_program]]
    rows += [[key, *(_shown(one[key]) for one in columns)] for key in measured if key != "latency_percentiles"]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        f"{name:<{widths[0]}}  " + "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True))
        for name, *cells in rows
    ]
    return "\n".join([heading, *lines, f"latency percentiles: {PERCENTILE_DEFINITION}"])


def _shown(value: float | int | str | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.4f}" if value >= 0.01 else f"{value:.6f}"  # seconds may be few
    return str(value) if isinstance(value, str) else f"{value:,}"


def _mean(values: Sequence[float | None]) -> float | None:
    measured = [value for value in values if value is not None]
    return sum(measured) / len(measured) if measured else None


def _sum(values: Sequence[int | None]) -> int | None:
    """Their sum; None, not a part of it, when one is unknown."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
