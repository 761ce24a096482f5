"""The files of a finished search (reports/search_record.py), made from what the search found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from harness.runs import Run
from locomo.asking import Row
from locomo.judging.files import judge_columns
from locomo.statistics import score_intervals
from locomo.summary import summarise
from memory_system import MemoryQA, config_path, save_program
from memoryqa.config import MemoryConfig
from memoryqa.lms.roles import describe
from optimization.comparison import Comparison
from optimization.meter import Spent
from optimization.plan import Plan
from optimization.prompt_diff import prompt_changes, prompt_diff
from optimization.questions import QuestionSets
from optimization.scoreboard import Candidate, Scoreboard, asked_of
from optimization.search import Found
from reports import search_record
from reports.search_record import AFTER, BEFORE, CandidateRow, Estimated, Limits, SearchFacts, SearchSummary


def diff_path(path: Path) -> Path:
    """Where the changes of the program saved at `path` are: `x.json` -> `x.diff`."""
    return path.with_suffix(".diff")


def save_found(before: MemoryQA, after: MemoryQA, memory: MemoryConfig, path: Path) -> None:
    """Save the program for `evaluate.py --program`, with its config and the changes of its prompts beside it."""
    save_program(after, path, memory)
    diff_path(path).write_text(prompt_diff(before, after), encoding="utf-8")


def saved_files(path: Path) -> str:
    """The files of `save_found`, for people."""
    return f"{path} (with {config_path(path).name} and {diff_path(path).name} beside it)"


def candidate_rows(
    board: Scoreboard, sets: QuestionSets, start: Candidate | None = None, chosen: Candidate | None = None
) -> list[CandidateRow]:
    """Every candidate in the order of its first run."""
    train, val = ([asked_of(one) for one in part] for part in (sets.train, sets.val))
    return [
        CandidateRow(
            number=one.number,
            key=one.key,
            found_by=one.found_by,
            is_start=one is start,
            is_chosen=one is chosen,
            first_run=one.first_run,
            program_runs=sum(map(len, one.scores.values())),
            score_train=one.mean(train),
            score_val=one.mean(val),
            num_train_asked=sum(bool(one.scores.get(asked)) for asked in train),
            num_val_asked=sum(bool(one.scores.get(asked)) for asked in val),
            instructions={name: signature.instructions for name, (signature, _) in one.prompts.items()},
            demos={name: len(demos) for name, (_, demos) in one.prompts.items()},
        )
        for one in board.candidates.values()
    ]


def write_prompts(run: Run, before: MemoryQA, after: MemoryQA) -> None:
    """prompts.json: every prompt before and after."""
    run.write_json(search_record.PROMPTS, prompt_changes(before, after))


def search_summary(
    plan: Plan, found: Found, board: Scoreboard, spent: Spent, comparison: Comparison, trouble: Mapping[str, int]
) -> SearchSummary:
    """What summary.json of a search has besides the fields of every run; `trouble`: failures and unread answers."""
    priced = not plan.models.unpriced()
    return SearchSummary(
        search=_facts(plan, found, board, trouble),
        comparison=search_record.Comparison(
            questions=comparison.questions,
            before=comparison.before,
            after=comparison.after,
            difference=comparison.difference,
            ci95=comparison.ci95,
            shown=comparison.shown,
            interval="paired bootstrap over questions",
            verdict=comparison.verdict(),
            by_category=dict(comparison.by_category),
        ),
        spent=search_record.Spent(
            calls=spent.calls,
            paid_calls=spent.paid_calls,
            prompt_tokens=spent.prompt_tokens,
            completion_tokens=spent.completion_tokens,
            largest_prompt_tokens=spent.largest_prompt_tokens,
            program_runs=board.runs + 2 * len(plan.sets.held_back),
            cost_usd=spent.cost_usd if priced else None,
            paid_usd=spent.paid_usd if priced else None,
        ),
        estimated=cast(Estimated, asdict(plan.expected)),
    )


def _facts(plan: Plan, found: Found, board: Scoreboard, trouble: Mapping[str, int]) -> SearchFacts:
    config = plan.config
    changes = prompt_changes(plan.program, found.program)
    return SearchFacts(
        optimizers=list(config.optimizer),
        metric=config.metric,
        questions={name: len(questions) for name, questions in plan.sets.by_name().items()},
        max_demos=config.max_demos,
        seed=config.seed,
        started_from=config.from_file,
        models={role: describe(choice) for role, choice in plan.models.choices.items()},
        limits=Limits(max_calls=config.max_calls, max_cost_usd=config.max_cost),
        num_candidates=len(board.candidates),
        chosen=found.candidate.number,
        stopped=found.stopped,
        proposals_unread=trouble["proposals_unread"],
        verdicts_unread=trouble["verdicts_unread"],
        failures=trouble["failures"],
        prompts_changed=[one["predictor"] for one in changes if one["changed"]],
        output=config.output,
    )


def run_summary(run: Run, plan: Plan, rows: Mapping[tuple[str, str], Row]) -> dict[str, Any]:
    """The fields of every run's summary.json: programs `before` and `after` on the held-back questions."""
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
