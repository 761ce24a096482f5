"""Find better prompts for the program with SIMBA, MIPROv2 or GEPA: the first thing to try once there is an API key.

    python optimize.py --num-examples 30 --max-demos 3               # SIMBA; no key needed: the offline reader answers
    python optimize.py --num-examples 15 --max-demos 2 --dry-run     # what it would cost, and spend nothing
    python optimize.py --optimizer simba,gepa --max-cost 5           # one after another, for five dollars at most
    python optimize.py --from optimized_memory_qa.json --optimizer gepa
    python evaluate.py --program optimized_memory_qa.json            # and then measure it

It learns from questions of train, chooses on questions of val, and compares before and after on other questions of val.
Every answer is cached: the same command again, or --resume RUN_DIR after an interruption, pays only for what is new.
Progress and results go to stderr. stdout gets one JSON document, on a terminal only with --json.
"""

from __future__ import annotations

if __name__ == "__main__":  # first: what follows takes a second to load
    from memoryqa.terminal import quiet_while_loading

    quiet_while_loading("optimize.py")

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.commands import add_json_flag, print_document, run_command
from harness.flags import add_flags, add_tracking_flags
from harness.lm_flags import add_timeout_flag
from memoryqa.config import MemoryConfig, ProgramConfig
from memoryqa.errors import StoppedError
from optimization.config import OptimizeConfig

if TYPE_CHECKING:
    from harness.runs import Run
    from harness.tracking.tracker import NullTracker, Tracker
    from memory_system import MemoryQA
    from optimization.comparison import HeldBackRows, ScoredRows
    from optimization.documents import Trouble
    from optimization.meter import Meter, Spent
    from optimization.metered_lm import MeteredLM
    from optimization.metric import Metric
    from optimization.plan import Plan
    from optimization.scoreboard import Scoreboard
    from optimization.search import Found
    from reports.search_record import Result

MAX_FAILURE_RATE = 0.05  # of program runs; above it the scores say more about the server than about the prompts
NUM_PROGRESS_LINES = 20


class NotFinishedError(StoppedError):
    """There is no result to report; the message says what was kept, and how to resume."""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="optimize.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_flags(parser, OptimizeConfig, "the search")
    add_flags(parser, MemoryConfig, "the memory")
    add_flags(parser, ProgramConfig, "the program")
    group = parser.add_argument_group("the run")
    folder = group.add_mutually_exclusive_group()
    folder.add_argument("--run-dir", type=Path, metavar="DIR", help="a new folder for it (default: runs/TIME-ID)")
    folder.add_argument("--resume", type=Path, metavar="RUN_DIR", help="finish that run; the cache has what it asked")
    group.add_argument("--dry-run", action="store_true", help="print what the run would cost, and ask no LM")
    group.add_argument("--force", action="store_true", help="save even when more than 5%% of the program runs failed")
    add_timeout_flag(group)
    add_json_flag(group)
    add_tracking_flags(parser)
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    return run_command("optimize.py", lambda: run(args))


def run(args: argparse.Namespace) -> None:
    """From flags to a program. Raises UsageError for bad input, StoppedError for what ends the run early."""
    from dataclasses import asdict

    from harness.runs import Run
    from harness.tracking.tracker import open_tracker
    from optimization.plan import estimate_lines, make_plan

    # 1. What to search, on which questions, whom to ask, and what it will cost.
    saved = {} if args.resume is None else Run.open(args.resume).config
    plan = make_plan(args, saved)
    earlier = None if args.resume is None else Run.resume(args.resume, plan.full_config(), lock=not args.dry_run)
    say = speaker()
    for line in (*plan.notes, *estimate_lines(plan)):
        say(line)
    if args.dry_run:
        estimate = {"dry_run": True, "optimizer": ",".join(plan.config.optimizer), **asdict(plan.expected)}
        print_document(estimate, as_json=args.json)
        return
    run = earlier or open_run(args.run_dir, plan)
    say(f"everything about this run: {run.run_dir}")
    go_on = f"resume with python optimize.py --resume {run.run_dir}"
    try:
        with open_tracker(
            args.mlflow_uri,
            enabled=not args.no_mlflow,
            run_name=plan.title(),
            run_dir=run.run_dir,
            resume=earlier is not None,
            add_later=f"python optimize.py --resume {run.run_dir}",
        ) as tracker:
            result = improve(plan, run, tracker, say, go_on=go_on, force=args.force)
    except KeyboardInterrupt as stop:
        raise NotFinishedError(f"interrupted; {go_on}") from stop
    print_document(result, as_json=args.json)


def improve(
    plan: Plan, run: Run, tracker: Tracker | NullTracker, say: Callable[[str], None], *, go_on: str, force: bool
) -> Result:
    """The run itself. Raises NotFinishedError, which ends in `go_on`, LMUnavailable, and the error of a bug."""
    from memoryqa.lms.roles import configure
    from optimization.comparison import HeldBackRows, compare
    from optimization.documents import search_summary
    from optimization.results import report, standing
    from optimization.scoreboard import Scoreboard
    from reports.search_record import AFTER, BEFORE

    tracker.log_params(run.config)
    tracker.set_tags({"commit": run.manifest["commit"], "mlflow.source.name": "optimize.py"})
    meter, lms = plan.models.metered(say)
    configure(lms["task"], num_threads=plan.num_threads)
    metric = build_metric(plan, lms)

    # 2. Ask the held-back questions, before: a search without a server or with a wrong key ends here.
    meter.set_limits(*plan.search_limits())
    rows = HeldBackRows(run)
    ask(plan, rows, BEFORE, plan.program, metric, if_stopped=go_on)
    plan.models.check_the_rest(meter)

    # 3. Search. A limit ends it with the best program so far; trouble and Ctrl-C keep that program and end the run.
    runs_of_search = plan.expected.program_runs - 2 * len(plan.sets.held_back)
    board = Scoreboard(on_run=progress(say, runs_of_search, meter.spent))
    found = find_better(plan, run, meter, lms["prompt"], board, metric, tracker, say)
    check_failures(board, metric, rows.scored(), force)
    kept = keep(plan, run, found)
    if found.error is not None:  # a bug, DSPy's or ours: its traceback is what mends it
        say(f"{found.stopped}; {kept}; {go_on}")
        raise found.error
    if not found.finished:
        raise NotFinishedError(f"{found.stopped}; {kept}; {go_on}")
    if found.stopped is not None:
        say(f"{found.stopped}; the comparison is next: {standing(board, plan, found.candidate)}")

    # 4. Ask the same questions again, after, and report what the search gained.
    meter.set_limits(plan.config.max_calls, plan.config.max_cost)
    ask(plan, rows, AFTER, found.program, metric, if_stopped=f"{kept}; {go_on}")
    trouble = check_failures(board, metric, rows.scored(), force)
    comparison = compare(plan.sets.held_back, rows.scored())
    summary = search_summary(run, plan, found, board, meter.spent, comparison, trouble)
    report(run, plan, found, rows, summary, comparison, tracker)
    return summary["result"]


def speaker() -> Callable[[str], None]:
    """Print a line on today's stderr: during the search sys.stderr is a file that takes DSPy's own output."""
    from memoryqa.redaction import redact
    from memoryqa.terminal import harmless

    stderr = sys.stderr
    return lambda line: print(harmless(redact(line)), file=stderr, flush=True)


def progress(say: Callable[[str], None], total: int, spent: Spent) -> Callable[[Scoreboard], None]:
    """Report every twentieth of `total` as a line, which stays readable in a log as a bar does not."""
    from memoryqa.lms.prices import dollars

    every = max(1, total // NUM_PROGRESS_LINES)

    def on_run(board: Scoreboard) -> None:
        if board.runs % every == 0:
            failed = f", {board.failures:,} failed" if board.failures else ""
            paid = f", {spent.paid_calls:,} paid LM calls" if spent.paid_calls else ""
            cost = f" for {dollars(spent.paid_usd)}" if spent.paid_usd else ""
            runs = f"{board.runs:,} of about {total:,} program runs, {len(board.candidates):,} candidates"
            say(f"{board.optimizer or 'search'}: {runs}{failed}{paid}{cost}")

    return on_run


def open_run(run_dir: Path | None, plan: Plan) -> Run:
    """A new run folder with its config, manifest and lines. Raises UsageError when it cannot be written."""
    from harness.flags import with_flags
    from memoryqa.lms.roles import describe
    from reports.evaluated import NO_JUDGE, new_run

    choices = plan.models.choices
    run = new_run(
        run_dir,
        plan.full_config(),
        plan.held_back,
        task_lm=with_flags(describe(choices["task"])),
        prompt_lm=with_flags(describe(choices["prompt"])),
        judge_lm=with_flags(describe(choices["judge"])) if "judge" in choices else NO_JUDGE,
    )
    run.write_json("lines.json", plan.program.memories.rendered_lines())
    return run


def build_metric(plan: Plan, lms: dict[str, Any]) -> Metric:
    """The metric that the config names, with its judges if it has any."""
    from locomo.judging.prompts import Judge
    from optimization.metric import CachedJudges, Metric

    judges = None
    if "judge" in lms:
        model = plan.models.choices["judge"].model or ""
        judges = CachedJudges(*(Judge(name, lms["judge"], model=model) for name in ("strict", "abstention")))
    rendered = plan.program.memories.rendered_lines()
    lines = {
        conversation: {turn_id: full for turn_id, (_, _, full) in one["turns"].items()}
        for conversation, one in rendered.items()
    }
    return Metric(plan.config.metric, plan.sets.all(), lines, judges)


def ask(plan: Plan, rows: HeldBackRows, name: str, program: MemoryQA, metric: Metric, *, if_stopped: str) -> None:
    """Ask the held-back questions. Raises NotFinishedError, which ends in `if_stopped`, when something stops it."""
    from locomo.asking import BenchmarkStoppedError
    from optimization.comparison import ask_held_back
    from optimization.meter import SearchStopped

    try:
        ask_held_back(name, program, plan.held_back, metric, rows, num_threads=plan.num_threads)
    except (KeyboardInterrupt, SearchStopped, BenchmarkStoppedError) as stop:
        raise NotFinishedError(f"{str(stop) or 'interrupted'}; {if_stopped}") from stop


def find_better(
    plan: Plan,
    run: Run,
    meter: Meter,
    prompt_lm: MeteredLM,
    board: Scoreboard,
    metric: Metric,
    tracker: Tracker | NullTracker,
    say: Callable[[str], None],
) -> Found:
    """Search; all candidates go to candidates.json and to the tracker."""
    from optimization.documents import candidate_rows, write_prompts
    from optimization.optimizers import Task
    from optimization.questions import as_examples
    from optimization.results import standing, track_candidates
    from optimization.search import search, searching
    from reports.search_record import CANDIDATES

    task = Task(
        trainset=as_examples(plan.sets.train),
        valset=as_examples(plan.sets.val),
        metric=board.scoring(metric),
        prompt_lm=prompt_lm,
        max_demos=plan.config.max_demos,
        num_threads=plan.num_threads,
        seed=plan.config.seed,
    )
    with searching(board, meter, run.run_dir / "search.log"):
        found = search(
            plan.program,
            task,
            plan.config.optimizer,
            plan.sets,
            board=board,
            meter=meter,
            after_limit=lambda: meter.set_limits(plan.config.max_calls, plan.config.max_cost),
            on_stage=lambda name, best: say(f"{name}: {standing(board, plan, best)}"),
        )
    run.write_json(CANDIDATES, candidate_rows(board, plan.sets, found.start, found.candidate))
    write_prompts(run, plan.program, found.program)
    track_candidates(tracker, board, plan.sets)
    return found


def check_failures(board: Scoreboard, metric: Metric, rows: ScoredRows, force: bool) -> Trouble:
    """Count what failed and what was unreadable. Raises NotFinishedError when too much failed to trust a score."""
    from optimization.documents import Trouble

    errors = [row["error"] for row in rows.values() if row["error"] is not None]
    failures, runs = board.failures + metric.failures + len(errors), board.runs + len(rows)
    if failures > MAX_FAILURE_RATE * runs and not force:
        last = errors[-1] if errors else board.last_failure or "the judge's LM failed"
        raise NotFinishedError(
            f"{failures:,} of {runs:,} program runs failed, more than {MAX_FAILURE_RATE:.0%}, so no score can be "
            f"trusted and nothing is saved; the last one: {last}; mend it and run the same again, or add --force"
        )
    return Trouble(failures, proposals_unread=board.proposal_failures, verdicts_unread=metric.unreadable)


def keep(plan: Plan, run: Run, found: Found) -> str:
    """Save the program found, in the run folder and as --output; return a line that says so.

    An interrupted search that found nothing leaves --output alone, which may hold an earlier, better program.
    """
    from optimization.documents import save_found, saved_files

    output = Path(plan.config.output)
    if not found.finished and found.candidate is found.start:
        return f"nothing better was found until then, so {output} is unchanged"
    save_found(plan.program, found.program, plan.settings.memory, run.run_dir / "program.json")
    try:
        save_found(plan.program, found.program, plan.settings.memory, output)
    except OSError as error:
        kept = run.run_dir / "program.json"
        raise NotFinishedError(
            f"{output} cannot be written ({error.strerror}); the program is kept as {kept}"
        ) from error
    chosen = "" if found.on_val else ", which leads on the train questions asked so far and was not tried on val,"
    return f"the best program so far{chosen} is saved as {saved_files(output)}"


if __name__ == "__main__":
    raise SystemExit(main())
