"""Leases: a running trial belongs to a worker until a time; when that passes, the worker is taken for dead.

A process that is killed leaves its trial RUNNING for ever, which also misleads the sampler. So whoever asks for a
trial holds it for `LEASE_SEC` and renews that while it lives. An expired trial becomes FAIL, marked `lost`, and its
parameters are proposed once more (once: they may be what kills the workers). Optuna's own heartbeat knows databases
only, and only `study.optimize`. The clocks of the machines must agree within a few seconds.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from tuning.studies.study import attach_trial
from tuning.studies.terms import (
    ERROR_ATTR,
    LEASE_ATTR,
    LEASE_SEC,
    LOST_ATTR,
    RETRY_ATTR,
    WORKER_ATTR,
    StorageUnavailableError,
    TrialLostError,
)


def ask(study: optuna.Study, worker: str, *, lease_sec: float = LEASE_SEC) -> optuna.Trial:
    """The next trial, held by `worker` for `lease_sec`; those whose lease has run out are given up before."""
    expire(study)
    return hold(study.ask(), worker, lease_sec)


def hold(trial: optuna.Trial, worker: str, lease_sec: float) -> optuna.Trial:
    """Note whose the running trial is, and until when."""
    trial.set_user_attr(LEASE_ATTR, time.time() + lease_sec)
    trial.set_user_attr(WORKER_ATTR, worker)
    return trial


def renew(trial: optuna.Trial, lease_sec: float = LEASE_SEC) -> float:
    """Hold the trial for `lease_sec` from now; returns until when. Raises TrialLostError."""
    until = time.time() + lease_sec
    try:
        trial.set_user_attr(LEASE_ATTR, until)
    except UpdateFinishedTrialError:
        raise TrialLostError(f"trial {trial.number} has been finished or given up meanwhile") from None
    return until


def held_by(study: optuna.Study, worker: str) -> FrozenTrial | None:
    """The running trial of this worker."""
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return next((trial for trial in running if trial.user_attrs.get(WORKER_ATTR) == worker), None)


def expire(study: optuna.Study) -> list[int]:
    """Give up every running trial whose lease has run out; returns their numbers."""
    now = time.time()
    late = [
        trial for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)) if lease_until(trial) < now
    ]
    return [trial.number for trial in late if give_up(study, trial.number, "its worker was not heard of any more")]


def lease_until(trial: FrozenTrial) -> float:
    """When the trial's lease ends. One that died before it got a lease has that of its start."""
    if LEASE_ATTR in trial.user_attrs:
        return float(trial.user_attrs[LEASE_ATTR])
    started = trial.datetime_start  # local time, as Optuna notes it
    return math.inf if started is None else started.timestamp() + LEASE_SEC


def give_up(study: optuna.Study, number: int, reason: str) -> bool:
    """Fail a running trial that was not measured to its end, and propose its parameters once more.

    Returns False when somebody else was faster.
    """
    try:
        attach_trial(study, number).set_user_attr(LOST_ATTR, time.time())
        ended = finish(study, number, error=reason)
    except (TrialLostError, UpdateFinishedTrialError):
        return False
    if params := params_to_repeat(ended):
        study.enqueue_trial(params, user_attrs={RETRY_ATTR: number})
    return True


def params_to_repeat(lost: FrozenTrial) -> dict[str, Any]:
    """Those it had or was to have; none when it repeated another already."""
    return {} if RETRY_ATTR in lost.user_attrs else {**lost.system_attrs.get("fixed_params", {}), **lost.params}


def was_lost(trial: FrozenTrial) -> bool:
    """Whether it ended with its worker: it says nothing about its parameters, and does not count as a trial."""
    return trial.state == TrialState.FAIL and LOST_ATTR in trial.user_attrs


def finish(
    study: optuna.Study,
    number: int,
    values: Sequence[float | None] = (),
    *,
    pruned: bool = False,
    error: str | None = None,
) -> FrozenTrial:
    """End a running trial as COMPLETE with `values`, PRUNED, or FAIL with an error.

    Values that are not one finite number per objective make it FAIL, with an error that says so: never 0. Raises
    TrialLostError when the trial is not running any more.
    """
    if error is None and not pruned:
        error = _unusable(values, len(study.directions))
    try:
        if error is not None:
            attach_trial(study, number).set_user_attr(ERROR_ATTR, error)
            return study.tell(number, state=TrialState.FAIL)
        if pruned:
            return study.tell(number, state=TrialState.PRUNED)
        return study.tell(number, [float(value) for value in values if value is not None])
    except (UpdateFinishedTrialError, ValueError) as problem:
        raise TrialLostError(f"trial {number} has been finished or given up meanwhile ({problem})") from None


@contextmanager
def held(renew_lease: Callable[[], object], lease_sec: float) -> Iterator[None]:
    """Call `renew_lease` from a thread, three times per lease, while the block runs; until the trial is lost."""
    done = threading.Event()

    def keep() -> None:
        while not done.wait(lease_sec / 3):
            try:
                renew_lease()
            except TrialLostError:
                return
            except (StorageInternalError, StorageUnavailableError):
                continue  # it may be back in time; if not, whoever finishes the trial says so

    thread = threading.Thread(target=keep, daemon=True, name="lease")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _unusable(values: Sequence[Any], objectives: int) -> str | None:
    if len(values) != objectives:
        return f"{len(values)} values for {objectives} objectives"
    if all(value is not None and math.isfinite(value) for value in values):
        return None
    return f"the objective is not a finite number: {', '.join(map(str, values))}"
