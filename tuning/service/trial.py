"""Trials through the tuning service, for a worker that cannot reach the storage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

from tuning.client import TunerClient
from tuning.errors import StudyError
from tuning.studies.constants import LEASE_SEC, MAX_REPORTS
from tuning.studies.leases import ERROR_ATTR, held
from tuning.studies.source import Outcome, RunTrial
from tuning.studies.worker import WorkerReport, new_worker_id, work


class ServiceTrial:
    """What measuring needs of an `optuna.Trial`; the service has chosen its parameters.

    Reports and attributes are sent by `should_prune` and at the trial's end, not one by one.
    """

    def __init__(self, client: TunerClient, study_name: str, suggested: Mapping[str, Any], lease_sec: float) -> None:
        self.number: int = suggested["number"]
        self.params: dict[str, Any] = dict(suggested["params"])
        self._client, self._study_name, self._lease_sec = client, study_name, lease_sec
        self._reports: dict[int, float] = {}
        self._user_attrs: dict[str, Any] = {}

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        return float(self._suggested(name))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        return int(self._suggested(name))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._suggested(name)

    def report(self, value: float, step: int) -> None:
        self._reports[step] = float(value)

    def set_user_attr(self, key: str, value: Any) -> None:
        self._user_attrs[key] = value

    def should_prune(self) -> bool:
        """Raises TrialLostError when the lease has run out."""
        return self.send()

    def send(self) -> bool:
        """Send reports and attributes, renew the lease, and return whether to prune."""
        reports, attrs = list(self._reports.items()), self._user_attrs
        self._reports, self._user_attrs = {}, {}
        while len(reports) > MAX_REPORTS:
            self._client.report(self._study_name, self.number, dict(reports[:MAX_REPORTS]), lease_sec=self._lease_sec)
            del reports[:MAX_REPORTS]
        return self._client.report(
            self._study_name, self.number, dict(reports), user_attrs=attrs, lease_sec=self._lease_sec
        )

    def _suggested(self, name: str) -> Any:
        if name not in self.params:
            raise StudyError(
                f"the study {self._study_name!r} has no parameter {name!r}; it has {', '.join(self.params)}"
            )
        return self.params[name]


@dataclass
class ServiceTrials:
    """The trials of a study through the service: a `tuning.studies.source.TrialSource`."""

    client: TunerClient
    study_name: str
    worker_id: str
    lease_sec: float = LEASE_SEC
    _best_params: Mapping[str, Any] | None = None

    def settled(self) -> int:
        return int(self.client.study(self.study_name)["settled"])

    def take(self, n_trials: int) -> ServiceTrial | None:
        suggested = self.client.suggest_within(self.study_name, self.worker_id, n_trials, lease_sec=self.lease_sec)
        if suggested is None:
            return None
        self._best_params = suggested["best_params"]
        return ServiceTrial(self.client, self.study_name, suggested, self.lease_sec)

    def held(self, trial: ServiceTrial) -> AbstractContextManager[None]:
        # a report without values, and not another `suggest`: that would take a new trial if this one were lost
        renew = partial(self.client.report, self.study_name, trial.number, {}, lease_sec=self.lease_sec)
        return held(renew, self.lease_sec)

    def best_params(self) -> Mapping[str, Any] | None:
        return self._best_params

    def finish(
        self, trial: ServiceTrial, values: Sequence[float] = (), *, pruned: bool = False, error: str | None = None
    ) -> Outcome:
        trial.send()
        if error is not None:
            ended = self.client.fail(self.study_name, trial.number, error)
        elif pruned:
            ended = self.client.prune(self.study_name, trial.number)
        else:
            ended = self.client.complete(self.study_name, trial.number, values)
        final = None if ended["values"] is None else tuple(ended["values"])
        return Outcome(trial.number, ended["state"], trial.params, final, ended["user_attrs"].get(ERROR_ATTR))

    def give_up(self, trial: ServiceTrial, reason: str) -> None:
        self.client.fail(self.study_name, trial.number, reason, lost=True)


def run_service_worker(
    client: TunerClient,
    study_name: str,
    run_trial: RunTrial,
    *,
    n_trials: int,
    timeout_sec: float | None = None,
    worker_id: str | None = None,
    on_trial: Callable[[Outcome], None] | None = None,
    lease_sec: float = LEASE_SEC,
) -> WorkerReport:
    """`tuning.studies.worker.work` on a study of the service. Also raises the client's errors."""
    source = ServiceTrials(client, study_name, worker_id or new_worker_id(), lease_sec)
    return work(source, run_trial, n_trials=n_trials, timeout_sec=timeout_sec, on_trial=on_trial)
