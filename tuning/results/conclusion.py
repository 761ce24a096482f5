"""The conclusion of a search: its best trial, what that is worth on conversations it never saw, and its files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.runs import Run
from locomo.schema import DataError
from locomo.split_data import is_locomo
from memoryqa.errors import StoppedError
from memoryqa.parameters import save_parameters
from reports.study_page import write_study_page
from tuning.config import TuningConfig
from tuning.measuring.no_effect import inert_parameters
from tuning.measuring.trial import BenchmarkOptions, TrialBenchmark, benchmark_of
from tuning.objectives import Objective
from tuning.presets import settings_of
from tuning.results.document import (
    DOCUMENT_FILE,
    TRIALS_CSV,
    TRIALS_JSON,
    BestTrial,
    DataRow,
    PromotionDocument,
    TuningDocument,
    front_document,
    trial_rows,
    write_trials,
)
from tuning.results.pareto import DefaultPoint, Point, best_under, equal_budgets, front, plot_front
from tuning.results.promotion import CrossValidation, Promotion, cross_validate, judge_promotion
from tuning.results.views import importances
from tuning.space import SearchSpace
from tuning.studies.leases import state_of, whole_values

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

PARAMETERS_FILE = "tuned_parameters.json"
_DEFAULT_LINE_ATTR = "tuning_default_line"


@dataclass(frozen=True)
class Conclusion:
    """`best`: the best trial; with two objectives the best one under the budget; None without a complete trial.

    winner: what was promoted or not, and is saved: the best trial's parameters, with two objectives at the budget asked
    for. no_promotion: why there is no `promotion`. points, default_line: with two objectives only.
    """

    best: FrozenTrial | None
    winner: Mapping[str, Any]
    promotion: Promotion | None
    no_promotion: str
    cross_validation: CrossValidation | None = None
    inert: tuple[str, ...] = ()
    points: tuple[Point, ...] = ()
    default_line: tuple[DefaultPoint, ...] = field(default=())
    data: DataRow | None = None


def conclude(
    study: Study, space: SearchSpace, options: BenchmarkOptions, *, promote_on: str, budget_tokens: int
) -> Conclusion:
    """Choose among the complete trials and have the winner measured; `options`: what the trials were measured on."""
    complete = complete_trials(study)
    points = points_of(study)
    best = _best(study, complete, points, budget_tokens)
    if best is None:
        return Conclusion(None, {}, None, "no trial was completed", points=points)
    benchmark = benchmark_of(options)
    at_budget = {"context_tokens": budget_tokens} if points else {}
    winner = {**best.params, **at_budget}
    promotion, reason = _promote(winner, at_budget, options, promote_on, budget_tokens)
    default_line = _measure_default(benchmark, equal_budgets(points, budget_tokens)) if points else ()
    if default_line:
        study.set_user_attr(_DEFAULT_LINE_ATTR, [[one.budget_tokens, one.quality, one.tokens] for one in default_line])
    return Conclusion(
        best=best,
        winner=winner,
        promotion=promotion,
        no_promotion=reason,
        cross_validation=None if points else _cross_validate(complete, benchmark),
        inert=tuple(inert_parameters(benchmark, space)),
        points=points,
        default_line=default_line,
        data={"name": benchmark.dataset.name, "is_locomo": is_locomo(benchmark.dataset)},
    )


def describe(
    study: Study, config: TuningConfig, space: SearchSpace, conclusion: Conclusion, *, seconds: float, output: Path
) -> TuningDocument:
    """The search as a document; `seconds`: how long it took, `output`: the folder of its files."""
    trials = study.get_trials(deepcopy=False)
    states = Counter(state_of(trial) for trial in trials)
    seen = [trial.user_attrs.get("questions", {}) for trial in trials]
    names = Objective(config.objective, config.budget_tokens).value_names
    document: TuningDocument = {
        "study": study.study_name,
        "objective": config.objective,
        "objectives": [
            {"name": name, "direction": direction.name.lower()}
            for name, direction in zip(names, study.directions, strict=True)
        ],
        "space": config.space,
        "budget_tokens": config.budget_tokens,
        "split": config.split,
        "seed": config.seed,
        "sampler": config.sampler,
        "pruner": config.resolved_pruner,
        "trials": states["complete"] + states["pruned"] + states["fail"],
        "pruned": states["pruned"],
        "failed": states["fail"],
        "seconds": round(seconds, 1),
        "best": _best_document(conclusion.best),
        "defaults": space.defaults(),
        "default_value": _one_or_all(whole_values(trials[0])) if trials else None,
        "promotion": _promotion_document(conclusion, config.promote_on),
        "questions": {
            "seen": sum(one.get("seen", 0) for one in seen),
            "asked": sum(one.get("asked", 0) for one in seen),
            "from_cache": sum(one.get("from_cache", 0) for one in seen),
        },
        "inert": list(conclusion.inert),
        "importance": importances(study),
        "cross_validation": None if conclusion.cross_validation is None else conclusion.cross_validation.as_json(),
        "output": str(output),
    }
    if conclusion.data is not None:
        document["data"] = conclusion.data
    if len(study.directions) == 1:
        return document
    return {**document, **front_document(conclusion.points, config.budget_tokens, conclusion.default_line)}


def _best_document(best: FrozenTrial | None) -> BestTrial | None:
    value = None if best is None else _one_or_all(whole_values(best))
    return None if best is None or value is None else {"number": best.number, "params": best.params, "value": value}


def _promotion_document(conclusion: Conclusion, promote_on: str) -> PromotionDocument:
    if conclusion.promotion is not None:
        return conclusion.promotion.as_json()
    return {
        "promote": False,
        "difference": None,
        "ci95": None,
        "split": promote_on,
        "questions": 0,
        "reason": conclusion.no_promotion,
    }


def _one_or_all(values: list[float] | None) -> float | list[float] | None:
    return values[0] if values is not None and len(values) == 1 else values


def complete_trials(study: Study) -> list[FrozenTrial]:
    """The trials that answered every question."""
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def points_of(study: Study) -> tuple[Point, ...]:
    """Quality and tokens of the complete trials of a study with two objectives; empty for other studies."""
    if len(study.directions) == 1:
        return ()
    return tuple(Point(trial.number, trial.values[0], trial.values[1]) for trial in complete_trials(study))


def default_line_of(study: Study) -> tuple[DefaultPoint, ...]:
    """What the last conclusion of the study measured of the default; empty before one."""
    return tuple(DefaultPoint(*one) for one in study.user_attrs.get(_DEFAULT_LINE_ATTR, ()))


def write_results(run: Run, study: Study, conclusion: Conclusion, document: TuningDocument) -> None:
    """Write tuned_parameters.json, tuning.json (what tune.py prints), trials.json, trials.csv, study.html, and with two
    objectives pareto.png. Raises StoppedError when the folder cannot be written."""
    with writing(run.run_dir):
        _write_results(run, study, conclusion, document)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError of the block into a StoppedError: the study is in its storage, and nothing is lost."""
    try:
        yield
    except OSError as error:
        raise StoppedError(
            f"{path} cannot be written ({error.strerror or error}); the study keeps its trials"
        ) from error


def _write_results(run: Run, study: Study, conclusion: Conclusion, document: TuningDocument) -> None:
    folder = run.run_dir
    best = conclusion.best
    if best is not None:
        promotion = None if conclusion.promotion is None else conclusion.promotion.as_json()
        source = {"study": study.study_name, "trial": best.number, "values": best.values}
        parameters = replace(settings_of(conclusion.winner), promotion=promotion, source=source)
        save_parameters(parameters, folder / PARAMETERS_FILE)
    run.write_json(DOCUMENT_FILE, document)
    rows = trial_rows(study)
    write_study_page(folder, document, rows)
    for name in (TRIALS_JSON, TRIALS_CSV):
        write_trials(folder / name, rows)
    if conclusion.points:
        plot_front(
            conclusion.points,
            folder / "pareto.png",
            budget=document["budget_tokens"],
            default_line=conclusion.default_line,
        )


def _promote(
    winner: Mapping[str, Any],
    default: Mapping[str, Any],
    options: BenchmarkOptions,
    promote_on: str,
    budget_tokens: int,
) -> tuple[Promotion | None, str]:
    """The winner against the shipped default on the held-out conversations, both in `budget_tokens`; None and the
    reason where there are no such conversations."""
    try:
        benchmark = benchmark_of(replace(options, split=promote_on))
    except DataError as error:
        return None, f"keep defaults: nothing to compare them on ({error})"
    shipped, tuned = benchmark.measure(default), benchmark.measure(winner)
    promotion = judge_promotion(
        shipped.scores("all_evidence"),
        tuned.scores("all_evidence"),
        tuned.conversation_of,
        split=promote_on,
        budget_tokens=budget_tokens,
        is_default=shipped.parameters == tuned.parameters,
    )
    return promotion, ""


def _measure_default(benchmark: TrialBenchmark, budgets: Sequence[int]) -> tuple[DefaultPoint, ...]:
    """The shipped default with its evidence cut to each budget, on the questions of the search."""
    values = Objective("pareto").values
    return tuple(
        DefaultPoint(budget, *values(benchmark.measure({"context_tokens": budget}).metrics)) for budget in budgets
    )


def _best(study: Study, complete: Sequence[FrozenTrial], points: Sequence[Point], budget: int) -> FrozenTrial | None:
    if not complete:
        return None
    if not points:
        return study.best_trial
    chosen = best_under(points, budget) or front(points)[0]
    return next(trial for trial in complete if trial.number == chosen.number)


def _cross_validate(complete: Sequence[FrozenTrial], benchmark: TrialBenchmark) -> CrossValidation | None:
    """None when the default, trial 0, is not complete."""
    if complete[0].number != 0:
        return None
    measured = {trial.number: benchmark.measure(trial.params) for trial in complete}
    scores = {number: one.scores("all_evidence") for number, one in measured.items()}
    return cross_validate(scores, measured[0].conversation_of)
