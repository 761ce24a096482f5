"""A study's trials are all measured, whoever is killed and whenever, and hardly one more than asked for."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import TrialState
from tuning_objective import DEFAULTS, SPACE, run_trial, score

from tuning.studies.constants import LEASE_SEC
from tuning.studies.leases import (
    LOST_ATTR,
    RETRY_ATTR,
    ask,
    ask_within,
    expire,
    finish,
    give_up,
    renew,
    settled,
    was_lost,
)
from tuning.studies.storage import open_storage
from tuning.studies.study import StudySpec, open_study
from tuning.studies.worker import run_worker


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    return open_study(open_storage(tmp_path / "a.journal"), StudySpec("mine", SPACE, seed=1))


def complete(study: optuna.Study, count: int) -> None:
    for _ in range(count):
        trial = ask(study, "w")
        finish(study, trial.number, [score(SPACE.suggest(trial))])


def lose_without_a_retry(study: optuna.Study, number: int, at: float) -> None:
    """As a worker does that is killed after it failed the trial, before it proposed it again."""
    study._storage.set_trial_user_attr(study.trials[number]._trial_id, LOST_ATTR, at)
    finish(study, number, error="its worker was not heard of any more")


def test_nobody_leaves_while_a_lost_trial_is_still_to_be_repeated(study: optuna.Study) -> None:
    """Others added one beyond the last at the same moment: there are enough complete ones, and yet one is missing."""
    trial = ask(study, "killed")
    params = SPACE.suggest(trial)
    complete(study, 3)
    assert settled(study) == 0
    renew(trial, 0.8)  # and never again
    report = run_worker(study, run_trial, n_trials=3)
    assert (report.completed, study.trials[-1].params) == (1, params)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL] + 4 * [TrialState.COMPLETE]


def test_a_trial_that_is_about_to_be_proposed_again_keeps_its_place(study: optuna.Study) -> None:
    complete(study, 2)
    SPACE.suggest(ask(study, "killed"))
    lose_without_a_retry(study, 2, time.time())
    assert ask_within(study, "w", 3) is None, "whoever gave it up is at it"
    study.enqueue_trial(study.trials[2].params, user_attrs={RETRY_ATTR: 2})
    again = ask_within(study, "w", 3)
    assert again is not None
    assert (again.number, SPACE.suggest(again)) == (3, study.trials[2].params)
    assert ask_within(study, "w2", 3) is None


def test_a_place_is_free_when_whoever_was_to_propose_again_is_dead_too(study: optuna.Study) -> None:
    complete(study, 2)
    SPACE.suggest(ask(study, "killed"))
    lose_without_a_retry(study, 2, time.time() - LEASE_SEC)
    assert run_worker(study, run_trial, n_trials=3).completed == 1


def test_a_place_is_free_when_its_trial_was_lost_twice(study: optuna.Study) -> None:
    for worker in ("one", "two"):
        SPACE.suggest(ask(study, worker, lease_sec=-1))
        expire(study)
    third = ask_within(study, "three", 1)
    assert third is not None
    assert SPACE.suggest(third) != DEFAULTS, "what kills two workers is not given to a third"


def test_what_others_do_beyond_the_trials_asked_for_is_not_waited_for(study: optuna.Study) -> None:
    complete(study, 3)
    ask(study, "somebody who wants more")
    study.enqueue_trial({"x": 0.0, "k": 1, "mode": "a"})
    assert settled(study) == 3
    assert run_worker(study, run_trial, n_trials=3).completed == 0
    assert run_worker(study, run_trial, n_trials=3).stopped_by == "n_trials"


def test_workers_that_see_one_waiting_trial_add_no_other(study: optuna.Study, tmp_path: Path) -> None:
    complete(study, 4)
    interrupted = ask(study, "w")
    SPACE.suggest(interrupted)
    give_up(study, interrupted.number, "interrupted")
    barrier = threading.Barrier(6)
    got: list[int] = []

    def take() -> None:
        own = open_study(open_storage(tmp_path / "a.journal"), StudySpec("mine", SPACE, seed=1))
        barrier.wait()
        if (trial := ask_within(own, threading.current_thread().name, 5)) is not None:
            got.append(trial.number)

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [5]
    assert len(study.trials) == 6


@pytest.mark.slow
@settings(max_examples=60)
@given(st.lists(st.sampled_from(["complete", "fail", "lost", "lost early", "interrupted"]), max_size=12))
def test_the_first_n_places_are_measured_whatever_happened_before(history: list[str]) -> None:
    n_trials = 6
    study = open_study(optuna.storages.InMemoryStorage(), StudySpec("mine", SPACE, seed=1))
    for fate in history:
        trial = ask_within(study, "w", n_trials, lease_sec=-1 if fate.startswith("lost") else LEASE_SEC)
        if trial is None:
            break
        if fate != "lost early":
            SPACE.suggest(trial)
        if fate == "complete":
            finish(study, trial.number, [1.0])
        elif fate == "fail":
            finish(study, trial.number, error="no")
        elif fate == "interrupted":
            give_up(study, trial.number, fate)
    run_worker(study, run_trial, n_trials=n_trials)
    ended = [trial for trial in study.trials if not was_lost(trial)]
    assert len(ended) == n_trials
    assert all(trial.state.is_finished() for trial in ended)
    lost_once = {trial.number for trial in study.trials if was_lost(trial) and RETRY_ATTR not in trial.user_attrs}
    repeated = [trial.user_attrs[RETRY_ATTR] for trial in study.trials if RETRY_ATTR in trial.user_attrs]
    assert len(set(repeated)) == len(repeated)
    without_params = {number for number in lost_once if not study.trials[number].params}
    assert lost_once - without_params <= set(repeated) <= lost_once
