"""Judge the answers of a run by an LM; nobody is asked the questions again.

    python -m locomo.llm_judge RUN_DIR --judge-model openai/gpt-4o-mini                    # all three judges
    python -m locomo.llm_judge RUN_DIR --judge strict --judge-model NAME --judge-votes 3
    python -m locomo.llm_judge RUN_DIR --judge-model NAME --controls                       # is the judge to be trusted?
    python -m locomo.llm_judge RUN_DIR --compare lenient strict                            # asks no LM

judges: lenient (categories 1-4, credit for the topic), strict (categories 1-4, all facts or nothing), abstention (does
the answer decline? right in category 5, wrong in the others). Verdicts go to RUN_DIR/judge-<judge>@<model>.jsonl as
they come, and the same command again judges only what is missing or was unreadable; judges.json sums up. A table goes
to stderr, one JSON document to the last line of stdout.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from locomo.judging.names import JUDGE_NAMES, judge_names
from locomo.judging.verdicts import Row

if TYPE_CHECKING:
    from locomo.judging.ask import Task
    from locomo.judging.files import VerdictFiles

_DOING = {"judge": "judging", "controls": "judging controls"}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m locomo.llm_judge", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="folder of a run of evaluate.py")
    parser.add_argument(
        "--judge", type=judge_names, default=JUDGE_NAMES, metavar="NAME,...", help="default: lenient,strict,abstention"
    )
    parser.add_argument("--judge-model", metavar="NAME", help="LiteLLM name; without it MEMORY_JUDGE_MODEL")
    parser.add_argument("--api-base", metavar="URL", help="address of an OpenAI-compatible server")
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
    return parser


def positive(text: str) -> int:
    """A whole number above 0, from a flag."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got {text!r}")
    return int(text)


def main(argv: list[str] | None = None) -> int:
    """Exit status 0: judged or compared; 2: a flag, the folder or the judge's model cannot be used; 1: it failed."""
    args = build_parser().parse_args(argv)
    from locomo.judging.ask import JudgingStoppedError
    from memoryqa.lms.preflight import LMUnavailable
    from memoryqa.lms.roles import redact

    try:
        document = compare(args) if args.compare else judge_run(args)
    except ValueError as error:
        print(f"locomo.llm_judge: {redact(str(error))}", file=sys.stderr)
        return 2
    except (LMUnavailable, JudgingStoppedError, KeyboardInterrupt) as error:
        print(f"locomo.llm_judge: {redact(str(error)) or 'interrupted'}", file=sys.stderr)
        return 1
    print(json.dumps(document))
    return 0


def compare(args: argparse.Namespace) -> dict[str, Any]:
    """What two judges said of the same answers, and where they disagree; nobody is asked."""
    from harness.files import JsonlFile
    from harness.runs import Run
    from locomo.judging.files import VerdictFiles, compare_judges, read_answers
    from locomo.judging.tables import print_comparison

    run = Run.open(args.run_dir)
    files = VerdictFiles(run.run_dir, JsonlFile)
    document = compare_judges(files, read_answers(run.run_dir, JsonlFile), *args.compare)
    print_comparison(document)
    return {"run_dir": str(run.run_dir), **document}


def judge_run(args: argparse.Namespace) -> dict[str, Any]:
    """Judge what is missing, and what was unreadable, as the command's flags say; the content of judges.json."""
    from harness.files import JsonlFile
    from harness.runs import Run
    from locomo.judging.ask import pending
    from locomo.judging.controls import control_answers, summarise_controls
    from locomo.judging.files import KINDS, VerdictFiles, read_answers, summarise_judges
    from locomo.judging.prompts import Judge
    from locomo.judging.tables import print_judges
    from locomo.judging.verdicts import answers_by_key
    from memoryqa.lms.preflight import preflight
    from memoryqa.lms.roles import build, configure, describe, resolve
    from reports.terminal import write_report

    # 1. Which answers, and who judges them.
    run = Run.open(args.run_dir)
    answers = read_answers(run.run_dir, JsonlFile)
    choice = resolve("judge", model=args.judge_model, api_base=args.api_base)
    if choice.model is None or choice.offline:
        reason = "the offline reader judges nothing" if choice.offline else choice.reason
        raise ValueError(f"no judge: {reason}; give --judge-model NAME, e.g. openai/gpt-4o-mini")
    print(describe(choice), file=sys.stderr)
    lm = build(choice, temperature=0.0)
    judges = [Judge(name, lm, model=choice.model, num_votes=args.judge_votes) for name in args.judge]

    # 2. What is missing: of the answers, and of the controls if they are asked for.
    files, control_files = (VerdictFiles(run.run_dir, JsonlFile, kind) for kind in KINDS)
    controls = answers_by_key(control_answers(answers.values(), args.controls), "controls") if args.controls else {}
    work = [(into, into.pending(judges, rows), rows) for into, rows in ((files, answers), (control_files, controls))]
    if any(tasks for _, tasks, _ in work):
        preflight(lm, choice)
        configure(lm, num_threads=args.num_threads)

    # 3. Judge; each verdict is on disk as it comes.
    for into, tasks, rows in work:
        judge_with_progress(into, tasks, total=len(pending(judges, rows.values())), num_threads=args.num_threads)

    # 4. Sum up every judge that the folder holds.
    document = {
        "run_dir": str(run.run_dir),
        "judges": summarise_judges(files, answers),
        "controls": summarise_controls(control_files, answers),
    }
    run.write_json("judges.json", document)
    if (run.run_dir / "report.html").exists():
        write_report(run.run_dir)
    print_judges(document)
    return document


def judge_with_progress(files: VerdictFiles, tasks: Sequence[Task], *, total: int, num_threads: int) -> None:
    """Judge `tasks`, what is left of `total`. Ctrl-C and a full disk are a JudgingStoppedError too."""
    from harness.progress import counting
    from locomo.judging.ask import JudgingStoppedError, judge_answers
    from memoryqa.lms.preflight import is_systemic
    from memoryqa.lms.usage import measure_usage

    kept = unreadable = 0
    with counting(_DOING[files.kind], total=total, completed=total - len(tasks)) as advance:

        def on_row(row: Row) -> None:
            nonlocal kept, unreadable
            files.append(row)
            kept += 1
            unreadable += row["verdict"] == "UNREADABLE"
            advance(f"{unreadable} unreadable" if unreadable else "")

        try:
            judge_answers(
                tasks,
                total=total,
                on_row=on_row,
                measure_usage=measure_usage,
                num_threads=num_threads,
                is_systemic=is_systemic,
            )
        except (JudgingStoppedError, KeyboardInterrupt, OSError) as error:  # OSError: a full disk
            raise JudgingStoppedError(
                f"{str(error) or 'interrupted'}; {kept} new verdicts are kept: "
                "mend the cause, then give the same command again"
            ) from None


if __name__ == "__main__":
    raise SystemExit(main())
