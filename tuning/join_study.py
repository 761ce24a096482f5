"""`tune.py worker`: trials of a study that another process began, through its storage or through the service."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from memoryqa.errors import UsageError
from tuning.client import TunerClient
from tuning.errors import StudyError
from tuning.measuring.run_trial import benchmark_options, build_run_trial
from tuning.measuring.trial import benchmark_of
from tuning.service.token import service_token
from tuning.service.trial import run_service_worker
from tuning.studies.source import Outcome, RunTrial
from tuning.studies.storage import open_storage
from tuning.studies.study import load_study
from tuning.studies.worker import run_worker

PATIENCE_SEC = 60.0  # a service that is restarted, or moved


def join_study(args: argparse.Namespace) -> dict[str, Any]:
    """Run trials until the study has `args.n_trials`; returns how many of each kind this process ran."""
    if args.n_trials < 1:
        raise UsageError(f"--n-trials must be at least 1, got {args.n_trials}")
    limits: dict[str, Any] = {"n_trials": args.n_trials, "timeout_sec": args.timeout, "on_trial": _print_outcome}
    if args.service is not None:
        with TunerClient(args.service, token=service_token(), patience_sec=PATIENCE_SEC) as client:
            run_trial = _run_trial(client.study(args.study)["settings"], args)
            report = run_service_worker(client, args.study, run_trial, **limits)
    else:
        study, spec = load_study(open_storage(args.storage), args.study)
        report = run_worker(study, _run_trial(spec.settings, args), **limits)
    print(f"{args.study}: {report.completed} complete, {report.pruned} pruned, {report.failed} failed", file=sys.stderr)
    return {"study": args.study, **asdict(report)}


def _run_trial(settings: Mapping[str, Any], args: argparse.Namespace) -> RunTrial:
    """The study's measurement on this machine's data, opened now: wrong data stop this worker, and fail no trial of the
    study. Raises StudyError, and DataError for other data than the study's."""
    if "objective" not in settings:
        raise StudyError(f"the study {args.study} was not made by tune.py: it does not say what to measure")
    cache: Path | None = None if args.no_cache else args.cache
    benchmark_of(benchmark_options(settings, args.data, cache))
    return build_run_trial(settings, data=args.data, cache=cache)


def _print_outcome(outcome: Outcome) -> None:
    values = " ".join(f"{value:.4f}" for value in outcome.values or ())
    print(f"trial {outcome.number}: {outcome.state} {outcome.error or values}", file=sys.stderr)
