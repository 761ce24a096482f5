"""The files of a search for programs and for its page: tuning.json, and the trials as trials.json and trials.csv.

tuning.json is also what tune.py prints. Qualities are shares of questions in 0..1, sizes are tokens (o200k_base), times
are seconds; null means not measured.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from harness.files import write_bytes_atomically
from tuning.results.pareto import DefaultPoint, Point, best_under, front, knee
from tuning.studies.leases import state_of, whole_values

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

DOCUMENT_FILE, TRIALS_JSON, TRIALS_CSV = "tuning.json", "trials.json", "trials.csv"
_SHOWN_METRICS = ("all_evidence_rate", "evidence_recall", "context_tokens_mean", "latency_sec_p95")


class TrialRow(TypedDict):
    """One trial. `values`: one per objective, null unless it is complete; `partial_value`: the mean over
    `questions_seen` of a pruned one, which is not comparable with a whole one. `state`: complete, pruned, fail, lost,
    running or waiting."""

    number: int
    state: str
    values: list[float] | None
    partial_value: float | None
    questions_seen: int | None
    seconds: float | None
    error: str | None
    metrics: dict[str, float | None]
    params: dict[str, Any]


class ValueRow(TypedDict):
    """One objective of the study: its metric and `maximize` or `minimize`."""

    name: str
    direction: str


class BestTrial(TypedDict):
    """`value`: a list of them where there are two objectives."""

    number: int
    params: dict[str, Any]
    value: float | list[float]


class FrontPoint(TypedDict):
    """A trial's quality and the tokens that its evidence takes, mean over questions."""

    number: int
    quality: float
    tokens: float


class DefaultRow(TypedDict):
    """The shipped default with its evidence cut to `budget_tokens`."""

    budget_tokens: int
    quality: float
    tokens: float


class FrontDocument(TypedDict):
    """The front, cheapest first; `best_under_budget` is null when all trials cost more. `default_line` is empty where
    the default was not measured."""

    front: list[FrontPoint]
    knee: FrontPoint | None
    best_under_budget: FrontPoint | None
    default_line: list[DefaultRow]


class PromotionDocument(TypedDict):
    """What held-out questions say: see tuning/results/promotion.py. Without a comparison `difference` is null, and the
    keys that need one are absent."""

    promote: bool
    difference: float | None
    ci95: list[float] | None
    split: str
    questions: int
    reason: str
    budget_tokens: NotRequired[int | None]
    conversations: NotRequired[int]
    resampled: NotRequired[str]
    default_value: NotRequired[float]
    winner_value: NotRequired[float]


class FoldDocument(TypedDict):
    """One held-out conversation of the cross-validation."""

    conversation: str
    questions: int
    trial: int
    chosen_value: float
    default_value: float


class CrossValidationDocument(TypedDict):
    """`difference`: the chosen trials minus the default, over all folds."""

    folds: list[FoldDocument]
    chosen_value: float
    default_value: float
    difference: float


class DataRow(TypedDict):
    """The conversations that the trials were measured on."""

    name: str
    is_locomo: bool


class QuestionCounts(TypedDict):
    """Questions of all trials: seen, of them asked now, and taken from the cache."""

    seen: int
    asked: int
    from_cache: int


class TuningDocument(TypedDict):
    """A search. `trials` counts complete, pruned and failed ones; `defaults` are trial 0's parameters, `best` the
    winner's; `inert` names parameters without effect; `importance` is null while there are too few trials. The keys of
    FrontDocument are present with two objectives."""

    study: str
    objective: str
    objectives: list[ValueRow]
    space: str
    budget_tokens: int
    split: str
    seed: int
    sampler: str
    pruner: str
    trials: int
    pruned: int
    failed: int
    seconds: float
    best: BestTrial | None
    defaults: dict[str, Any]
    default_value: float | list[float] | None
    promotion: PromotionDocument
    questions: QuestionCounts
    inert: list[str]
    importance: dict[str, float] | None
    cross_validation: CrossValidationDocument | None
    output: str
    data: NotRequired[DataRow]
    front: NotRequired[list[FrontPoint]]
    knee: NotRequired[FrontPoint | None]
    best_under_budget: NotRequired[FrontPoint | None]
    default_line: NotRequired[list[DefaultRow]]


def front_document(
    points: Sequence[Point], budget_tokens: int, default_line: Sequence[DefaultPoint] = ()
) -> FrontDocument:
    line = front(points)
    return {
        "front": [_front_point(point) for point in line],
        "knee": _front_point_or_none(knee(line)),
        "best_under_budget": _front_point_or_none(best_under(points, budget_tokens)),
        "default_line": [
            {"budget_tokens": one.budget_tokens, "quality": one.quality, "tokens": one.tokens} for one in default_line
        ],
    }


def _front_point(point: Point) -> FrontPoint:
    return {"number": point.number, "quality": point.quality, "tokens": point.cost}


def _front_point_or_none(point: Point | None) -> FrontPoint | None:
    return None if point is None else _front_point(point)


def trial_rows(study: Study) -> list[TrialRow]:
    """Every trial of the study, by number."""
    return [_trial_row(trial) for trial in study.get_trials(deepcopy=False)]


def _trial_row(trial: FrozenTrial) -> TrialRow:
    metrics = trial.user_attrs.get("metrics", {})
    values = whole_values(trial)
    seen_mean = trial.intermediate_values[trial.last_step] if trial.last_step is not None else None
    return {
        "number": trial.number,
        "state": state_of(trial),
        "values": values,
        "partial_value": seen_mean if values is None else None,
        "questions_seen": trial.user_attrs.get("questions", {}).get("seen"),
        "seconds": trial.user_attrs.get("seconds"),
        "error": trial.user_attrs.get("error"),
        "metrics": {name: metrics.get(name) for name in _SHOWN_METRICS},
        "params": trial.params,
    }


def write_trials(path: Path, rows: Sequence[TrialRow]) -> None:
    """As JSON, or as CSV with a column for every parameter, by the ending of `path`."""
    if path.suffix == ".csv":
        _write_csv(path, [_flat(row) for row in rows])
    else:
        write_bytes_atomically(path, (json.dumps(rows, indent=2, allow_nan=False) + "\n").encode())


def _flat(row: TrialRow) -> dict[str, Any]:
    """The row on one level, with parameters last."""
    flat: dict[str, Any] = {"number": row["number"], "state": row["state"]}
    flat |= {f"value_{place}": value for place, value in enumerate(row["values"] or [None])}
    flat |= {name: row[name] for name in ("partial_value", "questions_seen", "seconds", "error")}
    return flat | row["params"]


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    columns = sorted(dict.fromkeys(key for row in rows for key in row), key=lambda key: not key.startswith("value_"))
    first = [key for key in ("number", "state") if key in columns]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*first, *(key for key in columns if key not in first)])
        writer.writeheader()
        writer.writerows(rows)
