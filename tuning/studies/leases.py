"""Leases and places: which worker holds a running trial, and which trials make up a study of `n_trials`.

A process that is killed leaves its trial RUNNING for ever, which also misleads the sampler. So a worker holds its trial
for `LEASE_SEC` and renews that while it lives. An expired trial becomes FAIL, marked `lost`, and its parameters are
proposed once more (once: they may be what kills the workers). Optuna's own heartbeat knows databases only, and only
`study.optimize`. The clocks of the machines must agree within a few seconds.

Each trial has a place, in the order of their numbers; a lost one keeps it for the trial that repeats its parameters. A
study is complete when the first `n_trials` places have ended: nobody leaves while a lost trial is still to be repeated,
and nobody waits for what others do beyond those.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import takewhile
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from tuning.errors import StorageUnavailableError, TrialLostError
from tuning.studies.constants import LEASE_SEC
from tuning.studies.study import attach_trial

WORKER_ATTR = "worker"
LEASE_ATTR = "lease_until"
"""Unix time in seconds."""
ERROR_ATTR = "error"
LOST_ATTR = "lost"
"""Unix time in seconds at which the trial was given up."""
RETRY_ATTR = "retry_of"

# -- one trial ---------------------------------------------------------------------------------------------------------


def ask(study: optuna.Study, worker: str, *, lease_sec: float = LEASE_SEC) -> optuna.Trial:
    """Give up expired trials, then return the next trial, held by `worker` for `lease_sec`."""
    expire(study)
    return hold(study.ask(), worker, lease_sec)


def hold(trial: optuna.Trial, worker: str, lease_sec: float) -> optuna.Trial:
    """Note who holds the running trial, and until when."""
    trial.set_user_attr(LEASE_ATTR, time.time() + lease_sec)
    trial.set_user_attr(WORKER_ATTR, worker)
    return trial


def renew(trial: optuna.Trial, lease_sec: float = LEASE_SEC) -> float:
    """Hold the trial for `lease_sec` from now; returns until when (Unix time). Raises TrialLostError."""
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
    """Unix time at which the lease ends; a trial whose process died before it got one has `LEASE_SEC` from its
    start."""
    if LEASE_ATTR in trial.user_attrs:
        return float(trial.user_attrs[LEASE_ATTR])
    started = trial.datetime_start  # local time, as Optuna notes it
    return math.inf if started is None else started.timestamp() + LEASE_SEC


def give_up(study: optuna.Study, number: int, reason: str) -> bool:
    """Fail a running trial that was not measured to its end, and propose its parameters once more.

    Returns False when another process was faster.
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
    """The parameters that the trial had or was to have; empty when it repeated another one already."""
    return {} if RETRY_ATTR in lost.user_attrs else {**lost.system_attrs.get("fixed_params", {}), **lost.params}


def was_lost(trial: FrozenTrial) -> bool:
    """Whether it ended with its worker: it says nothing about its parameters, and does not count as a trial."""
    return trial.state == TrialState.FAIL and LOST_ATTR in trial.user_attrs


def state_of(trial: FrozenTrial) -> str:
    """Optuna's state in lower case, or `lost`."""
    return "lost" if was_lost(trial) else trial.state.name.lower()


def whole_values(trial: FrozenTrial) -> list[float] | None:
    """The values of a complete trial. A pruned one may have one too in studies of version 0.1: its last report, the
    mean of the questions seen, which is not comparable."""
    return list(trial.values) if trial.state == TrialState.COMPLETE else None


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
            return _prune(study, number)
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
                continue  # it may be back in time; if not, finishing the trial raises it

    thread = threading.Thread(target=keep, daemon=True, name="lease")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _prune(study: optuna.Study, number: int) -> FrozenTrial:
    """End a trial as PRUNED, without a value: `study.tell` would store its last report, the mean of a part of the
    questions, which dashboards show like the value of a whole trial. The reports stay, and samplers read those."""
    trial = attach_trial(study, number)
    study._storage.set_trial_state_values(trial._trial_id, TrialState.PRUNED)
    return study._storage.get_trial(trial._trial_id)


def _unusable(values: Sequence[Any], objectives: int) -> str | None:
    if len(values) != objectives:
        return f"{len(values)} values for {objectives} objectives"
    if all(value is not None and math.isfinite(value) for value in values):
        return None
    return f"the objective is not a finite number: {', '.join(map(str, values))}"


# -- the places of a study ---------------------------------------------------------------------------------------------


def settled(study: optuna.Study) -> int:
    """Give up expired trials, then count the places that ended before the first one that has not."""
    expire(study)
    return settled_of(study.get_trials(deepcopy=False))


def settled_of(trials: Sequence[FrozenTrial]) -> int:
    """`settled` of the trials of a study, in the order of their numbers."""
    return sum(1 for _ in takewhile(lambda trial: trial.state.is_finished() and not was_lost(trial), _places(trials)))


def ask_within(study: optuna.Study, worker: str, n_trials: int, *, lease_sec: float = LEASE_SEC) -> optuna.Trial | None:
    """The next trial of the study's `n_trials`, held by `worker`; None when others hold the remaining ones.

    Workers that look at the same moment may each add a trial beyond the last.
    """
    expire(study)
    holders = _places(study.get_trials(deepcopy=False))
    if len(holders) < n_trials:
        return hold(study.ask(), worker, lease_sec)
    for waiting in (trial for trial in holders[:n_trials] if trial.state == TrialState.WAITING):
        # not `study.ask`, which makes a new trial when another worker has been faster
        with suppress(UpdateFinishedTrialError):
            if study._storage.set_trial_state_values(waiting._trial_id, TrialState.RUNNING):
                return hold(optuna.Trial(study, waiting._trial_id), worker, lease_sec)
    return None


def _places(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The trial that holds each place, by place; a trial that was lost for good holds none."""
    holders: dict[int, FrozenTrial] = {}
    for trial in trials:
        place = trial.user_attrs.get(RETRY_ATTR, trial.number)
        if not was_lost(trial) or _awaits_its_retry(trial):
            holders[place] = trial
        else:
            holders.pop(place, None)
    return [holders[place] for place in sorted(holders)]


def _awaits_its_retry(lost: FrozenTrial) -> bool:
    """Whether another process is about to propose it once more; not for ever, since that process may be dead too."""
    return bool(params_to_repeat(lost)) and time.time() < lost.user_attrs[LOST_ATTR] + LEASE_SEC
