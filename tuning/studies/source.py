"""Where a worker takes trials from and sends their outcomes: a study in a storage, or the tuning service."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import optuna

from harness.signals import signals_held_back
from tuning.studies.constants import LEASE_SEC
from tuning.studies.leases import ERROR_ATTR, ask_within, finish, give_up, held, renew, settled
from tuning.studies.study import best_params

RunTrial = Callable[[Any, Mapping[str, Any] | None], float | Sequence[float]]
"""(trial, parameters of the best trial so far or None) -> value, or one per objective.

It asks the trial for its parameters, may report and be pruned (`optuna.TrialPruned`), and raises when it cannot
measure. The trial is an optuna.Trial or, through the service, a tuning.service.trial.ServiceTrial.
"""


@dataclass(frozen=True)
class Outcome:
    """How a trial ended: `state` complete, pruned or fail; `values` one per objective; why it failed."""

    number: int
    state: str
    params: Mapping[str, Any]
    values: tuple[float, ...] | None
    error: str | None


class TrialSource(Protocol):
    """What a worker needs of a study. Every method may raise StorageUnavailableError."""

    def settled(self) -> int:
        """Places that ended before the first one that has not (see tuning.studies.leases)."""

    def take(self, n_trials: int) -> Any:
        """The next trial of the study's `n_trials`, held by this worker; None when others hold the remaining ones."""

    def held(self, trial: Any) -> AbstractContextManager[None]:
        """Keep the trial's lease while the block runs."""

    def best_params(self) -> Mapping[str, Any] | None:
        """Parameters of the best complete trial; None before there is one, and with several objectives."""

    def finish(
        self, trial: Any, values: Sequence[float] = (), *, pruned: bool = False, error: str | None = None
    ) -> Outcome:
        """End the trial. Raises TrialLostError when it is no longer this worker's."""

    def give_up(self, trial: Any, reason: str) -> None:
        """Return the trial unmeasured: its parameters are proposed once more."""


@dataclass(frozen=True)
class StudyTrials:
    """The trials of a study, straight from its storage.

    Ctrl-C and SIGTERM wait while a trial is taken, finished or given up: none is left RUNNING without its worker.
    """

    study: optuna.Study
    worker_id: str
    lease_sec: float = LEASE_SEC

    def settled(self) -> int:
        return settled(self.study)

    def take(self, n_trials: int) -> optuna.Trial | None:
        trial = None
        try:
            with signals_held_back():
                trial = ask_within(self.study, self.worker_id, n_trials, lease_sec=self.lease_sec)
        except (KeyboardInterrupt, SystemExit):
            if trial is not None:
                self.give_up(trial, "interrupted")
            raise
        return trial

    def held(self, trial: optuna.Trial) -> AbstractContextManager[None]:
        return held(lambda: renew(trial, self.lease_sec), self.lease_sec)

    def best_params(self) -> Mapping[str, Any] | None:
        return best_params(self.study)

    def finish(
        self, trial: optuna.Trial, values: Sequence[float] = (), *, pruned: bool = False, error: str | None = None
    ) -> Outcome:
        with signals_held_back():
            ended = finish(self.study, trial.number, values, pruned=pruned, error=error)
        final = None if ended.values is None else tuple(ended.values)
        return Outcome(ended.number, ended.state.name.lower(), ended.params, final, ended.user_attrs.get(ERROR_ATTR))

    def give_up(self, trial: optuna.Trial, reason: str) -> None:
        with signals_held_back():
            give_up(self.study, trial.number, reason)
