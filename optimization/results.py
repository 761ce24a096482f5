"""What a search leaves behind: the program, its changes, all candidates, a summary and a report."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.runs import Run
from harness.tracking.tracker import NullTracker, Tracker
from harness.tracking.values import metrics_of
from locomo.asking import Row
from locomo.judging.files import judge_columns
from locomo.statistics import score_intervals
from locomo.summary import summarise
from memory_system import MemoryQA, config_path, save_program
from optimization.comparison import AFTER, BEFORE, Comparison, compare
from optimization.meter import Spent
from optimization.plan import Plan
from optimization.prompt_diff import prompt_diff
from optimization.questions import QuestionSets
from optimization.scoreboard import Candidate, Scoreboard, asked_of
from optimization.search import Found
from reports.plots import write_plots
from reports.terminal import print_summary, write_report


def diff_path(path: Path) -> Path:
    """Where the changes of the program saved at `path` stand: `x.json` -> `x.diff`."""
    return path.with_suffix(".diff")


def save_found(before: MemoryQA, after: MemoryQA, path: Path) -> None:
    """The program as `evaluate.py --program` reads it, with its config and the changes of its prompts beside it."""
    save_program(after, path)
    diff_path(path).write_text(prompt_diff(before, after), encoding="utf-8")


def saved_files(path: Path) -> str:
    """The files of `save_found`, for people."""
    return f"{path} (with {config_path(path).name} and {diff_path(path).name} beside it)"


def candidate_rows(board: Scoreboard, sets: QuestionSets) -> list[dict[str, Any]]:
    """Every candidate in the order it was tried: its prompts, and its mean scores on train and val, None unless it was
    asked all of them; `num_train_asked`: of how many it was."""
    train, val = ([asked_of(one) for one in part] for part in (sets.train, sets.val))
    return [
        {
            "number": one.number,
            "key": one.key,
            "score_train": one.mean(train),
            "score_val": one.mean(val),
            "num_train_asked": sum(bool(one.scores.get(asked)) for asked in train),
            "instructions": {name: signature.instructions for name, (signature, _) in one.prompts.items()},
            "demos": {name: len(demos) for name, (_, demos) in one.prompts.items()},
        }
        for one in board.candidates.values()
    ]


def standing(board: Scoreboard, plan: Plan, best: Candidate) -> str:
    """How good the best is on val, beside what the search began with."""
    asked = [asked_of(one) for one in plan.sets.val]
    scores = (best.mean(asked), board.candidate(plan.program).mean(asked))
    after, before = ("not asked" if score is None else f"{100 * score:.1f}%" for score in scores)
    return f"best on val {after}, at the start {before}"


def track_candidates(tracker: Tracker | NullTracker, board: Scoreboard, sets: QuestionSets) -> None:
    """Scores over the candidates, one a step, with the best on val so far."""
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
    """Tables on stderr; summary.json, report.html and plots in the run folder; the result for stdout's last line."""
    comparison = compare(plan.sets.held_back, rows)
    result = {**_result(plan, comparison, spent), **trouble, "stopped": found.stopped, "run_dir": str(run.run_dir)}
    document = {
        **_summary(run, plan, rows),
        "result": result,
        "comparison": {**asdict(comparison), "shown": comparison.shown, "interval": "paired bootstrap over questions"},
        "spent": {**asdict(spent), "program_runs": board.runs + len(rows)},
        "estimated": asdict(plan.expected),
    }
    run.write_json("summary.json", document)
    write_report(run.run_dir)
    write_plots(run.run_dir)
    tracker.log_metrics(metrics_of(result))
    tracker.log_artifacts(run.run_dir)
    _print(plan, found, document, comparison)
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


def _summary(run: Run, plan: Plan, rows: Mapping[tuple[str, str], Row]) -> dict[str, Any]:
    """In the form that reports.terminal and locomo.statistics read: programs `before` and `after`."""
    questions, dataset, programs = plan.sets.held_back, plan.dataset, {}
    for name in (BEFORE, AFTER):
        of_program = [rows[name, one.id] for one in questions]
        judged = judge_columns({}, name, ())
        programs[name] = {
            **summarise(of_program),
            **judged,
            "ci95": {**score_intervals(of_program), **judged["ci95"]},
        }
    return {
        "run_dir": str(run.run_dir),
        "task_lm": run.manifest["task_lm"],
        "judge_lm": run.manifest["judge_lm"],
        "embedding_failures": plan.program.memories.embedding_failures,
        "data": {
            "name": dataset.name,
            "sha256": dataset.sha256,
            "split": "val, held back",
            "conversations": len({one.conversation_id for one in questions}),
            "questions": len(questions),
            "is_bundled_sample": dataset.is_sample,
        },
        "programs": programs,
    }


def _print(plan: Plan, found: Found, document: Mapping[str, Any], comparison: Comparison) -> None:
    loud = ["NOT LoCoMo: the bundled sample conversations"] if plan.dataset.is_sample else []
    if found.stopped is not None:
        loud.append(f"the search ended early: {found.stopped}")
    if failures := document["embedding_failures"]:
        loud.append(f"{failures} searches did without the embedder's vectors: see the warning above")
    print_summary(document, loud=loud)
    if plan.config.metric != "f1":  # the summary has F1
        _print_by_category(plan.config.metric, comparison)
    spent, expected = document["spent"], plan.expected
    print(
        f"{spent['calls']:,} LM calls ({expected.lm_calls:,} expected), {spent['paid_calls']:,} of them paid; "
        f"longest prompt {spent['largest_prompt_tokens']:,} tokens",
        file=sys.stderr,
    )
    for who, unread in (("prompt model", "proposals_unread"), ("judge", "verdicts_unread")):
        if number := document["result"][unread]:
            print(f"{number:,} answers of the {who} could not be read and count for nothing", file=sys.stderr)
    if found.candidate is found.start:
        print("gained nothing: no candidate was better on val, the prompts are those of before", file=sys.stderr)
    print(f"{plan.config.metric}: {comparison.verdict()}", file=sys.stderr)
    print(f"saved: {saved_files(Path(plan.config.output))}", file=sys.stderr)


def _print_by_category(metric: str, comparison: Comparison) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    table.add_column(f"{metric} %")
    for title in ("n", BEFORE, AFTER, "difference"):
        table.add_column(title, justify="right")
    for name, (n, before, after) in comparison.by_category.items():
        cells = (f"{n}", f"{100 * before:.1f}", f"{100 * after:.1f}", f"{100 * (after - before):+.1f}")
        table.add_row(name.replace("_", "-"), *cells)
    Console(stderr=True).print(table)
