"""The same trials through a real Ray on this machine, as a program of its own; marked `ray`, for it takes a while."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from checkout import ROOT, SUPPORT
from optuna.trial import TrialState
from tuning_objective import DEFAULTS, SPACE, run_trial, score

from tuning.studies.leases import was_lost
from tuning.studies.storage import open_storage
from tuning.studies.study import StudySpec, load_study, open_study
from tuning.studies.worker import run_worker

pytestmark = pytest.mark.ray
PROGRAM = """
import dataclasses, json, os, pathlib, sys, threading
from functools import partial
sys.path[:0] = [{root!r}, {tests!r}]
from tuning.ray_engine import run_with_ray

def make(tests, killed):
    sys.path.insert(0, tests)
    import tuning_objective
    def run(trial, best_params):
        value = tuning_objective.run_trial(trial, best_params)
        if trial.number == 2 and killed and not pathlib.Path(killed).exists():
            pathlib.Path(killed).touch()
            os._exit(9)
        return value
    return run

if __name__ == "__main__":
    numbers, lock = [], threading.RLock()  # as a progress bar has one: the callback cannot be pickled
    def note(outcome):
        with lock:
            numbers.append(outcome.number)
    report = run_with_ray(
        "a.journal", "mine", partial(make, {tests!r}, {killed!r}),
        n_trials={n_trials}, n_jobs={n_jobs}, on_trial=note,
    )
    print(json.dumps({{"report": dataclasses.asdict(report), "numbers": numbers}}))
"""


def run_program(folder: Path, *, n_trials: int, n_jobs: int, killed: str = "") -> dict[str, Any]:
    pytest.importorskip("ray", reason="needs pip install '.[ray]'")
    fields = {"root": str(ROOT), "tests": str(SUPPORT), "killed": killed}
    (folder / "program.py").write_text(PROGRAM.format(**fields, n_trials=n_trials, n_jobs=n_jobs))
    outcome = subprocess.run(
        [sys.executable, "program.py"],
        cwd=folder,
        env={**os.environ, "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr[-3_000:]
    assert not (folder / "ray_results").exists()
    assert len(outcome.stdout.splitlines()) == 1, "Ray's own tables are progress, and go to stderr"
    result: dict[str, Any] = json.loads(outcome.stdout)
    return result


def test_ray_runs_the_trials_that_a_local_run_would(tmp_path: Path) -> None:
    spec = StudySpec("mine", SPACE, seed=3)
    for name in ("a", "local"):
        open_study(open_storage(tmp_path / f"{name}.journal"), spec)
    local, _ = load_study(open_storage(tmp_path / "local.journal"), "mine")
    run_worker(local, run_trial, n_trials=6)

    result = run_program(tmp_path, n_trials=6, n_jobs=1)

    through_ray, _ = load_study(open_storage(tmp_path / "a.journal"), "mine")
    assert result["numbers"] == list(range(6))
    assert result["report"]["completed"] == 6
    assert [trial.params for trial in through_ray.trials] == [trial.params for trial in local.trials]
    assert [trial.values for trial in through_ray.trials] == [trial.values for trial in local.trials]


def test_a_ray_process_that_dies_gives_its_trial_back(tmp_path: Path) -> None:
    open_study(open_storage(tmp_path / "a.journal"), StudySpec("mine", SPACE, seed=3))
    result = run_program(tmp_path, n_trials=8, n_jobs=2, killed=str(tmp_path / "killed"))
    study, _ = load_study(open_storage(tmp_path / "a.journal"), "mine")
    complete = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    assert result["report"] == {"completed": 8, "pruned": 0, "failed": 0, "lost": 1, "stopped_by": "n_trials"}
    assert [trial.number for trial in study.trials if was_lost(trial)] == [2]
    assert study.trials[2].params in [trial.params for trial in complete]
    assert {trial.value for trial in complete} == {score(trial.params) for trial in complete}
    assert study.trials[0].params == DEFAULTS
