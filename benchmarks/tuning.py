"""What pruning question by question saves a search, and what it costs: the same studies with and without it.

    python -m benchmarks.tuning --seeds 0,1 --spaces quick,standard              # as published; train conversations
    python -m benchmarks.tuning --data data/sample.json --budget-tokens 300 --n-trials 20

Each study runs twice from the same seed: once with every trial answering every question, and once with Wilcoxon's test
ending trials that are worse than the best so far (tuning/measuring/pruning.py). The table shows the number of questions
asked, the best score that each found, and the score of trial 0. With `--without-default` the shipped default is not
trial 0: the search has to climb by itself, and better trials come more often. A temporary cache keeps what both ask, so
that it is measured once; that changes no number but the time.
"""

from __future__ import annotations

if __name__ == "__main__":  # first: what follows takes a second to load
    from memoryqa.terminal import quiet_while_loading

    quiet_while_loading("benchmarks.tuning")

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.questions import add_format_flag
from harness.commands import run_command
from tuning.presets import PRESETS


def run_study(args: argparse.Namespace, space_name: str, seed: int, pruner: str, cache: Path) -> dict[str, Any]:
    """One study in this process: its best score, and the number of questions that its trials asked."""
    import optuna

    from locomo.dataset import find
    from tuning.measuring.run_trial import build_run_trial, study_settings
    from tuning.objectives import Objective
    from tuning.presets import preset
    from tuning.studies.study import StudySpec, open_study
    from tuning.studies.worker import run_worker

    objective, space = Objective("quality", args.budget_tokens), preset(space_name)
    dataset = find(args.data, args.format)
    settings = study_settings(
        objective,
        space,
        split=args.split,
        categories=tuple(sorted(dataset.kinds.counted)),
        data_sha256=dataset.sha256,
        pruner=pruner,
        data_format=args.format,
    )
    spec = StudySpec("study", space, objective.directions, seed, "tpe", pruner, settings)
    study = open_study(optuna.storages.InMemoryStorage(), spec)
    if args.without_default:
        study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)
    run_trial = build_run_trial(settings, data=args.data, cache=cache)
    run_worker(study, run_trial, n_trials=args.n_trials + args.without_default)
    seen = [trial.user_attrs["questions"]["seen"] for trial in study.trials if "questions" in trial.user_attrs]
    return {
        "best": study.best_value,
        "default": study.trials[0].value,
        "questions": sum(seen),
        "pruned": sum(trial.state.name == "PRUNED" for trial in study.trials),
    }


def measure(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Every space and seed, without and with pruning; scores in 0..1."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="tuning-") as folder:
        for space_name in args.spaces:
            for seed in args.seeds:
                print(f"{space_name}, seed {seed} ...", file=sys.stderr)
                none, wilcoxon = (
                    run_study(args, space_name, seed, pruner, Path(folder) / "cache.sqlite")
                    for pruner in ("none", "wilcoxon")
                )
                rows.append(
                    {
                        "space": space_name,
                        "seed": seed,
                        "default": none["default"],
                        "best_none": none["best"],
                        "best_wilcoxon": wilcoxon["best"],
                        "questions_none": none["questions"],
                        "questions_wilcoxon": wilcoxon["questions"],
                        "saved": 1 - wilcoxon["questions"] / none["questions"],
                        "pruned": wilcoxon["pruned"],
                    }
                )
    return rows


def print_rows(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    from harness.terminal import stderr_console

    table = Table()
    for title in rows[0]:
        table.add_column(title.replace("_", "\n"), justify="right")
    for row in rows:
        table.add_row(*(f"{value:.4f}" if isinstance(value, float) else str(value) for value in row.values()))
    stderr_console().print(table)


def build_parser() -> argparse.ArgumentParser:
    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.split(",")]

    def spaces(text: str) -> list[str]:
        names = text.split(",")
        unknown = sorted(set(names) - set(PRESETS))
        if unknown:
            raise argparse.ArgumentTypeError(f"no space {unknown[0]!r}; there are {', '.join(PRESETS)}")
        return names

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tuning", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", metavar="PATH", help="default: LOCOMO_PATH, or data/")
    add_format_flag(parser)
    parser.add_argument(
        "--split", default="train", choices=("train", "val", "test", "all"), help="default: %(default)s, as published"
    )
    parser.add_argument("--budget-tokens", type=int, default=2000, metavar="N", help="default: %(default)s")
    parser.add_argument("--n-trials", type=int, default=50, metavar="N", help="of each study (default: %(default)s)")
    parser.add_argument("--seeds", type=numbers, default=[0, 1, 2], metavar="N,...", help="default: 0,1,2")
    parser.add_argument("--spaces", type=spaces, default=["standard"], metavar="NAME,...", help="default: standard")
    parser.add_argument("--without-default", action="store_true", help="begin without the shipped default")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    return run_command("benchmarks.tuning", lambda: run(args))


def run(args: argparse.Namespace) -> None:
    """Run the studies, and print what came out. Raises UsageError for bad data."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    rows = measure(args)
    print_rows(rows)
    asked = [sum(row[key] for row in rows) for key in ("questions_none", "questions_wilcoxon")]
    print(
        json.dumps(
            {
                "studies": rows,
                "saved": 1 - asked[1] / asked[0],
                "best_none_mean": sum(row["best_none"] for row in rows) / len(rows),
                "best_wilcoxon_mean": sum(row["best_wilcoxon"] for row in rows) / len(rows),
            }
        )
    )


if __name__ == "__main__":
    raise SystemExit(main())
