"""Tune the memory and its ranking, without any language model: evidence found in a budget of tokens is what counts.

    python tune.py                                           # 50 trials on the train conversations, then val decides
    python tune.py --objective pareto --space full           # quality against tokens: front, knee, best under a budget
    python tune.py --objective retention --space compaction --budget-tokens 4000    # what a small memory should keep
    python tune.py --n-trials 200 --study mine --resume      # resume a study, up to 200 trials
    python tune.py run my_study.py                           # a study script of your own (examples/tune_optuna.py)
    python tune.py worker --storage postgresql+psycopg2://tuner@db.example/tuner --study mine    # join, from anywhere
    python tune.py status mine                               # also: best, list, pareto, importance, export, delete

The shipped default is always trial 0. The best trial is measured against it on conversations that the search never saw,
and tuned_parameters.json says whether it is worth taking (evaluate.py --parameters FILE) or "keep defaults". Tables and
progress go to stderr. The result is one JSON document, the last line on stdout; on a terminal only with --json.
"""

from __future__ import annotations

if __name__ == "__main__":  # first: what follows takes a second to load
    from memoryqa.terminal import quiet_while_loading

    quiet_while_loading("tune.py")

import argparse
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.commands import add_json_flag, print_document, run_command
from harness.flags import add_flags, add_tracking_flags, from_args
from memoryqa.errors import StoppedError, UsageError
from tuning.config import TuningConfig
from tuning.errors import StorageUnavailableError
from tuning.studies.constants import DEFAULT_CACHE, RESUMABLE
from tuning.studies.storage import DEFAULT_STORAGE

STUDY_COMMANDS = {
    "status": "how far a study is, and what it measures",
    "best": "its best trial and the configs that it sets",
    "pareto": "its front of quality against tokens, the knee, and the best under --budget-tokens",
    "importance": "which of its parameters matter",
    "export": "all its trials, as CSV or JSON by the ending of --output",
    "delete": "remove it, with its trials",
}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tune.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_flags(parser, TuningConfig, "the search")
    group = parser.add_argument_group("the study")
    add_storage(group)
    group.add_argument("--study", metavar="NAME", help="default: objective, space and the time")
    group.add_argument("--resume", action="store_true", help="resume the study of that name")
    group.add_argument("--output", type=Path, metavar="DIR", help="folder for the results (default: runs/tuning/STUDY)")
    group.add_argument("--engine", choices=("local", "ray"), default="local", help="what runs the trials")
    add_cache(group)
    add_json_flag(group)
    add_tracking_flags(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="other commands")

    def add_command(name: str, help_: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=help_, argument_default=argparse.SUPPRESS)
        add_json_flag(command)
        return command

    command = add_command("run", "run a study script of your own")
    command.add_argument("script", type=Path, metavar="SCRIPT.py")
    command.add_argument("arguments", nargs=argparse.REMAINDER, help="for the script")
    command = add_command("worker", "run trials of a study that another process began")
    add_storage(command)
    command.add_argument("--service", metavar="URL", default=None, help="a tuning service, in place of --storage")
    command.add_argument("--study", metavar="NAME", required=True)
    command.add_argument("--data", metavar="PATH", default=None, help="the study's data, if not at LOCOMO_PATH")
    command.add_argument("--n-trials", type=int, default=50, help="trials of the whole study (default: %(default)s)")
    command.add_argument("--timeout", type=float, metavar="X", default=None, help="begin no trial after X seconds")
    command.add_argument("--end-with-stdin", action="store_true", default=False, help=argparse.SUPPRESS)  # of a tuner
    add_cache(command)
    add_storage(add_command("list", "the studies of a storage"))
    for name, help_ in STUDY_COMMANDS.items():
        command = add_command(name, help_)
        command.add_argument("study", metavar="STUDY")
        add_storage(command)
        if name == "pareto":
            command.add_argument("--budget-tokens", type=int, default=2000, metavar="N", help="default: %(default)s")
        if name in ("export", "pareto"):
            needed = name == "export"
            command.add_argument("--output", type=Path, metavar="FILE", default=None, required=needed, help="to write")
    return parser


def add_storage(parser: Any) -> None:
    parser.add_argument(
        "--storage",
        default=DEFAULT_STORAGE,
        metavar="LOCATION",
        help="a journal file, sqlite:///FILE or postgresql+psycopg2://USER@HOST/DATABASE (default: %(default)s)",
    )


def add_cache(parser: Any) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--cache", type=Path, default=DEFAULT_CACHE, metavar="FILE", help="measured questions (default: %(default)s)"
    )
    group.add_argument("--no-cache", action="store_true", help="measure every question anew")


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    return run_command("tune.py", lambda: _run_and_print(args))


def _run_and_print(args: argparse.Namespace) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        document = run(args)
    except KeyboardInterrupt:
        if getattr(args, "end_with_stdin", False):
            raise SystemExit(1) from None  # the tuner that it belongs to says what is to say
        again = "start it again" if args.command else f"resume by --study {args.study or 'NAME'} --resume"
        raise StoppedError(f"interrupted; finished trials are kept, {again}") from None
    except StorageUnavailableError as error:
        if args.command or not args.study or not str(error).endswith(RESUMABLE):
            raise
        raise StorageUnavailableError(f"{error} by --study {args.study} --resume") from error
    print_document(document, as_json=args.json)


def run(args: argparse.Namespace) -> Mapping[str, Any]:
    """Run one command; returns its document."""
    if args.command is None:
        from tuning.search import search

        return search(from_args(TuningConfig, args), args)
    if args.command == "run":
        return run_script(args.script, args.arguments)
    if args.command == "worker":
        from harness.signals import end_with_stdin
        from tuning.join_study import join_study

        if args.end_with_stdin:
            end_with_stdin()
        return join_study(args)
    from tuning.results.commands import run_study_command

    return run_study_command(args)


def run_script(script: Path, arguments: list[str]) -> dict[str, Any]:
    """Run the script as if it were started by itself, with its arguments. Raises UsageError for a missing one, and
    StoppedError when it ends with another status than 0."""
    import runpy

    if not script.is_file():
        raise UsageError(f"{script}: there is no such script")
    before, path = sys.argv, sys.path.copy()
    sys.argv, sys.path[0:0] = [str(script), *arguments], [str(script.parent.resolve())]
    try:
        runpy.run_path(str(script), run_name="__main__")
        status: Any = 0
    except SystemExit as end:
        status = end.code or 0
    finally:
        sys.argv, sys.path[:] = before, path
    if status:
        raise StoppedError(f"{script} ended with status {status}")
    return {"script": str(script), "status": status}


if __name__ == "__main__":
    raise SystemExit(main())
