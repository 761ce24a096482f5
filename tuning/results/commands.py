"""`tune.py status | best | list | pareto | importance | export | delete`: what stands in a storage."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage

    from tuning.studies.study import StudySpec


def run_study_command(args: argparse.Namespace) -> dict[str, Any]:
    """A table on stderr; returns the same as JSON. Raises ValueError for a study that is not there, or cannot tell."""
    from rich.console import Console

    from tuning.studies.storage import open_storage
    from tuning.studies.study import delete_study, load_study

    storage = open_storage(args.storage)
    console = Console(stderr=True, highlight=False)
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
    return _export(study, args.output)


def _list(storage: BaseStorage, console: Any) -> dict[str, Any]:
    from tuning.results.tables import rows_table

    rows = [
        {"study": one.study_name, "trials": one.n_trials, "objectives": len(one.directions)}
        for one in _summaries(storage)
    ]
    console.print(rows_table(rows) if rows else "no studies")
    return {"studies": rows}


def _summaries(storage: BaseStorage) -> list[Any]:
    import optuna

    return sorted(optuna.get_all_study_summaries(storage), key=lambda one: one.study_name)


def _status(study: Study, spec: StudySpec, console: Any) -> dict[str, Any]:
    from tuning.results.tables import rows_table
    from tuning.results.views import study_view

    view = study_view(study, spec)
    console.print(rows_table([view["trials"]]))
    shown = {key: view[key] for key in ("name", "best_value", "sampler", "pruner", "seed", "directions", "settings")}
    told = {key: value for key, value in shown["settings"].items() if key != "space"}
    console.print(f"{view['name']}: best value {view['best_value']}, {told}", soft_wrap=True, markup=False)
    return view


def _best(study: Study, console: Any) -> dict[str, Any]:
    from tuning.presets import settings_of
    from tuning.results.tables import trial_table
    from tuning.results.views import best_trial

    if len(study.directions) > 1:
        raise ValueError(f"study {study.study_name} trades two objectives: see tune.py pareto {study.study_name}")
    best = best_trial(study)
    if best is None:
        raise ValueError(f"study {study.study_name} has no complete trial yet")
    console.print(trial_table([best]))
    overrides = settings_of(best.params).overrides()
    console.print(json.dumps(overrides), soft_wrap=True, markup=False)
    return {"study": study.study_name, "number": best.number, "value": best.value, "params": best.params, **overrides}


def _importance(study: Study, console: Any) -> dict[str, Any]:
    from tuning.results.tables import rows_table
    from tuning.results.views import importances

    shares = importances(study)
    if shares is None:
        raise ValueError(f"study {study.study_name}: too few complete trials with different values to tell")
    console.print(rows_table([{"parameter": name, "share": f"{share:.3f}"} for name, share in shares.items()]))
    return {"study": study.study_name, "importance": shares}


def _pareto(study: Study, console: Any, budget_tokens: int, plot: Path | None) -> dict[str, Any]:
    from tuning.results.conclusion import front_document, points_of
    from tuning.results.pareto import plot_front
    from tuning.results.tables import rows_table

    points = points_of(study)
    if not points:
        raise ValueError(f"study {study.study_name} has one objective, or no complete trial: see python tune.py best")
    document = front_document(points, budget_tokens)
    console.print(rows_table(document["front"]))
    if plot is not None:
        plot_front(points, plot, budget=budget_tokens)
    return {"study": study.study_name, **document}


def _export(study: Study, output: Path) -> dict[str, Any]:
    from tuning.results.conclusion import trial_rows, write_trials

    rows = trial_rows(study)
    if output.suffix == ".csv":
        write_trials(output, rows)
    elif output.suffix == ".json":
        output.write_text(json.dumps(rows, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    else:
        raise ValueError(f"--output {output}: end it in .csv or .json")
    return {"study": study.study_name, "trials": len(rows), "output": str(output)}
