"""Workers: what they count, how they stop, and that a killed one costs the trial it was at and nothing else."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
import tuning_objective
from optuna.trial import TrialState
from postgres_server import run_postgres
from tuning_objective import DEFAULTS, SPACE, run_trial, score
from waiting import wait_for

from tuning.errors import WorkerStoppedError
from tuning.studies.leases import ERROR_ATTR, RETRY_ATTR, WORKER_ATTR, ask, was_lost
from tuning.studies.source import Outcome
from tuning.studies.storage import open_storage
from tuning.studies.study import StudySpec, load_study, open_study
from tuning.studies.worker import extra_workers, run_worker

SCRIPT = tuning_objective.__file__


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    return open_study(open_storage(tmp_path / "a.journal"), StudySpec("mine", SPACE, seed=1))


def test_a_worker_stops_when_the_study_has_its_trials_and_tells_each(study: optuna.Study) -> None:
    told: list[Outcome] = []
    report = run_worker(study, run_trial, n_trials=5, on_trial=told.append)
    assert (report.completed, report.stopped_by) == (5, "n_trials")
    assert [outcome.number for outcome in told] == [0, 1, 2, 3, 4]
    assert told[0] == Outcome(0, "complete", DEFAULTS, (score(DEFAULTS),), None)
    assert run_worker(study, run_trial, n_trials=5).completed == 0, "a study that is done gets no more"


def test_a_trial_is_told_the_best_parameters_before_it(study: optuna.Study) -> None:
    seen: list[Mapping[str, Any] | None] = []

    def remember(trial: Any, best_params: Mapping[str, Any] | None) -> float:
        seen.append(best_params)
        return run_trial(trial, best_params)

    run_worker(study, remember, n_trials=6)
    values = [trial.value or 0.0 for trial in study.trials]
    best = [study.trials[max(range(n), key=values.__getitem__)].params for n in range(1, 6)]
    assert seen == [None, *best]


def test_a_failing_trial_is_told_and_does_not_end_the_work(study: optuna.Study) -> None:
    def fail_at_two(trial: Any, best_params: Mapping[str, Any] | None) -> float:
        if trial.number == 2:
            raise ZeroDivisionError("no questions of this category")
        return math.nan if trial.number == 4 else run_trial(trial, best_params)

    report = run_worker(study, fail_at_two, n_trials=6)
    assert (report.completed, report.failed) == (4, 2)
    assert study.trials[2].user_attrs[ERROR_ATTR] == "ZeroDivisionError: no questions of this category"
    assert study.trials[4].state == TrialState.FAIL
    assert not any(was_lost(trial) for trial in study.trials)


def test_three_failures_in_a_row_end_the_work(study: optuna.Study) -> None:
    def always_fail(trial: Any, best_params: Mapping[str, Any] | None) -> float:
        raise OSError("the data is gone")

    with pytest.raises(WorkerStoppedError, match="3 trials failed in a row, the last with: OSError: the data is gone"):
        run_worker(study, always_fail, n_trials=50)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL] * 3


def test_pruned_trials_count_and_keep_their_last_report_which_is_no_value(study: optuna.Study) -> None:
    def prune_all_but_the_first(trial: Any, best_params: Mapping[str, Any] | None) -> float:
        if best_params is None:
            return 1.0
        trial.report(0.25, 20)
        raise optuna.TrialPruned

    report = run_worker(study, prune_all_but_the_first, n_trials=4)
    assert (report.completed, report.pruned) == (1, 3)
    assert study.trials[1].intermediate_values == {20: 0.25}
    assert study.trials[1].value is None, "a mean over some questions is not shown like one over all"


def test_after_the_timeout_no_trial_is_begun(study: optuna.Study) -> None:
    report = run_worker(study, run_trial, n_trials=5, timeout_sec=0)
    assert (report.completed, report.stopped_by) == (0, "timeout")


def test_ctrl_c_gives_the_trial_back(study: optuna.Study) -> None:
    def interrupted(trial: Any, best_params: Mapping[str, Any] | None) -> float:
        SPACE.suggest(trial)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_worker(study, interrupted, n_trials=5)
    assert was_lost(study.trials[0])
    run_worker(study, run_trial, n_trials=2)
    assert study.trials[1].params == DEFAULTS
    assert study.trials[1].user_attrs[RETRY_ATTR] == 0


def test_a_result_that_comes_after_its_lease_is_dropped_and_said(
    study: optuna.Study, caplog: pytest.LogCaptureFixture
) -> None:
    from tuning.studies.leases import give_up

    def slow_once(trial: Any, best_params: Mapping[str, Any] | None) -> float:
        value = run_trial(trial, best_params)
        if trial.number == 0:
            give_up(study, 0, "its worker was not heard of any more")
        return value

    report = run_worker(study, slow_once, n_trials=3)
    assert (report.completed, report.lost) == (3, 1)
    assert "its result is dropped" in caplog.text
    assert study.trials[0].state == TrialState.FAIL


def test_a_worker_waits_for_the_last_trial_of_another_and_takes_it_over(study: optuna.Study) -> None:
    run_worker(study, run_trial, n_trials=2)
    params = SPACE.suggest(ask(study, "dead", lease_sec=1.5))
    report = run_worker(study, run_trial, n_trials=3)
    assert report.completed == 1
    assert study.trials[-1].params == params


# -- processes ---------------------------------------------------------------------------------------------------------


def start(location: str | Path, n_trials: int, sleep_sec: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, SCRIPT, str(location), "mine", str(n_trials), str(sleep_sec)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def report_of(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    report: dict[str, Any] = json.loads(output.splitlines()[-1])
    return report


@pytest.mark.slow
def test_kill_9_loses_the_running_trial_and_no_other(tmp_path: Path) -> None:
    location = tmp_path / "a.journal"
    study = open_study(open_storage(location), StudySpec("mine", SPACE, seed=1))
    with start(location, 30, 0.2) as worker:
        wait_for(lambda: len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))) >= 3)
        worker.kill()
    before = {trial.number: trial.params for trial in study.trials if trial.state == TrialState.COMPLETE}

    assert report_of(start(location, 8, 0.0))["stopped_by"] == "n_trials"

    after = {trial.number: trial.params for trial in study.trials if trial.state == TrialState.COMPLETE}
    assert before.items() <= after.items()
    assert len(after) == 8
    assert sum(map(was_lost, study.trials)) <= 1
    assert not any(trial.state == TrialState.RUNNING for trial in study.trials)


@pytest.mark.slow
def test_a_journal_survives_a_kill_at_any_moment(tmp_path: Path) -> None:
    location = tmp_path / "a.journal"
    study = open_study(open_storage(location), StudySpec("mine", SPACE, seed=1))
    for _ in range(3):
        already = len(study.trials)
        with start(location, 10_000, 0.0) as worker:
            wait_for(lambda start_count=already: len(study.trials) > start_count + 4)  # type: ignore[misc]
            worker.kill()
    again = load_study(open_storage(location), "mine")[0]
    states = Counter(trial.state for trial in again.trials)
    assert states[TrialState.RUNNING] <= 3
    assert states[TrialState.COMPLETE] >= 12


def test_sigterm_gives_the_trial_back_at_once(tmp_path: Path) -> None:
    location = tmp_path / "a.journal"
    study = open_study(open_storage(location), StudySpec("mine", SPACE, seed=1))
    with start(location, 5, 60.0) as worker:
        wait_for(lambda: len(study.trials) > 0 and study.trials[0].params == DEFAULTS)
        worker.send_signal(signal.SIGTERM)
        worker.wait(30)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.WAITING]


@pytest.mark.slow
def test_extra_workers_share_the_trials(tmp_path: Path) -> None:
    location = tmp_path / "a.journal"
    study = open_study(open_storage(location), StudySpec("mine", SPACE, seed=1))
    with extra_workers([sys.executable, SCRIPT, str(location), "mine", "12", "0.3"], 1):
        wait_for(lambda: len(study.trials) > 1)
        report = run_worker(study, run_trial, n_trials=12)
    assert 12 <= len(study.trials) <= 13
    assert 0 < report.completed < 12


def test_extra_workers_end_with_a_block_that_fails(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    code = f"import pathlib,time\ntry: time.sleep(99)\nfinally: pathlib.Path({str(ended)!r}).touch()"
    with pytest.raises(RuntimeError, match="the block"), extra_workers([sys.executable, "-c", code], 2):
        raise RuntimeError("the block")
    assert not ended.exists(), "they were stopped, not waited for"


@pytest.mark.slow
def test_four_processes_on_postgresql_share_a_study_and_one_may_be_killed() -> None:
    """No duplicate trial, none lost: the killed worker's comes back with its parameters."""
    pytest.importorskip("psycopg2", reason="needs pip install '.[tune]'")
    n_trials = 24
    with run_postgres() as location:
        workers = [start(location, n_trials, 0.4) for _ in range(4)]
        study = open_study(open_storage(location), StudySpec("mine", SPACE, seed=1))

        def done() -> int:
            return len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))

        def stopped_at_a_trial() -> bool:
            """Not between two trials, nor before it has all its parameters."""
            os.kill(workers[0].pid, signal.SIGSTOP)
            for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
                mine = f"-{workers[0].pid}-" in trial.user_attrs.get(WORKER_ATTR, "")
                if mine and (trial.params.get("mode") == "a" or "y" in trial.params):
                    return True
            os.kill(workers[0].pid, signal.SIGCONT)
            return False

        wait_for(lambda: done() >= n_trials // 2)
        wait_for(stopped_at_a_trial)
        os.kill(workers[0].pid, signal.SIGKILL)
        workers[0].communicate()
        reports = [report_of(worker) for worker in workers[1:]]
        trials = study.trials

    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    lost = [trial for trial in trials if was_lost(trial)]
    assert [trial.number for trial in trials] == list(range(len(trials)))
    assert n_trials <= len(complete) <= n_trials + 3, "workers that look at the same moment may each add one"
    assert len(complete) + len(lost) == len(trials)
    assert len(lost) <= 1
    retried = {trial.user_attrs[RETRY_ATTR]: trial.params for trial in complete if RETRY_ATTR in trial.user_attrs}
    assert retried == {trial.number: trial.params for trial in lost if trial.params}
    assert len({str(trial.params) for trial in complete}) == len(complete), "no point was measured twice"
    assert all(report["completed"] > 0 for report in reports), "all of them worked"
    assert {trial.value for trial in complete} == {score(trial.params) for trial in complete}
