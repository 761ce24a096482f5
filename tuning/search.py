"""The search: opens or resumes a study, runs its trials here and in further processes, and concludes it."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from optuna import Study

from harness.progress import counting
from harness.runs import CONFIG, MANIFEST, Run, RunFolderError, manifest_environment
from harness.tracking.tracker import open_tracker
from locomo.dataset import absolute, find
from memoryqa.errors import MissingExtraError, UsageError
from tuning.config import TuningConfig
from tuning.errors import StudyError
from tuning.measuring.run_trial import benchmark_options, build_run_trial, study_settings
from tuning.measuring.trial import BenchmarkOptions, benchmark_of
from tuning.objectives import Objective
from tuning.presets import preset
from tuning.results.conclusion import complete_trials, conclude, describe, write_results
from tuning.results.document import TuningDocument, trial_rows
from tuning.results.tables import print_conclusion
from tuning.results.tracking import track_results, track_settings
from tuning.studies.leases import was_lost
from tuning.studies.source import Outcome
from tuning.studies.storage import hide_password, open_storage, sole_tuner
from tuning.studies.study import StudySpec, name_values, open_study, study_names
from tuning.studies.worker import extra_workers, run_worker, storage_failures


def search(config: TuningConfig, args: argparse.Namespace) -> TuningDocument:
    """Run a study to its number of trials, conclude it and write its files; returns the document that is printed.

    `args`: storage, study, resume, output, engine, cache, no_cache, mlflow_uri, no_mlflow. Raises UsageError for bad
    input, and what tuning/studies/worker.py raises.
    """
    started = datetime.now(UTC)
    name = args.study or f"{config.objective}-{config.space}-{started:%Y%m%dT%H%M%SZ}"
    if args.resume and args.study is None:
        raise UsageError("--resume needs the name of its study: add --study (python tune.py list shows them)")
    args.study = name  # for the line of an end that was not asked for
    with _cache_file(args) as cache:
        spec, options = _spec(name, config, cache)
        with sole_tuner(args.storage, name), storage_failures():
            storage = open_storage(args.storage)
            known = study_names(storage)
            if args.resume and name not in known:
                there = ", ".join(sorted(known)) or "none"
                raise StudyError(f"there is no study {name} to resume; there are: {there}")
            if name in known and not args.resume:
                raise StudyError(f"study {name} exists already: resume it by --resume, or name another by --study")
            study = open_study(storage, spec)
            name_values(study, Objective(config.objective, config.budget_tokens).value_names)
            run = _open_run(args.output or Path("runs/tuning") / name, name, config, args.storage, options)
            with open_tracker(
                args.mlflow_uri,
                enabled=not args.no_mlflow,
                run_name=f"tune {name}",
                run_dir=run.run_dir,
                resume=args.resume,
                add_later=f"the same command with --study {name} --resume",
            ) as tracker:
                track_settings(tracker, run, name, config)
                _run(study, spec, config, args, options)
                conclusion = conclude(
                    study,
                    spec.space,
                    replace(options, cache=cache),  # no time is measured any more
                    promote_on=config.promote_on,
                    budget_tokens=config.budget_tokens,
                )
                seconds = (datetime.now(UTC) - started).total_seconds()
                document = describe(study, config, spec.space, conclusion, seconds=seconds, output=run.run_dir)
                write_results(run, study, conclusion, document)
                track_results(tracker, run, document, trial_rows(study))
    print_conclusion(study, config, conclusion, document)
    return document


def _open_run(folder: Path, name: str, config: TuningConfig, storage: str, options: BenchmarkOptions) -> Run:
    """The folder of the results, with what is asked for and where the numbers come from. A folder of an earlier search
    is used again: the study is in its storage, and everything else is made anew."""
    dataset = benchmark_of(options).dataset
    manifest = {
        **manifest_environment(),
        "data": {"path": str(dataset.path), "sha256": dataset.sha256, "notes": list(dataset.notes)},
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        run = Run(folder)
        run.write_json(MANIFEST, manifest)
        run.write_json(CONFIG, {"study": name, "storage": hide_password(storage), "tuning": asdict(config)})
    except OSError as error:
        raise RunFolderError(f"{folder} cannot be written ({error.strerror}): name another by --output") from error
    return run


def _spec(name: str, config: TuningConfig, cache: Path) -> tuple[StudySpec, BenchmarkOptions]:
    objective = Objective(config.objective, config.budget_tokens)
    space = preset(config.space, with_budget=config.objective == "pareto")
    dataset = find(config.data, config.format)
    for note in dataset.notes:
        print(note, file=sys.stderr)
    settings = study_settings(
        objective,
        space,
        split=config.split,
        categories=tuple(sorted(dataset.kinds.counted)),
        data_sha256=dataset.sha256,
        pruner=config.resolved_pruner,
        data_format=config.format,
    )
    data = None if config.data is None else absolute(config.data)
    options = benchmark_options(settings, data, cache)
    benchmark_of(options)  # wrong data or a wrong split fail here, once, and not in every trial
    spec = StudySpec(name, space, objective.directions, config.seed, config.sampler, config.resolved_pruner, settings)
    return spec, options


def _run(
    study: Study, spec: StudySpec, config: TuningConfig, args: argparse.Namespace, options: BenchmarkOptions
) -> None:
    """Run the missing trials in this process and `n_jobs - 1` further ones, or through Ray."""
    finished = sum(trial.state.is_finished() and not was_lost(trial) for trial in study.get_trials(deepcopy=False))
    with counting("tuning", total=config.n_trials, completed=min(finished, config.n_trials)) as advance:

        def on_trial(outcome: Outcome) -> None:
            done = complete_trials(study)
            shown = f"best {study.best_value:.4f}" if done and len(study.directions) == 1 else f"{len(done)} complete"
            advance(shown if outcome.error is None else f"trial {outcome.number} failed: {outcome.error}")

        limits: dict[str, Any] = {"n_trials": config.n_trials, "timeout_sec": config.timeout, "on_trial": on_trial}
        make = partial(build_run_trial, spec.settings, data=options.data, cache=options.cache)
        if args.engine == "ray":
            _run_with_ray(args.storage, study.study_name, make, config.n_jobs, limits)
            return
        others: AbstractContextManager[None] = nullcontext()
        if config.n_jobs > 1:
            others = extra_workers(_worker_command(study.study_name, config, args.storage, options), config.n_jobs - 1)
        with others:
            run_worker(study, make(), **limits)


def _run_with_ray(storage: str, study_name: str, make: Callable[[], Any], n_jobs: int, limits: dict[str, Any]) -> None:
    try:
        from tuning.ray_engine import run_with_ray
    except ModuleNotFoundError as error:
        raise MissingExtraError("ray", "--engine ray", in_checkout=True) from error
    run_with_ray(storage, study_name, make, n_jobs=n_jobs, **limits)


def _worker_command(study_name: str, config: TuningConfig, storage: str, options: BenchmarkOptions) -> list[str]:
    tune = str(Path(__file__).resolve().parent.parent / "tune.py")
    command = [sys.executable, tune, "worker", "--storage", storage, "--study", study_name]
    command += ["--n-trials", str(config.n_trials), "--end-with-stdin"]
    command += ["--no-cache"] if options.cache is None else ["--cache", str(options.cache)]
    if config.timeout is not None:
        command += ["--timeout", str(config.timeout)]
    return command if options.data is None else [*command, "--data", options.data]


@contextmanager
def _cache_file(args: argparse.Namespace) -> Iterator[Path]:
    """The file that keeps measurements; with --no-cache a temporary one, since the conclusion asks again."""
    if not args.no_cache:
        yield args.cache.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="tuning-") as folder:
        yield Path(folder) / "measured.sqlite"
