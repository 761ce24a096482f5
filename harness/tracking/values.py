"""What an evaluation logs, in the flat form that MLflow's tables and charts take."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from memoryqa.errors import UsageError

_STATISTIC = re.compile(r"_(mean|max|p50|p95|p99|categories_1_4|counted)$")
_JUDGE = re.compile(r"^judge_(lenient|strict|abstention)_(\w+)$")


def metrics_of(summary: Mapping[str, Any]) -> dict[str, float]:
    """A program's summary (summary.json) as flat metrics; what is None or no number is left out.

    `f1_by_category: {temporal: x}` is `f1.temporal`, `latency_sec_p95` is `latency_sec.p95`, `context_tokens_mean` is
    `context_tokens.mean`, `judge_strict_accuracy` is `judge_accuracy.strict`, `f1_categories_1_4` is
    `f1.categories_1_4`; an interval `ci95: {f1: [low, high]}` is `f1.ci95_low` and `f1.ci95_high`.
    """
    metrics: dict[str, float] = {}
    for key, value in summary.items():
        if key == "ci95" and isinstance(value, Mapping):
            for score, interval in _leaves("", value):
                if isinstance(interval, Sequence) and len(interval) == 2:
                    metrics |= {
                        f"{score}.ci95_{end}": bound for end, bound in zip(("low", "high"), interval, strict=True)
                    }
        else:
            metrics |= dict(_leaves(_metric_name(key), value))
    return {name: float(number) for name, number in metrics.items() if _is_number(number)}


def flattened(params: Mapping[str, Any]) -> dict[str, str]:
    """Nested values as text under dotted names; a list of plain values is joined by commas, None is "none"."""
    return {name: _as_text(value) for name, value in _leaves("", params, rename=False)}


def sample_ids(ids: Sequence[str], share: float) -> frozenset[str]:
    """A `share` of the ids, 0 to 1, rounded up: those with the smallest hash, so the same ones in every run that asks
    the same questions, and all of a smaller sample in a larger one. Raises UsageError for another share."""
    if not 0 <= share <= 1:
        raise UsageError(f"--trace-sample {share}: give a share between 0 and 1")
    by_hash = sorted(set(ids), key=lambda one: hashlib.sha256(one.encode()).digest())
    return frozenset(by_hash[: math.ceil(share * len(by_hash))])


def _leaves(name: str, value: Any, *, rename: bool = True) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        yield name, value
        return
    for key, inner in value.items():
        part = _metric_name(str(key)) if rename else str(key)
        yield from _leaves(f"{name}.{part}" if name else part, inner, rename=rename)


def _metric_name(key: str) -> str:
    key = _JUDGE.sub(r"judge_\2.\1", key.removesuffix("_by_category"))
    return _STATISTIC.sub(r".\1", key)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _as_text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list | tuple) and not any(isinstance(one, Mapping | list | tuple) for one in value):
        return ",".join(map(_as_text, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def trace_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `Tracker.log_trace` for one row of answers.jsonl."""
    return {
        "inputs": {"question": row["question"]},
        "outputs": {"answer": row["answer"]},
        "scores": {name: row[name] for name in ("f1", "evidence_recall", "all_evidence")},
        "expected": row["gold"],
        "tags": {"category": str(row["category"])},
    }
