"""Whose trial is it: leases run out, are renewed, and what is lost comes back once."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState
from tuning_objective import DEFAULTS, SPACE

from tuning.errors import TrialLostError
from tuning.results.views import trial_view
from tuning.studies.leases import (
    ERROR_ATTR,
    LEASE_ATTR,
    LOST_ATTR,
    RETRY_ATTR,
    ask,
    expire,
    finish,
    give_up,
    held,
    held_by,
    lease_until,
    renew,
    was_lost,
)
from tuning.studies.storage import open_storage
from tuning.studies.study import StudySpec, open_study


@pytest.fixture(params=["{}/a.journal", "sqlite:///{}/a.db"])
def study(request: pytest.FixtureRequest, tmp_path: Path) -> optuna.Study:
    return open_study(open_storage(request.param.format(tmp_path)), StudySpec("mine", SPACE))


@pytest.mark.slow
def test_an_expired_trial_fails_and_its_parameters_come_back_once(study: optuna.Study) -> None:
    first = ask(study, "w1", lease_sec=-1)
    params = SPACE.suggest(first)
    assert expire(study) == [0]
    assert expire(study) == []

    second = ask(study, "w2", lease_sec=-1)
    assert SPACE.suggest(second) == params
    assert second.user_attrs[RETRY_ATTR] == 0
    assert expire(study) == [second.number]

    third = ask(study, "w3")
    assert RETRY_ATTR not in third.user_attrs
    assert SPACE.suggest(third) != params, "what kills two workers is not given to a third"
    assert [was_lost(trial) for trial in study.trials] == [True, True, False]
    assert study.trials[0].user_attrs[ERROR_ATTR] == "its worker was not heard of any more"


def test_a_trial_lost_before_it_had_parameters_keeps_those_it_was_to_have(study: optuna.Study) -> None:
    ask(study, "w1", lease_sec=-1)
    expire(study)
    assert SPACE.suggest(ask(study, "w2")) == DEFAULTS


@pytest.mark.slow
def test_a_trial_lost_while_it_asked_for_parameters_keeps_those_it_had(study: optuna.Study) -> None:
    finish(study, ask(study, "w1").number, [1.0])
    cut_short = ask(study, "w1", lease_sec=-1)
    had = {"x": cut_short.suggest_float("x", -2.0, 2.0), "mode": cut_short.suggest_categorical("mode", ["a", "b"])}
    expire(study)
    again = SPACE.suggest(ask(study, "w2"))
    assert had.items() <= again.items()
    assert again.keys() >= DEFAULTS.keys()


@pytest.mark.slow
def test_a_held_trial_does_not_expire(study: optuna.Study) -> None:
    trial = ask(study, "w1", lease_sec=0.6)
    with held(lambda: renew(trial, 0.6), 0.6):
        time.sleep(1.5)
        assert expire(study) == []
    time.sleep(0.8)
    assert expire(study) == [0]


def test_the_thread_of_a_lost_trial_ends_by_itself(study: optuna.Study) -> None:
    trial = ask(study, "w1")
    with held(lambda: renew(trial, 0.1), 0.1):
        assert any(thread.name == "lease" for thread in threading.enumerate())
        give_up(study, trial.number, "test")
        deadline = time.monotonic() + 20
        while any(thread.name == "lease" for thread in threading.enumerate()):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_worker_finds_the_trial_it_holds(study: optuna.Study) -> None:
    trial = ask(study, "w1")
    assert held_by(study, "w2") is None
    mine = held_by(study, "w1")
    assert mine is not None
    assert mine.number == trial.number
    finish(study, trial.number, [1.0])
    assert held_by(study, "w1") is None


def test_a_trial_without_a_lease_expires_some_time_after_its_start(study: optuna.Study) -> None:
    number = study.ask().number  # its process died before it noted the lease
    begun = study.trials[number]
    assert LEASE_ATTR not in begun.user_attrs
    assert time.time() < lease_until(begun) < time.time() + 31
    assert expire(study) == []


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles"])
def test_what_optuna_notes_in_local_time_is_understood(
    study: optuna.Study, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        number = study.ask().number
        begun = study.trials[number]
        assert LEASE_ATTR not in begun.user_attrs
        assert time.time() < lease_until(begun) < time.time() + 31
        started = datetime.fromisoformat(trial_view(begun)["started"])
        assert abs(started.timestamp() - time.time()) < 30
        assert started.utcoffset() == timedelta(0)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.slow
@pytest.mark.parametrize("values", [[math.nan], [math.inf], [-math.inf], [None], [], [1.0, 2.0]])
def test_what_is_not_one_finite_number_fails_and_is_never_zero(
    study: optuna.Study, values: Sequence[float | None]
) -> None:
    trial = ask(study, "w1")
    ended = finish(study, trial.number, values)
    assert ended.state == TrialState.FAIL
    assert ended.values is None
    assert "finite number" in ended.user_attrs[ERROR_ATTR] or "objectives" in ended.user_attrs[ERROR_ATTR]
    assert LOST_ATTR not in ended.user_attrs, "it was measured, and is not tried again"


def test_a_finished_trial_cannot_be_finished_renewed_or_given_up(study: optuna.Study) -> None:
    trial = ask(study, "w1")
    finish(study, trial.number, [0.5])
    for pruned, error in ((False, None), (True, None), (False, "too late")):
        with pytest.raises(TrialLostError, match="trial 0 has been finished or given up"):
            finish(study, trial.number, [0.7], pruned=pruned, error=error)
    with pytest.raises(TrialLostError):
        renew(trial)
    assert give_up(study, trial.number, "too late") is False
    assert study.trials[0].values == [0.5]
    assert len(study.trials) == 1, "and nothing was put back"


def test_of_many_that_expire_a_trial_one_puts_it_back(tmp_path: Path) -> None:
    location = tmp_path / "a.journal"
    ask(open_study(open_storage(location), StudySpec("mine", SPACE)), "w1", lease_sec=-1)
    given_up: list[int] = []
    barrier = threading.Barrier(6)

    def expire_at_once() -> None:
        study = open_study(open_storage(location), StudySpec("mine", SPACE))
        barrier.wait()
        given_up.extend(expire(study))

    threads = [threading.Thread(target=expire_at_once) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    study = open_study(open_storage(location), StudySpec("mine", SPACE))
    assert given_up == [0]
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.WAITING]
