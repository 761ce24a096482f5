"""The tuning service as a FastAPI application: workers ask for trials and report their outcomes over HTTP.

Every request loads its study from the storage, sampler, pruner and seed included, so that a restart forgets nothing.
Run one process per storage: the lock under which a worker's trial is looked up is the process's own.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import optuna
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial, TrialState
from pydantic import BaseModel
from starlette.middleware.trustedhost import TrustedHostMiddleware

from memoryqa.errors import UsageError
from tuning.errors import (
    ForeignStudyError,
    SpaceError,
    StorageUnavailableError,
    StudyMismatchError,
    TrialLostError,
    UnknownStudyError,
)
from tuning.presets import PRESETS
from tuning.results.views import best_trial, importances, study_view, trial_view
from tuning.service.requests import MAX_NUMBER, Complete, Fail, NewStudy, Report, StudyName, Suggest
from tuning.space import SearchSpace
from tuning.studies.constants import STATES
from tuning.studies.leases import ask, ask_within, expire, finish, give_up, held_by, renew
from tuning.studies.storage import failure_text
from tuning.studies.study import SPEC_ATTR, StudySpec, attach_trial, best_params, delete_study, load_study, open_study

LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")
_PAGE = 1_000

State = Literal[STATES]  # type: ignore[valid-type]
Name = Annotated[StudyName, Path(examples=["standard"])]
Number = Annotated[int, Path(ge=0, le=MAX_NUMBER, examples=[0])]


class Problem(BaseModel):
    """An error in one line."""

    detail: str


_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body is no JSON"},
    401: {"model": Problem, "description": "No token, or a wrong one"},
    404: {"model": Problem, "description": "No such study or trial"},
    409: {"model": Problem, "description": "The study or the trial is not in a state for this"},
    422: {"model": Problem, "description": "A parameter or the body is not usable"},
    503: {"model": Problem, "description": "The storage does not answer"},
}
_STATUS: dict[type[Exception], int] = {
    UnknownStudyError: 404,
    ForeignStudyError: 409,
    StudyMismatchError: 409,
    TrialLostError: 409,
    StorageInternalError: 503,
    StorageUnavailableError: 503,
}
_BEARER = HTTPBearer(auto_error=False, description="The token in MEMORY_TUNER_TOKEN, if the service has one")


@dataclass(frozen=True)
class _Shelf:
    """The storage, and a lock for requests that read and then write."""

    storage: optuna.storages.BaseStorage
    lock: threading.RLock = field(default_factory=threading.RLock)


def _shelf(request: Request) -> _Shelf:
    shelf: _Shelf = request.app.state.shelf
    return shelf


Shelf = Annotated[_Shelf, Depends(_shelf)]


def _guard(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]) -> None:
    """Refuse requests without the service's token, if it has one."""
    token: str | None = request.app.state.token
    sent = given.credentials if given else ""
    if token is not None and not hmac.compare_digest(sent.encode(), token.encode()):
        raise HTTPException(
            401, "send the service's token: Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"}
        )


router = APIRouter(dependencies=[Depends(_guard)], responses=_PROBLEMS)
health = APIRouter(responses={503: _PROBLEMS[503]})


def build_app(storage: optuna.storages.BaseStorage, *, token: str | None = None) -> FastAPI:
    """The service on `storage`. Without a token it answers only loopback host names, which keeps web pages out."""
    app = FastAPI(title="Memory tuner", docs_url=None, redoc_url=None)  # those pages would load scripts from a CDN
    app.state.shelf, app.state.token = _Shelf(storage), token
    if token is None:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(LOOPBACK))
    app.add_exception_handler(RequestValidationError, _refuse_request)
    for kind in _STATUS:
        app.add_exception_handler(kind, _refuse)
    app.include_router(health)
    app.include_router(router)
    return app


@health.get("/health")
def check_health(shelf: Shelf) -> dict[str, str]:
    """Whether the service and its storage answer."""
    shelf.storage.get_all_studies()
    return {"status": "ok"}


@router.post("/studies", status_code=201, responses={200: {"description": "It existed already, with the same spec"}})
def create_study(body: NewStudy, shelf: Shelf, response: Response) -> dict[str, Any]:
    """Make a study, whose first trial has the space's defaults; or open an existing one of the same spec (else 409)."""
    try:
        spec = _spec(body)
    except UsageError as error:
        raise HTTPException(422, str(error)) from None
    with shelf.lock:
        if spec.name in (study.study_name for study in shelf.storage.get_all_studies()):
            response.status_code = 200
        return study_view(open_study(shelf.storage, spec), spec)


@router.get("/studies")
def list_studies(shelf: Shelf) -> list[dict[str, Any]]:
    """The studies that tune.py and this service made in the storage."""
    names = [study.study_name for study in shelf.storage.get_all_studies() if SPEC_ATTR in study.user_attrs]
    return [study_view(*_study(shelf, name)) for name in sorted(names)]


@router.get("/studies/{name}")
def get_study(name: Name, shelf: Shelf) -> dict[str, Any]:
    return study_view(*_study(shelf, name))


@router.delete("/studies/{name}", status_code=204)
def remove_study(name: Name, shelf: Shelf) -> None:
    """Remove a study with all its trials."""
    with shelf.lock:
        delete_study(shelf.storage, name)


@router.post(
    "/studies/{name}/suggest",
    response_model=dict[str, Any],
    responses={204: {"description": "Others hold the remaining trials of the study's `n_trials`", "model": None}},
)
def suggest(name: Name, body: Suggest, shelf: Shelf) -> Any:
    """A trial for this worker: the one it holds, with a new lease, or the next one."""
    with shelf.lock:
        study, spec = _study(shelf, name)
        trial = _next_trial(study, body)
        if trial is None:
            return Response(status_code=204)
        params = spec.space.suggest(trial)
        lease_until = renew(trial, body.lease_sec)
    return {"number": trial.number, "params": params, "lease_until": lease_until, "best_params": best_params(study)}


@router.post("/studies/{name}/trials/{number}/report")
def report(name: Name, number: Number, body: Report, shelf: Shelf) -> dict[str, bool]:
    """Report on a running trial, renew its lease, and get whether to prune it. Values need a study of one objective."""
    with shelf.lock:
        study, found = _trial(shelf, name, number)
        _require_running(found)
        if body.values and len(study.directions) > 1:
            raise HTTPException(409, f"the study {name!r} has several objectives: its trials cannot be pruned")
        trial = attach_trial(study, number)
        renew(trial, body.lease_sec)
        _annotate(trial, body.user_attrs)
        for step in sorted(body.values.keys() - found.intermediate_values.keys()):
            trial.report(body.values[step], step)
        return {"should_prune": bool(body.values) and trial.should_prune()}


@router.post("/studies/{name}/trials/{number}/complete")
def complete(name: Name, number: Number, body: Complete, shelf: Shelf) -> dict[str, Any]:
    """End a trial with its values: state `complete`, or `fail` when one of them is not a number."""
    with shelf.lock:
        study, found = _trial(shelf, name, number)
        if found.state == TrialState.COMPLETE and found.values == body.values:
            return trial_view(found)  # repeated by a worker that did not get the answer
        _require_running(found)
        if len(body.values) != len(study.directions):
            raise HTTPException(422, f"{len(body.values)} values for {len(study.directions)} objectives")
        _annotate(attach_trial(study, number), body.user_attrs)
        return trial_view(finish(study, number, body.values))


@router.post("/studies/{name}/trials/{number}/fail")
def fail(name: Name, number: Number, body: Fail, shelf: Shelf) -> dict[str, Any]:
    """End a trial that could not be measured."""
    with shelf.lock:
        study, found = _trial(shelf, name, number)
        if found.state != TrialState.FAIL:
            _require_running(found)
            if body.lost:
                give_up(study, number, body.error)
            else:
                finish(study, number, error=body.error)
        return trial_view(_trial(shelf, name, number)[1])


@router.post("/studies/{name}/trials/{number}/prune")
def prune(name: Name, number: Number, shelf: Shelf) -> dict[str, Any]:
    """End a trial that was not worth measuring to its end."""
    with shelf.lock:
        study, found = _trial(shelf, name, number)
        if found.state == TrialState.PRUNED:
            return trial_view(found)
        _require_running(found)
        return trial_view(finish(study, number, pruned=True))


@router.get("/studies/{name}/trials")
def list_trials(
    name: Name,
    shelf: Shelf,
    state: State | None = None,
    limit: Annotated[int, Query(ge=1, le=_PAGE)] = 100,
    offset: Annotated[int, Query(ge=0, le=MAX_NUMBER)] = 0,
) -> list[dict[str, Any]]:
    """Trials by number: `limit` of them, from the `offset`-th on."""
    study, _ = _study(shelf, name)
    states = None if state is None else (TrialState[state.upper()],)
    return [trial_view(trial) for trial in study.get_trials(deepcopy=False, states=states)[offset : offset + limit]]


@router.get("/studies/{name}/best")
def best(name: Name, shelf: Shelf) -> dict[str, Any]:
    """The best trial; 404 before there is one, 409 with several objectives, which have a front instead."""
    study, spec = _study(shelf, name)
    if len(spec.directions) > 1:
        raise HTTPException(409, f"the study {name!r} has several objectives and no single best: see pareto")
    trial = best_trial(study)
    if trial is None:
        raise HTTPException(404, f"no trial of the study {name!r} is complete yet")
    return trial_view(trial)


@router.get("/studies/{name}/pareto")
def pareto(name: Name, shelf: Shelf) -> list[dict[str, Any]]:
    """The trials that no other dominates: at least as good in all objectives, and better in one."""
    return [trial_view(trial) for trial in _study(shelf, name)[0].best_trials]


@router.get("/studies/{name}/importance")
def importance(name: Name, shelf: Shelf) -> dict[str, dict[str, float] | None]:
    """Shares of the parameters in what makes trials good; null while there are too few trials."""
    return {"importance": importances(_study(shelf, name)[0])}


def _spec(body: NewStudy) -> StudySpec:
    """Raises StudyError and SpaceError."""
    if (body.space is None) == (body.preset is None):
        raise SpaceError("give either a space or a preset")
    if body.preset is not None and body.preset not in PRESETS:
        raise SpaceError(f"no preset {body.preset!r}; there are {', '.join(PRESETS)}")
    space = SearchSpace.from_json(body.space) if body.preset is None else PRESETS[body.preset]
    return StudySpec(body.name, space, tuple(body.directions), body.seed, body.sampler, body.pruner, body.settings)


def _study(shelf: _Shelf, name: str) -> tuple[optuna.Study, StudySpec]:
    """The study, after the trials whose lease has run out were given up."""
    study, spec = load_study(shelf.storage, name)
    expire(study)
    return study, spec


def _next_trial(study: optuna.Study, body: Suggest) -> optuna.Trial | None:
    mine = held_by(study, body.worker_id)
    if mine is not None:
        return attach_trial(study, mine.number)
    if body.n_trials is None:
        return ask(study, body.worker_id)
    return ask_within(study, body.worker_id, body.n_trials)


def _trial(shelf: _Shelf, name: str, number: int) -> tuple[optuna.Study, FrozenTrial]:
    study, _ = _study(shelf, name)
    trials = study.get_trials(deepcopy=False)
    if number >= len(trials):
        raise HTTPException(404, f"no trial {number} in the study {name!r}, which has {len(trials)}")
    return study, trials[number]


def _require_running(trial: FrozenTrial) -> None:
    if trial.state != TrialState.RUNNING:
        raise HTTPException(409, f"trial {trial.number} is not running but {trial.state.name.lower()}")


def _annotate(trial: optuna.Trial, attrs: Mapping[str, Any]) -> None:
    for key, value in attrs.items():
        trial.set_user_attr(key, value)


def _refuse(request: Request, error: Exception) -> Response:
    status = next(status for kind, status in _STATUS.items() if isinstance(error, kind))
    detail = failure_text(error) if isinstance(error, StorageInternalError) else str(error)
    return JSONResponse({"detail": detail}, status)


def _refuse_request(request: Request, error: Exception) -> Response:
    """Where and why, without the value itself, which JSON may not be able to express."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return JSONResponse({"detail": f"{place}: {first['msg']}".encode("ascii", "backslashreplace").decode()}, 422)
