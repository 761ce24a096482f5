"""What a search came to: the best trial, what it is worth on conversations it never saw, and files that say so."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.files import write_bytes_atomically
from locomo.schema import DataError
from memoryqa.parameters import save_parameters
from tuning.measuring.no_effect import inert_parameters
from tuning.measuring.trial import BenchmarkOptions, TrialBenchmark, benchmark_of
from tuning.presets import settings_of
from tuning.results.pareto import Point, best_under, front, knee, plot_front
from tuning.results.promotion import CrossValidation, Promotion, cross_validate, judge_promotion
from tuning.space import SearchSpace

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

PARAMETERS_FILE = "tuned_parameters.json"


@dataclass(frozen=True)
class Conclusion:
    """`best`: of two objectives the best one under the budget; None without a complete trial. `points`: of pareto.
    `no_promotion`: why there is no `promotion`."""

    best: FrozenTrial | None
    promotion: Promotion | None
    no_promotion: str
    cross_validation: CrossValidation | None
    inert: tuple[str, ...]
    points: tuple[Point, ...]


def conclude(
    study: Study, space: SearchSpace, options: BenchmarkOptions, *, promote_on: str, budget_tokens: int
) -> Conclusion:
    """Choose among the complete trials and have the winner measured; `options`: what the trials were measured on."""
    complete = complete_trials(study)
    points = points_of(study)
    best = _best(study, complete, points, budget_tokens)
    if best is None:
        return Conclusion(None, None, "no trial was completed", None, (), points)
    benchmark = benchmark_of(options)
    promotion, reason = promote(best, options, promote_on)
    return Conclusion(
        best=best,
        promotion=promotion,
        no_promotion=reason,
        cross_validation=_cross_validate(complete, benchmark) if not points else None,
        inert=tuple(inert_parameters(benchmark, space)),
        points=points,
    )


def complete_trials(study: Study) -> list[FrozenTrial]:
    """Those that answered every question."""
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def points_of(study: Study) -> tuple[Point, ...]:
    """Quality and tokens of the complete trials of a study with two objectives; none of others."""
    if len(study.directions) == 1:
        return ()
    return tuple(Point(trial.number, trial.values[0], trial.values[1]) for trial in complete_trials(study))


def promote(best: FrozenTrial, options: BenchmarkOptions, promote_on: str) -> tuple[Promotion | None, str]:
    """The winner against the shipped default on the held-out conversations, at the same size of the evidence; None and
    the reason where there are no such conversations."""
    try:
        benchmark = benchmark_of(replace(options, split=promote_on))
    except DataError as error:
        return None, f"keep defaults: nothing to compare them on ({error})"
    same_size = {key: value for key, value in best.params.items() if key == "context_tokens"}
    default, winner = benchmark.measure(same_size), benchmark.measure(best.params)
    promotion = judge_promotion(
        default.scores("all_evidence"),
        winner.scores("all_evidence"),
        winner.conversation_of,
        split=promote_on,
        is_default=default.parameters == winner.parameters,
    )
    return promotion, ""


def write_results(folder: Path, study: Study, conclusion: Conclusion, document: Mapping[str, Any]) -> None:
    """tuned_parameters.json, tuning.json (what stdout's last line says), trials.csv, and of pareto the plot."""
    folder.mkdir(parents=True, exist_ok=True)
    best = conclusion.best
    if best is not None:
        promotion = None if conclusion.promotion is None else conclusion.promotion.as_json()
        source = {"study": study.study_name, "trial": best.number, "values": best.values}
        parameters = replace(settings_of(best.params), promotion=promotion, source=source)
        save_parameters(parameters, folder / PARAMETERS_FILE)
    write_bytes_atomically(folder / "tuning.json", (json.dumps(document, indent=2) + "\n").encode())
    write_trials(folder / "trials.csv", trial_rows(study))
    if conclusion.points:
        plot_front(conclusion.points, folder / "pareto.png", budget=document["budget_tokens"])


def trial_rows(study: Study) -> list[dict[str, Any]]:
    """Every trial on one level: number, state, values, questions seen, and its parameters."""
    rows = []
    for trial in study.get_trials(deepcopy=False):
        values = trial.values or [None] * len(study.directions)
        rows.append(
            {
                "number": trial.number,
                "state": trial.state.name.lower(),
                **{f"value_{place}": value for place, value in enumerate(values)},
                "questions_seen": trial.user_attrs.get("questions", {}).get("seen"),
                "seconds": trial.user_attrs.get("seconds"),
                "error": trial.user_attrs.get("error"),
                **trial.params,
            }
        )
    return rows


def write_trials(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """As CSV, with a column for every key of any row."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def front_document(points: Sequence[Point], budget_tokens: int) -> dict[str, Any]:
    """The front, its knee and the best point under the budget, as JSON."""

    def as_json(point: Point | None) -> dict[str, Any] | None:
        return None if point is None else {"number": point.number, "quality": point.quality, "tokens": point.cost}

    line = front(points)
    return {
        "front": [as_json(point) for point in line],
        "knee": as_json(knee(line)),
        "best_under_budget": as_json(best_under(points, budget_tokens)),
    }


def _best(study: Study, complete: Sequence[FrozenTrial], points: Sequence[Point], budget: int) -> FrozenTrial | None:
    if not complete:
        return None
    if not points:
        return study.best_trial
    chosen = best_under(points, budget) or front(points)[0]
    return next(trial for trial in complete if trial.number == chosen.number)


def _cross_validate(complete: Sequence[FrozenTrial], benchmark: TrialBenchmark) -> CrossValidation | None:
    """None where the default, trial 0, did not come through."""
    if complete[0].number != 0:
        return None
    measured = {trial.number: benchmark.measure(trial.params) for trial in complete}
    scores = {number: one.scores("all_evidence") for number, one in measured.items()}
    return cross_validate(scores, measured[0].conversation_of)
