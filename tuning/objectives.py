"""What a study optimises: one number of a trial's metrics, or two that are traded for each other.

- quality: the share of questions with all their evidence in the budget; higher is better.
- latency: the 95th percentile of a search, in seconds; lower is better.
- balanced: 0.7 of quality and 0.3 of the unused part of 10 ms a search; higher is better. An LM's answer takes a
  hundred times as long: a slower search would be noticed, a faster one hardly.
- retention: the share of questions with all their evidence in a working memory of the budget, which is filled before
  anybody asks, and nothing else to search; higher is better. Compaction is tuned by it.
- pareto: quality against the tokens that it takes. The size of the evidence is searched too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memoryqa.errors import UsageError

if TYPE_CHECKING:  # `--help` needs neither
    from locomo.asking import Row
    from locomo.summary import Metrics

OBJECTIVES = ("quality", "latency", "balanced", "retention", "pareto")
QUALITY_WEIGHT, LATENCY_WEIGHT, LATENCY_BUDGET_SEC = 0.7, 0.3, 0.01


@dataclass(frozen=True, slots=True)
class Objective:
    """One of OBJECTIVES at a budget in tokens (not used by pareto). Raises UsageError for another name."""

    name: str
    budget_tokens: int = 2000

    def __post_init__(self) -> None:
        if self.name not in OBJECTIVES:
            raise UsageError(f"no objective {self.name!r}; there are {', '.join(OBJECTIVES)}")
        if self.budget_tokens < 1:
            raise UsageError(f"--budget-tokens must be at least 1, got {self.budget_tokens}")

    @property
    def directions(self) -> tuple[str, ...]:
        """The direction of each value, as Optuna names it."""
        return {"latency": ("minimize",), "pareto": ("maximize", "minimize")}.get(self.name, ("maximize",))

    @property
    def value_names(self) -> tuple[str, ...]:
        """The metric behind each value, as locomo/summary.py names it."""
        return {
            "latency": ("latency_sec_p95",),
            "balanced": ("balanced",),
            "pareto": ("all_evidence_rate", "context_tokens_mean"),
        }.get(self.name, ("all_evidence_rate",))

    @property
    def is_timed(self) -> bool:
        """Whether it needs times, which a cache cannot give."""
        return self.name in ("latency", "balanced")

    @property
    def by_question(self) -> bool:
        """Whether it is a mean over questions, so that two trials can be compared question by question."""
        return self.name in ("quality", "retention")

    def grade(self, row: Row) -> float:
        """How good one question's row is, 0..1, in finer steps than the objective has: for the pruner."""
        return float(row["evidence_recall"]) if self.name == "retention" else graded(row)

    @property
    def title(self) -> str:
        """For people, with the unit."""
        quality = f"all evidence in {self.budget_tokens:,} tokens, share of questions"
        return {
            "quality": quality,
            "latency": f"seconds of a search in {self.budget_tokens:,} tokens, p95",
            "balanced": f"{QUALITY_WEIGHT} x ({quality}) + {LATENCY_WEIGHT} x (1 - search p95 / 10 ms)",
            "retention": f"all evidence in a working memory of {self.budget_tokens:,} tokens, share of questions",
            "pareto": "all evidence, share of questions, against tokens of the evidence, mean",
        }[self.name]

    def values(self, metrics: Metrics) -> tuple[float, ...]:
        """In the order of `directions`. Raises ValueError for a value that was not measured: it is no 0."""
        if self.name == "pareto":
            return _number(metrics, "all_evidence_rate"), _number(metrics, "context_tokens_mean")
        if self.by_question:
            return (_number(metrics, "all_evidence_rate"),)
        seconds = _number(metrics, "latency_sec_p95")
        if self.name == "latency":
            return (seconds,)
        unused = max(0.0, 1 - seconds / LATENCY_BUDGET_SEC)
        return (QUALITY_WEIGHT * _number(metrics, "all_evidence_rate") + LATENCY_WEIGHT * unused,)


def graded(row: Row) -> float:
    """How high the evidence of a question ranks, 0..1: the mean over its turns of 1 / log2(1 + rank), 0 for a turn that
    is not found.

    The pruner compares it for quality: "all evidence in the budget" is equal for two sets of parameters on nine
    questions of ten, this on few. The discount is from Jarvelin & Kekalainen 2002, "Cumulated gain-based evaluation of
    IR techniques".
    """
    rank = {turn_id: place for place, turn_id in enumerate(row["retrieved_ids"], start=1)}
    gains = [1 / math.log2(1 + rank[turn_id]) if turn_id in rank else 0.0 for turn_id in row["gold_evidence_ids"]]
    return sum(gains) / len(gains)


def _number(metrics: Metrics, name: str) -> float:
    value = metrics.get(name)
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} was not measured: {value}")
    return float(value)
