"""What a search reports: tables and lines for people, a document for programs, metrics for MLflow."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.table import Table

from harness.runs import Run
from harness.terminal import stderr_console
from harness.tracking.tracker import NullTracker, Tracker
from harness.tracking.values import metrics_of
from locomo.benchmark import result_of
from memoryqa.lms.prices import dollars
from optimization.comparison import Comparison, HeldBackRows
from optimization.documents import candidate_rows, saved_files
from optimization.plan import Plan
from optimization.questions import QuestionSets
from optimization.scoreboard import Candidate, Scoreboard, asked_of
from optimization.search import Found
from reports.evaluated import write_results
from reports.search_record import AFTER, BEFORE, SearchSummary


def standing(board: Scoreboard, plan: Plan, best: Candidate) -> str:
    """Scores on val, for people: of `best`, and of what the search began with."""
    asked = [asked_of(one) for one in plan.sets.val]
    scores = (best.mean(asked), board.candidate(plan.program).mean(asked))
    after, before = ("not asked" if score is None else f"{100 * score:.1f}%" for score in scores)
    return f"best on val {after}, at the start {before}"


def track_candidates(tracker: Tracker | NullTracker, board: Scoreboard, sets: QuestionSets) -> None:
    """Log each candidate's scores as one step, with the best on val so far."""
    best = 0.0
    for row in candidate_rows(board, sets):
        best = max(best, row["score_val"] or 0.0)
        scores = {"score.train": row["score_train"], "score.val": row["score_val"], "score.val.best": best}
        tracker.log_metrics({name: score for name, score in scores.items() if score is not None}, step=row["number"])


def report(
    run: Run,
    plan: Plan,
    found: Found,
    rows: HeldBackRows,
    summary: SearchSummary,
    comparison: Comparison,
    tracker: Tracker | NullTracker,
) -> None:
    """Write summary.json, report.html and plots, track the numbers, and print tables on stderr."""
    write_results(
        run,
        result_of(rows, (BEFORE, AFTER), plan.held_back),
        plan.held_back,
        task_lm=run.manifest["task_lm"],
        judge_lm=run.manifest["judge_lm"],
        embedding_failures=plan.program.memories.embedding_failures,
        more=summary,
        loud=[] if found.stopped is None else [f"the search ended early: {found.stopped}"],
    )
    tracker.log_metrics(metrics_of(summary["result"]))
    tracker.log_artifacts(run.run_dir)
    if plan.config.metric != "f1":  # the summary has F1
        _print_by_category(plan.config.metric, comparison)
    for line in _lines(plan, found, summary):
        print(line, file=sys.stderr)


def _lines(plan: Plan, found: Found, summary: SearchSummary) -> list[str]:
    facts, output = summary["search"], Path(plan.config.output)
    lines = [_spent_line(summary)]
    for who, number in (("prompt model", facts["proposals_unread"]), ("judge", facts["verdicts_unread"])):
        if number:
            lines.append(f"{number:,} answers of the {who} could not be read and count for nothing")
    gained = found.candidate is not found.start
    if gained:
        lines.append(f"changed: the prompt of {', '.join(facts['prompts_changed'])}")
    else:
        lines.append("gained nothing: no candidate was better on val, so the prompts are unchanged")
    lines += [f"{facts['metric']}: {summary['comparison']['verdict']}", f"saved: {saved_files(output)}"]
    return [*lines, f"measure it: python evaluate.py --program {output}"] if gained else lines


def _spent_line(summary: SearchSummary) -> str:
    spent, expected = summary["spent"], summary["estimated"]
    paid = "" if not spent["paid_usd"] else f" for {dollars(spent['paid_usd'])}"
    return (
        f"{spent['calls']:,} LM calls ({expected['lm_calls']:,} expected), {spent['paid_calls']:,} of them paid{paid}; "
        f"longest prompt {spent['largest_prompt_tokens']:,} tokens"
    )


def _print_by_category(metric: str, comparison: Comparison) -> None:
    table = Table()
    table.add_column(f"{metric} %")
    for title in ("n", BEFORE, AFTER, "difference"):
        table.add_column(title, justify="right")
    for name, (n, before, after) in comparison.by_category.items():
        cells = (f"{n}", f"{100 * before:.1f}", f"{100 * after:.1f}", f"{100 * (after - before):+.1f}")
        table.add_row(name.replace("_", "-"), *cells)
    stderr_console().print(table)
