"""A study and all that its trials depend on: the search space, the seed, the sampler, what is measured.

Optuna keeps neither the sampler nor the space with a study. Here a `StudySpec` is saved with it, so that any process,
on any machine, after any restart, resumes exactly that study. Another spec under the same name is refused.
"""

from __future__ import annotations

import json
import re
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import optuna
from optuna.exceptions import DuplicatedStudyError, ExperimentalWarning
from optuna.study import StudyDirection

from tuning.errors import ForeignStudyError, StudyError, StudyMismatchError, UnknownStudyError
from tuning.space import SearchSpace
from tuning.studies.constants import DIRECTIONS, NAME_PATTERN, PRUNERS, SAMPLERS
from tuning.studies.samplers import TrialSeededSampler, build_pruner

SPEC_ATTR = "tuning_spec"
_CREATION_SEC = 2.0
_MAX_SEED = 2**53  # the largest that JSON readers agree on


@dataclass(frozen=True)
class StudySpec:
    """What defines a study: the same spec and the same measurements give the same trials.

    directions: one per objective. settings: what is measured, a JSON object that is kept with the study and handed to
    its workers, and means nothing here. With several objectives Optuna cannot prune
    (optuna/optuna#3450). Raises StudyError for anything that cannot be a study.
    """

    name: str
    space: SearchSpace
    directions: tuple[str, ...] = ("maximize",)
    seed: int = 0
    sampler: str = "tpe"
    pruner: str = "none"
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch(NAME_PATTERN, self.name):
            raise StudyError(
                f"the study name {self.name!r} is not usable; take 1 to 64 letters, digits, '.', '_' or '-', the first "
                "a letter or a digit"
            )
        if not self.directions or set(self.directions) - set(DIRECTIONS):
            raise StudyError(f"directions must be of {', '.join(DIRECTIONS)}, got {list(self.directions)}")
        if not 0 <= self.seed <= _MAX_SEED:
            raise StudyError(f"the seed must be in 0..2^53, got {self.seed}")
        if self.sampler not in SAMPLERS:
            raise StudyError(f"no sampler {self.sampler!r}; there are {', '.join(SAMPLERS)}")
        if self.pruner not in PRUNERS:
            raise StudyError(f"no pruner {self.pruner!r}; there are {', '.join(PRUNERS)}")
        if len(self.directions) > 1 and self.pruner != "none":
            raise StudyError(f"the pruner {self.pruner} works with one objective, got {len(self.directions)}")

    def as_json(self) -> dict[str, Any]:
        """JSON types only, without the name, which the storage keeps."""
        return {
            "space": self.space.as_json(),
            "directions": list(self.directions),
            "seed": self.seed,
            "sampler": self.sampler,
            "pruner": self.pruner,
            "settings": dict(self.settings),
        }

    @classmethod
    def from_json(cls, name: str, saved: Mapping[str, Any]) -> Self:
        """The spec from the JSON of `as_json`."""
        fields = {**saved, "space": SearchSpace.from_json(saved["space"]), "directions": tuple(saved["directions"])}
        return cls(name, **fields)


def open_study(storage: optuna.storages.BaseStorage, spec: StudySpec) -> optuna.Study:
    """The study of this spec: a new one, with the space's defaults waiting as trial 0, or the existing one.

    Raises StudyMismatchError when a study of that name has another spec.
    """
    try:
        study = optuna.create_study(storage=storage, study_name=spec.name, directions=_directions(spec))
    except DuplicatedStudyError:
        study, saved = load_study(storage, spec.name)
        if difference := _difference(saved.as_json(), json.loads(json.dumps(spec.as_json()))):
            raise StudyMismatchError(
                f"the study {spec.name!r} has another {difference}; take another study name, or delete that study"
            ) from None
        return study
    study.enqueue_trial(spec.space.defaults())
    study.set_user_attr(SPEC_ATTR, spec.as_json())  # last: from now on others may open it
    return _equipped(study, spec)


def name_values(study: optuna.Study, names: Sequence[str]) -> None:
    """Name the study's objectives, one name each: dashboards and plots show them in place of "Objective 0"."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names(list(names))


def load_study(storage: optuna.storages.BaseStorage, name: str) -> tuple[optuna.Study, StudySpec]:
    """The study with its own sampler and pruner. Raises UnknownStudyError and ForeignStudyError."""
    try:
        study = optuna.load_study(storage=storage, study_name=name, sampler=optuna.samplers.RandomSampler())
    except KeyError:
        known = ", ".join(study_names(storage)) or "none"
        raise UnknownStudyError(f"no study {name!r} in this storage; there are: {known}") from None
    spec = StudySpec.from_json(name, _saved_spec(study))
    return _equipped(study, spec), spec


def study_names(storage: optuna.storages.BaseStorage) -> list[str]:
    """Names of all studies in the storage, including those that other programs made."""
    return sorted(study.study_name for study in storage.get_all_studies())


def delete_study(storage: optuna.storages.BaseStorage, name: str) -> None:
    """Remove the study with its trials. Raises UnknownStudyError."""
    if name not in study_names(storage):
        raise UnknownStudyError(f"no study {name!r} in this storage")
    optuna.delete_study(storage=storage, study_name=name)


def attach_trial(study: optuna.Study, number: int) -> optuna.Trial:
    """The running trial `number`, which another process may have asked for."""
    storage = study._storage
    return optuna.Trial(study, storage.get_trial_id_from_study_id_trial_number(study._study_id, number))


def best_params(study: optuna.Study) -> dict[str, Any] | None:
    """Parameters of the best completed trial; None when there is none yet, or no single best."""
    if len(study.directions) > 1:
        return None
    try:
        return study.best_trial.params
    except ValueError:
        return None


def _directions(spec: StudySpec) -> list[StudyDirection]:
    return [StudyDirection[direction.upper()] for direction in spec.directions]


def _equipped(study: optuna.Study, spec: StudySpec) -> optuna.Study:
    study.sampler = TrialSeededSampler(spec.sampler, spec.seed)
    study.pruner = build_pruner(spec.pruner)
    return study


def _saved_spec(study: optuna.Study) -> dict[str, Any]:
    """The spec. Waits for it while another process is creating the study."""
    give_up = time.monotonic() + _CREATION_SEC
    while True:
        saved: dict[str, Any] | None = study.user_attrs.get(SPEC_ATTR)
        if saved is not None:
            return saved
        if time.monotonic() > give_up:
            raise ForeignStudyError(
                f"the study {study.study_name!r} was not made by tune.py or its service, or its making was cut short; "
                "take another name, or delete it"
            )
        time.sleep(0.05)


def _difference(saved: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """The first difference between two specs as JSON, with both values; empty when they are equal."""
    for name in (*saved, *asked):
        if saved.get(name) == asked.get(name):
            continue
        if name == "settings":
            return _difference(saved[name], asked[name])
        if name == "space":
            ours, theirs = ({one["name"]: one for one in spec[name]["parameters"]} for spec in (saved, asked))
            return f"search space ({_difference(ours, theirs) or 'another order of parameters'})"
        return f"{name} ({saved.get(name, 'none')}, not {asked.get(name, 'none')})"
    return ""
