"""The trials of a study through Ray Tune, which spreads them over the processes and machines of a Ray cluster.

    python tune.py --engine ray --n-jobs 4          # needs pip install '.[ray]'

The study stays in its storage, which every machine must reach. Its sampler proposes the same trials as without Ray, if
they run one after the other. Leases and pruning work as without Ray, and the trial of a process that dies is repeated.
"""

from __future__ import annotations

import logging
import math
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ray
from ray import tune
from ray.tune.search import Searcher

from tuning.errors import TrialLostError, WorkerStoppedError
from tuning.studies.leases import give_up
from tuning.studies.source import Outcome, RunTrial, StudyTrials
from tuning.studies.storage import open_storage
from tuning.studies.study import StudySpec, attach_trial, load_study
from tuning.studies.worker import MAX_FAILURES_IN_A_ROW, WorkerReport, measure, new_worker_id, storage_failures

ROOT = Path(__file__).resolve().parent.parent
_STARTING_SEC = 120.0
"""Lease of a trial until its process takes over: Ray may have to start that first."""

# The processes import our modules, and stay in the folder that they were started in.
_ENVIRONMENT = {"env_vars": {"PYTHONPATH": str(ROOT), "RAY_CHDIR_TO_TRIAL_DIR": "0"}}


def run_with_ray(
    location: str | Path,
    study_name: str,
    make_run_trial: Callable[[], RunTrial],
    *,
    n_trials: int,
    n_jobs: int = 1,
    timeout_sec: float | None = None,
    on_trial: Callable[[Outcome], None] | None = None,
) -> WorkerReport:
    """`studies.worker.run_worker`, with Ray Tune running up to `n_jobs` trials at once, in processes that are reused.

    Each process calls `make_run_trial` once; it travels by pickle, so its paths must be absolute. Uses the Ray that the
    program has started, else the cluster in RAY_ADDRESS, else starts one on this machine until it is done.
    """
    location = _absolute(location)
    study, spec = load_study(open_storage(location), study_name)
    deadline = math.inf if timeout_sec is None else time.monotonic() + timeout_sec
    searcher = _StudySearcher(StudyTrials(study, new_worker_id(), _STARTING_SEC), spec, n_trials, deadline, on_trial)
    started_here = not ray.is_initialized()
    if started_here:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR, runtime_env=_ENVIRONMENT)
    try:
        with storage_failures(), redirect_stdout(sys.stderr), TemporaryDirectory(prefix="ray-results-") as folder:
            trainable = tune.with_parameters(
                _Measurement, location=location, study_name=study_name, make_run_trial=make_run_trial
            )
            resources = ray.cluster_resources()  # type: ignore[no-untyped-call, unused-ignore]
            slots = min(n_jobs, int(resources.get("CPU", 1)))
            tune.Tuner(
                trainable,
                tune_config=tune.TuneConfig(
                    search_alg=searcher, num_samples=-1, max_concurrent_trials=slots, reuse_actors=True
                ),
                run_config=tune.RunConfig(storage_path=folder, verbose=0),
            ).fit()
    finally:
        if started_here:
            ray.shutdown()
    return searcher.report()


class _StudySearcher(Searcher):
    """Ray's view of the study: hands out its trials, and hears how they ended."""

    def __init__(
        self,
        source: StudyTrials,
        spec: StudySpec,
        n_trials: int,
        deadline: float,
        on_trial: Callable[[Outcome], None] | None,
    ) -> None:
        super().__init__()
        self._source, self._spec, self._n_trials, self._deadline = source, spec, n_trials, deadline
        self._on_trial = on_trial
        self._numbers: dict[str, int] = {}
        self._tally: Counter[str] = Counter()
        self._failures_in_a_row: list[str] = []

    def suggest(self, trial_id: str) -> Any:
        """Trial number and parameters for a process, None to wait, FINISHED when there is nothing more to do."""
        stopped = len(self._failures_in_a_row) == MAX_FAILURES_IN_A_ROW or time.monotonic() >= self._deadline
        if stopped or self._source.settled() >= self._n_trials:
            return Searcher.FINISHED
        trial = self._source.take(self._n_trials)
        if trial is None:
            return None
        self._numbers[trial_id] = trial.number
        return {"trial_number": trial.number, **self._spec.space.suggest(trial)}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        outcome: Outcome | None = (result or {}).get("outcome")
        if outcome is None:
            give_up(self._source.study, self._numbers[trial_id], "its Ray process ended")
            self._tally["lost"] += 1
            return
        self._tally[outcome.state] += 1
        self._failures_in_a_row = [*self._failures_in_a_row, str(outcome.error)] if outcome.state == "fail" else []
        if self._on_trial is not None:
            self._on_trial(outcome)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Nothing: trials report to the study themselves."""

    def report(self) -> WorkerReport:
        """What has been done. Raises WorkerStoppedError when trial after trial failed."""
        if len(self._failures_in_a_row) == MAX_FAILURES_IN_A_ROW:
            raise WorkerStoppedError(
                f"{MAX_FAILURES_IN_A_ROW} trials failed in a row, the last with: {self._failures_in_a_row[-1]}"
            )
        tally, enough = self._tally, self._source.settled() >= self._n_trials
        stopped_by = "n_trials" if enough else "timeout"
        return WorkerReport(tally["complete"], tally["pruned"], tally["fail"], tally["lost"], stopped_by)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the study is in its storage."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing."""

    def __getstate__(self) -> dict[str, Any]:
        """Ray pickles it only to resume an experiment, which the study does; storage and callback need not travel."""
        return {}


class _Measurement(tune.Trainable):
    """A process of Ray's, which measures one trial after the other."""

    def setup(self, config: dict[str, Any], **fixed: Any) -> None:
        study, _ = load_study(open_storage(fixed["location"]), fixed["study_name"])
        self._source = StudyTrials(study, new_worker_id())
        self._run_trial: RunTrial = fixed["make_run_trial"]()
        self._number = config["trial_number"]

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._number = new_config["trial_number"]
        return True

    def step(self) -> dict[str, Any]:
        trial = attach_trial(self._source.study, self._number)
        try:
            return {"done": True, "outcome": measure(self._source, trial, self._run_trial)}
        except TrialLostError:
            return {"done": True, "outcome": None}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing: the study is in its storage."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing."""


def _absolute(location: str | Path) -> str:
    """`location` for a process in another folder."""
    scheme, separator, rest = str(location).partition(":///")
    if scheme == "sqlite" and separator:
        return f"sqlite:///{Path(rest).absolute()}"
    return str(location) if "://" in str(location) else str(Path(location).absolute())
