"""A small study for tests, and a process that works on it.

    python tests/support/tuning_objective.py LOCATION STUDY N_TRIALS SLEEP_SEC  # a worker; the last line is its report

The objective is cheap, has one conditional parameter, and its best value is near x=0.5, k=4, mode=b, y=1.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Mapping
from typing import Any

from checkout import ROOT

sys.path.insert(0, str(ROOT))

from tuning.space import SearchSpace

SPACE_JSON: dict[str, Any] = {
    "parameters": [
        {"name": "x", "kind": "float", "low": -2.0, "high": 2.0, "default": 1.0},
        {"name": "k", "kind": "int", "low": 1, "high": 9, "default": 3},
        {"name": "mode", "kind": "categorical", "choices": ["a", "b"], "default": "a"},
        {
            "name": "y",
            "kind": "float",
            "low": 0.0,
            "high": 1.0,
            "default": 0.5,
            "when": {"name": "mode", "values": ["b"]},
        },
    ]
}
SPACE = SearchSpace.from_json(SPACE_JSON)
DEFAULTS = {"x": 1.0, "k": 3, "mode": "a"}


def score(params: Mapping[str, Any]) -> float:
    return float(-((params["x"] - 0.5) ** 2) - 0.1 * abs(params["k"] - 4) + 0.3 * params.get("y", 0.0))


def run_trial(trial: Any, best_params: Mapping[str, Any] | None) -> float:
    return score(SPACE.suggest(trial))


def main(location: str, study_name: str, n_trials: str, sleep_sec: str) -> int:
    import optuna

    from tuning.studies.storage import open_storage
    from tuning.studies.study import StudySpec, open_study
    from tuning.studies.worker import run_worker

    def run_slowly(trial: Any, best_params: Mapping[str, Any] | None) -> float:
        value = run_trial(trial, best_params)
        time.sleep(float(sleep_sec))
        return value

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = open_study(open_storage(location), StudySpec(study_name, SPACE, seed=1))
    report = run_worker(study, run_slowly, n_trials=int(n_trials), lease_sec=2.0)
    print(json.dumps(dataclasses.asdict(report)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
