"""The files of a finished search (reports/search_record.py), made from what the search found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from harness.flags import with_flags
from harness.runs import Run
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
from reports.search_record import CandidateRow, Limits, SearchFacts, SearchSummary


@dataclass(frozen=True, slots=True)
class Trouble:
    """Counts of failed program runs and verdicts, and of unreadable answers of the prompt model and the judge."""

    failures: int
    proposals_unread: int
    verdicts_unread: int


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
    run: Run,
    plan: Plan,
    found: Found,
    board: Scoreboard,
    spent: Spent,
    comparison: Comparison,
    trouble: Trouble,
) -> SearchSummary:
    """What summary.json says of the search."""
    priced = not plan.models.unpriced()
    paid_usd = spent.paid_usd if priced else None
    return {
        "result": search_record.Result(
            optimizer=",".join(plan.config.optimizer),
            metric=plan.config.metric,
            before=comparison.before,
            after=comparison.after,
            difference=comparison.difference,
            ci95=comparison.ci95,
            shown=comparison.shown,
            held_back_questions=comparison.questions,
            lm_calls=spent.calls,
            estimated_lm_calls=plan.expected.lm_calls,
            paid_lm_calls=spent.paid_calls,
            paid_usd=paid_usd,
            largest_prompt_tokens=spent.largest_prompt_tokens,
            output=plan.config.output,
            failures=trouble.failures,
            proposals_unread=trouble.proposals_unread,
            verdicts_unread=trouble.verdicts_unread,
            stopped=found.stopped,
            run_dir=str(run.run_dir),
        ),
        "search": _facts(plan, found, board, trouble),
        "comparison": cast(
            search_record.Comparison,
            {
                **asdict(comparison),
                "shown": comparison.shown,
                "interval": "paired bootstrap over questions",
                "verdict": comparison.verdict(),
            },
        ),
        "spent": cast(
            search_record.Spent,
            {
                **asdict(spent),
                "program_runs": board.runs + 2 * len(plan.sets.held_back),
                "cost_usd": spent.cost_usd if priced else None,
                "paid_usd": paid_usd,
            },
        ),
        "estimated": cast(search_record.Estimated, asdict(plan.expected)),
    }


def _facts(plan: Plan, found: Found, board: Scoreboard, trouble: Trouble) -> SearchFacts:
    config = plan.config
    changes = prompt_changes(plan.program, found.program)
    return SearchFacts(
        optimizers=list(config.optimizer),
        metric=config.metric,
        questions={name: len(questions) for name, questions in plan.sets.by_name().items()},
        max_demos=config.max_demos,
        seed=config.seed,
        started_from=config.from_file,
        models={role: with_flags(describe(choice)) for role, choice in plan.models.choices.items()},
        limits=Limits(max_calls=config.max_calls, max_cost_usd=config.max_cost),
        num_candidates=len(board.candidates),
        chosen=found.candidate.number,
        stopped=found.stopped,
        proposals_unread=trouble.proposals_unread,
        verdicts_unread=trouble.verdicts_unread,
        failures=trouble.failures,
        prompts_changed=[one["predictor"] for one in changes if one["changed"]],
        output=config.output,
    )
