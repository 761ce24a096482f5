"""`tune.py status | best | list | pareto | importance | export | delete`: the contents of a storage."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import optuna
from optuna import Study
from optuna.storages import BaseStorage
from rich.console import Console

from harness.terminal import rows_table, stderr_console
from memoryqa.errors import UsageError
from tuning.errors import StudyError
from tuning.presets import settings_of
from tuning.results.conclusion import default_line_of, points_of, writing
from tuning.results.document import front_document, trial_rows, write_trials
from tuning.results.pareto import plot_front
from tuning.results.tables import front_lines, trial_table
from tuning.results.views import best_trial, importances, study_view
from tuning.studies.storage import open_storage
from tuning.studies.study import StudySpec, delete_study, load_study
from tuning.studies.worker import storage_failures


def run_study_command(args: argparse.Namespace) -> dict[str, Any]:
    """Print a table on stderr; returns the same as JSON. Raises StudyError for an unknown study, or a question that it
    cannot answer."""
    with storage_failures():
        return _run(args)


def _run(args: argparse.Namespace) -> dict[str, Any]:
    storage = open_storage(args.storage)
    console = stderr_console(highlight=False)
    if args.command == "list":
        return _list(storage, console)
    if args.command == "delete":
        delete_study(storage, args.study)
        console.print(f"deleted: {args.study}", markup=False)
        return {"study": args.study, "deleted": True}
    study, spec = load_study(storage, args.study)
    if args.command == "status":
        return _status(study, spec, console)
    if args.command == "best":
        return _best(study, console)
    if args.command == "importance":
        return _importance(study, console)
    if args.command == "pareto":
        return _pareto(study, console, args.budget_tokens, args.output)
    return _export(study, console, args.output)


def _list(storage: BaseStorage, console: Console) -> dict[str, Any]:
    summaries = sorted(optuna.get_all_study_summaries(storage), key=lambda one: one.study_name)
    rows = [{"study": one.study_name, "trials": one.n_trials, "objectives": len(one.directions)} for one in summaries]
    console.print(rows_table(rows) if rows else "no studies")
    return {"studies": rows}


def _status(study: Study, spec: StudySpec, console: Console) -> dict[str, Any]:
    view = study_view(study, spec)
    console.print(rows_table([view["trials"]]))
    settings = {key: value for key, value in view["settings"].items() if key != "space"}
    console.print(f"{view['name']}: best value {view['best_value']}, {settings}", soft_wrap=True, markup=False)
    return view


def _best(study: Study, console: Console) -> dict[str, Any]:
    if len(study.directions) > 1:
        raise StudyError(f"study {study.study_name} trades two objectives: see tune.py pareto {study.study_name}")
    best = best_trial(study)
    if best is None:
        raise StudyError(f"study {study.study_name} has no complete trial yet")
    console.print(trial_table([best]))
    overrides = settings_of(best.params).overrides()
    console.print(json.dumps(overrides), soft_wrap=True, markup=False)
    return {"study": study.study_name, "number": best.number, "value": best.value, "params": best.params, **overrides}


def _importance(study: Study, console: Console) -> dict[str, Any]:
    shares = importances(study)
    if shares is None:
        raise StudyError(f"study {study.study_name}: too few complete trials with different values")
    console.print(rows_table([{"parameter": name, "share": f"{share:.3f}"} for name, share in shares.items()]))
    return {"study": study.study_name, "importance": shares}


def _pareto(study: Study, console: Console, budget_tokens: int, plot: Path | None) -> dict[str, Any]:
    points, default_line = points_of(study), default_line_of(study)
    if not points:
        raise StudyError(f"study {study.study_name} has one objective, or no complete trial: see python tune.py best")
    document = front_document(points, budget_tokens, default_line)
    console.print(rows_table(document["front"]))
    for line in front_lines(points, budget_tokens, default_line):
        console.print(line, soft_wrap=True, markup=False)
    if plot is not None:
        with writing(plot):
            plot_front(points, plot, budget=budget_tokens, default_line=default_line)
    return {"study": study.study_name, **document}


def _export(study: Study, console: Console, output: Path) -> dict[str, Any]:
    if output.suffix not in (".csv", ".json"):
        raise UsageError(f"--output {output}: end it in .csv or .json")
    rows = trial_rows(study)
    with writing(output):
        write_trials(output, rows)
    console.print(f"{len(rows)} trials: {output}", soft_wrap=True, markup=False)
    return {"study": study.study_name, "trials": len(rows), "output": str(output)}
