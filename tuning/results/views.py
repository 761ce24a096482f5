"""Studies and trials as JSON, as the service answers them; null means that there is no value."""

from __future__ import annotations

import math
import warnings
from datetime import UTC, datetime
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from tuning.studies.leases import lease_until, settled_of, state_of, whole_values
from tuning.studies.study import StudySpec


def study_view(study: optuna.Study, spec: StudySpec) -> dict[str, Any]:
    """The spec, trials by state (`lost` ones apart from `fail`) and, with one objective, the best value so far.

    `settled` counts the places that ended before the first one that has not: see tuning.studies.leases.
    """
    trials = study.get_trials(deepcopy=False)
    kinds = [state_of(trial) for trial in trials]
    best = best_trial(study) if len(spec.directions) == 1 else None
    return {
        "name": spec.name,
        **spec.as_json(),
        "trials": {kind: kinds.count(kind) for kind in (*(state.name.lower() for state in TrialState), "lost")},
        "settled": settled_of(trials),
        "best_value": None if best is None else best.value,
    }


def trial_view(trial: FrozenTrial) -> dict[str, Any]:
    """Times are UTC; `lease_until` is when a running trial will be given up. Only a complete trial has `values`: a
    pruned one has its `reports`."""
    return {
        "number": trial.number,
        "state": trial.state.name.lower(),
        "params": trial.params,
        "values": whole_values(trial),
        "reports": {str(step): finite(value) for step, value in trial.intermediate_values.items()},
        "user_attrs": trial.user_attrs,
        "started": _utc(trial.datetime_start),
        "ended": _utc(trial.datetime_complete),
        "lease_until": _utc(_lease_end(trial)),
    }


def best_trial(study: optuna.Study) -> FrozenTrial | None:
    """The best trial of a study with one objective; None before any is complete."""
    try:
        return study.best_trial
    except ValueError:
        return None


def importances(study: optuna.Study) -> dict[str, float] | None:
    """Share of each parameter in what makes trials good (PED-ANOVA, arXiv 2304.10255), the largest first.

    None while nothing can tell: fewer than two complete trials, or all with the same values.
    """
    completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len({tuple(trial.values) for trial in completed}) < 2:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna warns when there are few trials; the caller sees how many there are
        shares = optuna.importance.get_param_importances(study)
    return {name: finite(share) or 0.0 for name, share in shares.items()}


def finite(value: float | None) -> float | None:
    """None for NaN and infinity, which JSON lacks."""
    return value if value is not None and math.isfinite(value) else None


def _lease_end(trial: FrozenTrial) -> datetime | None:
    if trial.state != TrialState.RUNNING or not math.isfinite(until := lease_until(trial)):
        return None
    return datetime.fromtimestamp(until, UTC)


def _utc(moment: datetime | None) -> str | None:
    """ISO text in UTC; Optuna notes local time without a zone."""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds")
