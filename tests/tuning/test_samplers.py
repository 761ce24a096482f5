"""Proposals depend on the study's seed and the trial's number: restarts, storages and services change nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import num_examples
from tuning_objective import SPACE, run_trial

from tuning.studies.constants import PRUNERS, SAMPLERS
from tuning.studies.samplers import TrialSeededSampler, build_pruner, trial_seed
from tuning.studies.storage import open_storage
from tuning.studies.study import StudySpec, attach_trial, open_study
from tuning.studies.worker import run_worker

Trials = list[tuple[int, dict[str, Any], list[float] | None]]


def trials_of(location: Path | str, spec: StudySpec, stops: tuple[int, ...]) -> Trials:
    """The trials of a study that is opened afresh at every stop."""
    for n_trials in stops:
        study = open_study(open_storage(location), spec)
        run_worker(study, run_trial, n_trials=n_trials)
    return [(trial.number, trial.params, trial.values) for trial in study.trials]


@pytest.mark.slow
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_study_that_was_interrupted_has_the_trials_of_one_that_ran_through(tmp_path: Path, sampler: str) -> None:
    spec = StudySpec("mine", SPACE, seed=11, sampler=sampler)
    through = trials_of(tmp_path / "through.journal", spec, (25,))
    stopped = trials_of(tmp_path / "stopped.journal", spec, (1, 9, 10, 17, 25))
    assert through == stopped
    assert len({str(params) for _, params, _ in through}) == 25


@pytest.mark.slow
def test_the_storage_does_not_change_the_trials(tmp_path: Path) -> None:
    spec = StudySpec("mine", SPACE, seed=11)
    assert trials_of(tmp_path / "a.journal", spec, (14,)) == trials_of(f"sqlite:///{tmp_path}/a.db", spec, (14,))


def test_another_seed_gives_other_trials_after_the_same_defaults(tmp_path: Path) -> None:
    first = trials_of(tmp_path / "a.journal", StudySpec("mine", SPACE, seed=1), (6,))
    second = trials_of(tmp_path / "b.journal", StudySpec("mine", SPACE, seed=2), (6,))
    assert first[0] == second[0]
    assert all(one != other for one, other in zip(first[1:], second[1:], strict=True))


def test_a_trial_asked_half_is_completed_elsewhere_with_the_same_values(tmp_path: Path) -> None:
    """What a service does that restarts between two parameters."""
    spec = StudySpec("mine", SPACE, seed=4, sampler="random")
    whole = open_study(open_storage(tmp_path / "a.journal"), spec)
    half = open_study(open_storage(tmp_path / "b.journal"), spec)
    for study in (whole, half):
        run_worker(study, run_trial, n_trials=1)
    asked = half.ask()
    asked.suggest_float("x", -2.0, 2.0)
    attached = attach_trial(open_study(open_storage(tmp_path / "b.journal"), spec), asked.number)
    assert SPACE.suggest(attached) == SPACE.suggest(whole.ask())


def test_the_parameters_of_a_trial_do_not_move_together() -> None:
    sampler = TrialSeededSampler("random", 0)
    study = optuna.create_study(storage=optuna.storages.InMemoryStorage(), sampler=sampler)
    pairs = [
        (trial.suggest_float("a", 0, 1), trial.suggest_float("b", 0, 1)) for trial in (study.ask() for _ in "1234")
    ]
    assert all(abs(a - b) > 1e-6 for a, b in pairs)


@given(seed=st.integers(0, 2**53), number=st.integers(0, 10**6))
@settings(max_examples=num_examples(50))
def test_seeds_of_neighbouring_trials_differ_and_fit_numpy(seed: int, number: int) -> None:
    here = trial_seed(seed, number)
    assert 0 <= here < 2**32
    assert here == trial_seed(seed, number)
    assert len({here, trial_seed(seed, number + 1), trial_seed(seed + 1, number), trial_seed(seed, number, "x")}) == 4


def test_every_pruner_is_built() -> None:
    built = {name: build_pruner(name) for name in PRUNERS}
    assert isinstance(built["none"], optuna.pruners.NopPruner)
    assert isinstance(built["wilcoxon"], optuna.pruners.WilcoxonPruner)
    assert isinstance(built["median"], optuna.pruners.MedianPruner)


def test_wilcoxon_stops_a_trial_that_is_worse_on_question_after_question(tmp_path: Path) -> None:
    study = open_study(open_storage(tmp_path / "a.journal"), StudySpec("mine", SPACE, pruner="wilcoxon"))
    good, bad = (study.ask() for _ in range(2))
    for question in range(30):
        good.report(0.9, question)
    study.tell(good, 0.9)
    stopped_at = next(n for n in range(30) if bad.report(0.5, n) or bad.should_prune())  # type: ignore[func-returns-value]
    assert stopped_at == 19, "the twentieth question is the first that may stop a trial"
