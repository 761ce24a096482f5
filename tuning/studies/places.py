"""Places: which trials make up a study of `n_trials`, whoever measured them and whatever was killed meanwhile.

Every trial has a place, in the order of their numbers; one that was lost with its worker keeps it for the trial that
repeats its parameters. A study has its trials when the first `n_trials` places came to an end: so nobody leaves while a
lost trial is still to be repeated, and nobody waits for what others do beyond those.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import takewhile

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from tuning.studies.leases import expire, hold, params_to_repeat, was_lost
from tuning.studies.terms import LEASE_SEC, LOST_ATTR, RETRY_ATTR


def settled(study: optuna.Study) -> int:
    """Trials that came to an end before the first one that has not; expired ones are given up before."""
    expire(study)
    return settled_of(study.get_trials(deepcopy=False))


def settled_of(trials: Sequence[FrozenTrial]) -> int:
    """`settled` of the trials of a study, in the order of their numbers."""
    return sum(1 for _ in takewhile(lambda trial: trial.state.is_finished() and not was_lost(trial), _places(trials)))


def ask_within(study: optuna.Study, worker: str, n_trials: int, *, lease_sec: float = LEASE_SEC) -> optuna.Trial | None:
    """The next trial of the study's `n_trials`, held by `worker`; None when others have those that are left.

    Workers that look at the same moment may each add a trial beyond the last.
    """
    expire(study)
    holders = _places(study.get_trials(deepcopy=False))
    if len(holders) < n_trials:
        return hold(study.ask(), worker, lease_sec)
    for waiting in (trial for trial in holders[:n_trials] if trial.state == TrialState.WAITING):
        # not `study.ask`, which makes a new trial when somebody else has been faster
        with suppress(UpdateFinishedTrialError):
            if study._storage.set_trial_state_values(waiting._trial_id, TrialState.RUNNING):
                return hold(optuna.Trial(study, waiting._trial_id), worker, lease_sec)
    return None


def _places(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Who holds each place, by place; what was lost for good holds none."""
    holders: dict[int, FrozenTrial] = {}
    for trial in trials:
        place = trial.user_attrs.get(RETRY_ATTR, trial.number)
        if not was_lost(trial) or _awaits_its_retry(trial):
            holders[place] = trial
        else:
            holders.pop(place, None)
    return [holders[place] for place in sorted(holders)]


def _awaits_its_retry(lost: FrozenTrial) -> bool:
    """Whether somebody is about to propose it once more. Not for ever: they may have been killed in between."""
    return bool(params_to_repeat(lost)) and time.time() < lost.user_attrs[LOST_ATTR] + LEASE_SEC
