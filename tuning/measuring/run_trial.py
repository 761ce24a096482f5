"""One trial of a study, from the study's settings alone: tune.py, its workers, Ray and the service's workers run it.

run_trial = build_run_trial(settings)        # settings: JSON, saved with the study
value = run_trial(trial, best_params)        # raises optuna.TrialPruned; any other exception fails the trial
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from locomo.asking import Row
from tuning.measuring.trial import BenchmarkOptions, TrialBenchmark, TrialMetrics, benchmark_of
from tuning.objectives import Objective
from tuning.space import SearchSpace, SuggestingTrial
from tuning.studies.constants import DEFAULT_CACHE
from tuning.studies.source import RunTrial

if TYPE_CHECKING:
    from tuning.measuring.pruning import BestSoFar

REPORT_EVERY = 50  # questions, to a pruner that compares running means


class RunningTrial(SuggestingTrial, Protocol):
    """What measuring needs of a trial; an optuna.Trial has it."""

    @property
    def number(self) -> int: ...

    def report(self, value: float, step: int) -> None: ...

    def should_prune(self) -> bool: ...

    def set_user_attr(self, key: str, value: Any) -> None: ...


def study_settings(
    objective: Objective,
    space: SearchSpace,
    *,
    split: str,
    categories: tuple[int, ...],
    data_sha256: str | None,
    pruner: str,
    data_format: str | None = None,
) -> dict[str, Any]:
    """All that a trial needs to know, as JSON; the place of the data is each machine's own."""
    return {
        "objective": objective.name,
        "budget_tokens": objective.budget_tokens,
        "space": space.as_json(),
        "split": split,
        "categories": list(categories),
        "data_sha256": data_sha256,
        "pruner": pruner,
        **({} if data_format is None else {"format": data_format}),
    }


def benchmark_options(settings: Mapping[str, Any], data: str | None, cache: Path | None) -> BenchmarkOptions:
    """What the settings of a study measure, on the data and with the cache of this machine."""
    objective = Objective(settings["objective"], settings["budget_tokens"])
    return BenchmarkOptions(
        data=data,
        data_format=settings.get("format"),
        split=settings["split"],
        categories=tuple(settings["categories"]),
        budget_tokens=None if objective.name == "pareto" else objective.budget_tokens,
        working_tokens=objective.budget_tokens if objective.name == "retention" else None,
        data_sha256=settings["data_sha256"],
        cache=None if objective.is_timed else cache,
    )


def build_run_trial(
    settings: Mapping[str, Any], *, data: str | None = None, cache: Path | None = DEFAULT_CACHE
) -> RunTrial:
    """The objective function of a study. The first call reads the data, and raises DataError when they are not the
    study's."""
    objective = Objective(settings["objective"], settings["budget_tokens"])
    space = SearchSpace.from_json(settings["space"])
    options = benchmark_options(settings, data, cache)

    def run_trial(trial: RunningTrial, best_params: Mapping[str, Any] | None) -> float | tuple[float, ...]:
        started = time.perf_counter()
        benchmark = benchmark_of(options)
        params = space.suggest(trial)
        is_compared = settings["pruner"] == "wilcoxon" and best_params is not None
        best = _best(benchmark, objective, json.dumps(best_params, sort_keys=True)) if is_compared else None
        watch = _Watch(trial, settings["pruner"], best)
        measured = benchmark.measure(params, order_seed=trial.number, on_row=watch.see)
        values = objective.values(measured.metrics)
        trial.set_user_attr("questions", watch.counts())
        _record(trial, measured, time.perf_counter() - started)
        return values if len(values) > 1 else values[0]

    return run_trial


class _Watch:
    """Sees a trial's questions as they are measured, and prunes it once it is clearly worse."""

    def __init__(self, trial: RunningTrial, pruner: str, best: BestSoFar | None) -> None:
        self._trial = trial
        self._pruner = pruner
        self._best = best
        self._rows: dict[str, Row] = {}
        self._from_cache = 0
        self._complete = 0

    def see(self, row: Row) -> None:
        """Count one more question. Raises optuna.TrialPruned."""
        if row["error"] is not None:
            return  # the benchmark ends a trial whose questions fail
        self._rows[row["question_id"]] = row
        self._from_cache += row["latency_sec"] is None
        self._complete += row["all_evidence"]
        seen = len(self._rows)
        if self._best is not None and self._best.beats(self._rows):
            self._trial.report(self._complete / seen, seen)
            self._prune()
        if self._pruner == "median" and seen % REPORT_EVERY == 0:
            self._trial.report(self._complete / seen, seen)
            if self._trial.should_prune():
                self._prune()

    def counts(self) -> dict[str, int]:
        """Questions seen, and of them asked now and taken from the cache."""
        seen = len(self._rows)
        return {"seen": seen, "asked": seen - self._from_cache, "from_cache": self._from_cache}

    def _prune(self) -> None:
        import optuna

        self._trial.set_user_attr("questions", self.counts())
        raise optuna.TrialPruned


@lru_cache(maxsize=8)
def _best(benchmark: TrialBenchmark, objective: Objective, params_json: str) -> BestSoFar:
    """The best trial, question by question: usually from the cache, else measured again."""
    from tuning.measuring.pruning import BestSoFar

    return BestSoFar(benchmark.measure(json.loads(params_json)).rows, objective.grade)


def _record(trial: RunningTrial, measured: TrialMetrics, seconds: float) -> None:
    """Store with the trial what it measured, and the settings that it measured."""
    trial.set_user_attr("metrics", measured.metrics)
    trial.set_user_attr("parameters", measured.parameters.overrides())
    trial.set_user_attr("seconds", round(seconds, 3))
