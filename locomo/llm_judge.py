"""Judge the answers of a run by an LM; nobody is asked the questions again.

    python -m locomo.llm_judge RUN_DIR --judge-model openai/gpt-4o-mini                    # all three judges
    python -m locomo.llm_judge RUN_DIR --judge strict --judge-model NAME --judge-votes 3
    python -m locomo.llm_judge RUN_DIR --judge-model NAME --controls                       # is the judge to be trusted?
    python -m locomo.llm_judge RUN_DIR --compare lenient strict                            # asks no LM

judges: lenient (categories 1-4, credit for the topic), strict (categories 1-4, all facts or nothing), abstention (does
the answer decline? right in category 5, wrong in the others). Verdicts go to RUN_DIR/judge-<judge>@<model>.jsonl as
they come, and the same command again judges only what is missing or was unreadable; judges.json sums up, and a report
of the run is written again. A table goes to stderr, one JSON document to stdout, on a terminal only with --json.
"""

from __future__ import annotations

if __name__ == "__main__":  # first: what follows takes a second to load
    from memoryqa.terminal import quiet_while_loading

    quiet_while_loading("locomo.llm_judge")

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.commands import add_json_flag, print_document, run_command
from harness.flags import with_flags
from harness.lm_flags import add_role_flags, role_settings
from locomo.judging.names import JUDGE_NAMES, judge_names
from memoryqa.errors import UsageError


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m locomo.llm_judge", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="folder of a run of evaluate.py")
    parser.add_argument(
        "--judge", type=judge_names, default=JUDGE_NAMES, metavar="NAME,...", help="default: lenient,strict,abstention"
    )
    parser.add_argument("--judge-model", metavar="NAME", help="LiteLLM name; without it MEMORY_JUDGE_MODEL")
    parser.add_argument(  # the second name is the flag of evaluate.py
        "--api-base", "--judge-api-base", metavar="URL", help="address of an OpenAI-compatible server"
    )
    parser.add_argument(
        "--judge-votes", type=int, choices=(1, 3, 5), default=1, help="readings per answer; default: 1, 3 to publish"
    )
    parser.add_argument("--num-threads", type=positive, default=8, metavar="N", help="answers at a time; default: 8")
    parser.add_argument(
        "--controls",
        type=positive,
        nargs="?",
        const=100,
        metavar="N",
        help="also show each judge answers whose verdict is known, to N questions of the run; default of N: 100",
    )
    parser.add_argument(
        "--compare",
        nargs=2,
        metavar=("A", "B"),
        help="compare the verdicts of two judges, by name (strict) or, where there are several models, as judge@model",
    )
    add_role_flags(parser)
    add_json_flag(parser)
    return parser


def positive(text: str) -> int:
    """A whole number above 0, from a flag."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got {text!r}")
    return int(text)


def main(argv: list[str] | None = None) -> int:
    """Exit status 0: judged or compared; 2: a flag, the folder or the judge's model cannot be used; 1: it failed."""
    args = build_parser().parse_args(argv)
    return run_command("locomo.llm_judge", lambda: run(args))


def run(args: argparse.Namespace) -> None:
    """Judge, or compare what was judged, and print what came out. Raises UsageError, StoppedError."""
    document = compare(args) if args.compare else judge_run(args)
    print_document(document, as_json=args.json)


def compare(args: argparse.Namespace) -> dict[str, Any]:
    """What two judges said of the same answers, and where they disagree; no LM is asked."""
    from harness.runs import Run
    from locomo.judging.files import VerdictFiles, compare_judges, read_answers
    from locomo.judging.tables import print_comparison

    run = Run.open(args.run_dir)
    files = VerdictFiles(run.run_dir)
    document = compare_judges(files, read_answers(run.run_dir), *args.compare)
    print_comparison(document)
    return {"run_dir": str(run.run_dir), **document}


def judge_run(args: argparse.Namespace) -> Mapping[str, Any]:
    """Judge what is missing, and what was unreadable, as the flags say; the content of judges.json."""
    from harness.runs import Run
    from locomo.judging.files import read_answers
    from locomo.judging.prompts import Judge
    from locomo.judging.run import judge_answers, missing_work, verdict_files
    from locomo.judging.tables import print_judges
    from memoryqa.lms.preflight import preflight
    from memoryqa.lms.roles import build, configure, describe, resolve
    from reports.terminal import write_report

    run = Run.open(args.run_dir)
    run.lock()
    answers = read_answers(run.run_dir)
    choice = resolve("judge", model=args.judge_model, api_base=args.api_base, settings=role_settings(args))
    if choice.model is None or choice.offline:
        reason = "the offline reader judges nothing" if choice.offline else choice.reason
        raise UsageError(f"no judge: {reason}; give --judge-model NAME, e.g. openai/gpt-4o-mini")
    print(with_flags(describe(choice)), file=sys.stderr)
    lm = build(choice, temperature=0.0)
    judges = [
        Judge(name, lm, model=choice.model, num_votes=args.judge_votes, lm_identity=choice.identity)
        for name in args.judge
    ]
    if any(work.tasks for work in missing_work(run, judges, answers, args.controls or 0)):
        preflight(lm, choice)
        configure(lm, num_threads=args.num_threads)
    document = judge_answers(run, judges, answers, num_threads=args.num_threads, num_controls=args.controls or 0)
    if (run.run_dir / "report.html").exists():
        write_report(run.run_dir)
    print_judges(document, verdict_files(run)[0].kinds)
    return document


if __name__ == "__main__":
    raise SystemExit(main())
