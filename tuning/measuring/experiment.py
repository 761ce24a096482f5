"""One call measures a trial of a study of your own: parameters in, a number out.

    base = ExperimentConfig(dataset="locomo10.json")

    def objective(trial):
        return run_params_trial({"bm25_k1": trial.suggest_float("bm25_k1", 0.3, 2.5)}, base)

    optuna.create_study(direction="maximize").optimize(objective, n_trials=50)

After compact-memory's helper of the same name
(https://github.com/scottfalconer/compact-memory/tree/1f06f19), with these differences: an unknown parameter or metric
is an error, a metric that was not measured is an error and no 0, and the metric is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locomo.summary import Metrics
from memoryqa.errors import UsageError
from tuning.measuring.trial import BenchmarkOptions, evaluate_with_benchmark
from tuning.presets import known_parameters


@dataclass(frozen=True)
class ExperimentConfig:
    """What a trial is measured on.

    dataset: as `locomo.dataset.find` takes it. categories: numbers of kinds; without any those that count. param_grid:
    parameters that all trials start from (the last mapping wins); the trial's own override them. validation_metrics:
    names of metrics; `run_params_trial` returns the first unless it gets `metric`. budget_tokens: size of the evidence.
    cache: a file that keeps measured questions.
    """

    dataset: str | Path | None = None
    param_grid: Sequence[Mapping[str, Any]] = ()
    validation_metrics: Sequence[str] = ("all_evidence_rate",)
    split: str = "train"
    budget_tokens: int = 2000
    categories: tuple[int, ...] = ()
    cache: Path | None = None

    def __post_init__(self) -> None:
        if not self.validation_metrics:
            raise UsageError("validation_metrics is empty; name at least one metric")


def run_params_trial(params: object, base: ExperimentConfig, *, metric: str | None = None) -> float:
    """Measure `params`: a mapping, an optuna.Trial that has suggested some, or anything with `.params`.

    Returns `metric`, by default the first of `base.validation_metrics`. Raises UsageError for an
    unknown parameter or metric, listing the known ones, and for a metric that was not measured; DataError for unusable
    data.
    """
    metrics = run_params_trial_metrics(params, base)
    name = metric or base.validation_metrics[0]
    value = metrics[name] if name in metrics else _unknown_metric(name, metrics)
    if not isinstance(value, int | float):
        raise UsageError(f"the metric {name} was not measured; these were: {_measured(metrics)}")
    return float(value)


def run_params_trial_metrics(params: object, base: ExperimentConfig) -> Metrics:
    """All metrics of `params`, as `locomo.benchmark.BenchmarkResult.metrics`; None for what was not measured."""
    given: dict[str, Any] = {}
    for shared in base.param_grid:
        given |= shared
    options = BenchmarkOptions(
        data=None if base.dataset is None else str(base.dataset),
        split=base.split,
        categories=base.categories,
        budget_tokens=base.budget_tokens,
        cache=base.cache,
    )
    metrics = evaluate_with_benchmark({**given, **_params_of(params)}, options).metrics
    for name in base.validation_metrics:
        if name not in metrics:
            _unknown_metric(name, metrics)
    return metrics


def _params_of(params: object) -> dict[str, Any]:
    if isinstance(params, Mapping):
        return dict(params)
    suggested = getattr(params, "params", None)
    if not isinstance(suggested, Mapping):
        raise UsageError(f"parameters are a mapping or have .params, got {type(params).__name__}")
    if not suggested:
        raise UsageError(
            "the trial has no parameters yet: suggest some before run_params_trial, or use "
            f"tuning.presets.PRESETS[...].suggest(trial); there are {', '.join(known_parameters())}"
        )
    return dict(suggested)


def _unknown_metric(name: str, metrics: Metrics) -> float:
    raise UsageError(f"no metric {name!r}; these were measured: {_measured(metrics)}")


def _measured(metrics: Metrics) -> str:
    return ", ".join(key for key, value in metrics.items() if isinstance(value, int | float))
