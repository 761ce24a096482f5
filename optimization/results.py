"""What a search reports: tables and lines for people, a document for programs, metrics for MLflow."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from harness.runs import Run
from harness.tracking.tracker import NullTracker, Tracker
from harness.tracking.values import metrics_of
from locomo.asking import Row
from memoryqa.lms.prices import dollars
from optimization.comparison import Comparison, compare
from optimization.documents import candidate_rows, run_summary, saved_files, search_summary
from optimization.meter import Spent
from optimization.plan import Plan
from optimization.questions import QuestionSets
from optimization.scoreboard import Candidate, Scoreboard, asked_of
from optimization.search import Found
from reports.plots import write_plots
from reports.search_record import AFTER, BEFORE, SearchSummary
from reports.terminal import print_summary, write_report


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
    plan: Plan,
    run: Run,
    found: Found,
    board: Scoreboard,
    spent: Spent,
    rows: Mapping[tuple[str, str], Row],
    trouble: Mapping[str, int],
    tracker: Tracker | NullTracker,
) -> dict[str, Any]:
    """Write summary.json, report.html and plots, print tables on stderr, and return the result, for stdout."""
    comparison = compare(plan.sets.held_back, rows)
    result = {**_result(plan, comparison, spent), **trouble, "stopped": found.stopped, "run_dir": str(run.run_dir)}
    summary = search_summary(plan, found, board, spent, comparison, trouble)
    document = {**run_summary(run, plan, rows), "result": result, **summary}
    run.write_json("summary.json", document)
    write_report(run.run_dir)
    write_plots(run.run_dir)
    tracker.log_metrics(metrics_of(result))
    tracker.log_artifacts(run.run_dir)
    _print(plan, found, document, summary, comparison)
    return result


def _result(plan: Plan, comparison: Comparison, spent: Spent) -> dict[str, Any]:
    return {
        "optimizer": ",".join(plan.config.optimizer),
        "metric": plan.config.metric,
        "before": comparison.before,
        "after": comparison.after,
        "difference": comparison.difference,
        "ci95": comparison.ci95,
        "shown": comparison.shown,
        "held_back_questions": comparison.questions,
        "lm_calls": spent.calls,
        "estimated_lm_calls": plan.expected.lm_calls,
        "paid_lm_calls": spent.paid_calls,
        "paid_usd": None if plan.models.unpriced() else spent.paid_usd,
        "largest_prompt_tokens": spent.largest_prompt_tokens,
        "output": plan.config.output,
    }


def _print(
    plan: Plan, found: Found, document: Mapping[str, Any], summary: SearchSummary, comparison: Comparison
) -> None:
    loud = ["NOT LoCoMo: the bundled sample conversations"] if plan.dataset.is_sample else []
    if found.stopped is not None:
        loud.append(f"the search ended early: {found.stopped}")
    if failures := document["embedding_failures"]:
        loud.append(f"{failures} searches did without the embedder's vectors: see the warning above")
    print_summary(document, loud=loud)
    if plan.config.metric != "f1":  # the summary has F1
        _print_by_category(plan.config.metric, comparison)
    facts = summary["search"]
    lines = [_spent_line(summary)]
    for who, number in (("prompt model", facts["proposals_unread"]), ("judge", facts["verdicts_unread"])):
        if number:
            lines.append(f"{number:,} answers of the {who} could not be read and count for nothing")
    if found.candidate is found.start:
        lines.append("gained nothing: no candidate was better on val, so the prompts are unchanged")
    else:
        lines.append(f"changed: the prompt of {', '.join(facts['prompts_changed'])}")
    output = Path(plan.config.output)
    lines += [f"{plan.config.metric}: {comparison.verdict()}", f"saved: {saved_files(output)}"]
    if found.candidate is not found.start:
        lines.append(f"measure it: python evaluate.py --program {output}")
    for line in lines:
        print(line, file=sys.stderr)


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
    Console(stderr=True).print(table)
