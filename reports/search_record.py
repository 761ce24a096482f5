"""The files that a search for better prompts leaves in its run folder, as types: optimize.py writes them, a page reads.

    summary.json      OptimizeSummary: as of every run, with programs `before` and `after`, and more
    candidates.json   a list of CandidateRow: every set of prompts that was tried, in the order of the first try
    prompts.json      a list of PromptChange: each prompt of the program before and after
    program.json      the program itself; program.diff: the changes as text

config.json of such a run has the key `optimize`. An interrupted search leaves candidates.json and prompts.json alone.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

from locomo.rows import RunSummary

BEFORE, AFTER = "before", "after"  # the programs of such a run
CANDIDATES, PROMPTS = "candidates.json", "prompts.json"


class CandidateRow(TypedDict):
    """One set of prompts. Scores are means, 0..1, of the metric searched with; None unless every question was asked.

    found_by: the optimizer; None for the prompts that the search began with. first_run: program runs of the search
    before its first one. program_runs: its own. instructions, demos (how many): by predictor.
    """

    number: int
    key: str
    found_by: str | None
    is_start: bool
    is_chosen: bool
    first_run: int
    program_runs: int
    score_train: float | None
    score_val: float | None
    num_train_asked: int
    num_val_asked: int
    instructions: dict[str, str]
    demos: dict[str, int]


class Prompt(TypedDict):
    """What an LM is sent besides the inputs. demos: field -> text, of each demonstration."""

    instructions: str
    demos: list[dict[str, str]]


class PromptChange(TypedDict):
    """One predictor of the program, before and after."""

    predictor: str
    changed: bool
    before: Prompt
    after: Prompt


class Comparison(TypedDict):
    """The metric searched with on the held-back questions, 0..1; None where there was no question to compare.

    ci95: of the difference. shown: whether it leaves out zero. verdict: the same in one line, for people.
    """

    questions: int
    before: float | None
    after: float | None
    difference: float | None
    ci95: tuple[float, float] | None
    shown: bool
    interval: str
    verdict: str
    by_category: dict[str, tuple[int, float, float]]  # questions, before, after


class Spent(TypedDict):
    """What the run took. paid_calls: answered by a server; the cache answered the others. cost_usd: as if no answer had
    come from the cache; paid_usd: what the servers' own token counts cost. Both None when a price is unknown.
    formats_missed: replies that could not be read."""

    calls: int
    paid_calls: int
    prompt_tokens: int
    completion_tokens: int
    largest_prompt_tokens: int
    program_runs: int
    cost_usd: float | None
    paid_usd: float | None
    formats_missed: int


class Estimated(TypedDict):
    """What was expected before anything was spent; cost_usd None: a price is unknown.

    lm_calls_at_most: when every format is missed once; absent in runs of earlier versions.
    """

    program_runs: int
    lm_calls: int
    prompt_tokens: int
    completion_tokens: int
    largest_prompt_tokens: int
    largest_task_prompt_tokens: int
    cost_usd: float | None
    lm_calls_at_most: NotRequired[int]


class Limits(TypedDict):
    """As the user set them; None: no limit."""

    max_calls: int | None
    max_cost_usd: float | None


class SearchFacts(TypedDict):
    """What was searched, with whom, and how it ended.

    questions: counts of the sets `train` (learnt from), `val` (chosen on) and `held_back` (compared on). models: a line
    for people by role. chosen: the `number` of the candidate saved; 0 is the one that the search began with. stopped:
    why the search ended early, None when it did not. prompts_changed: names of predictors.
    """

    optimizers: list[str]
    metric: str
    questions: dict[str, int]
    max_demos: int
    seed: int
    started_from: str | None
    models: dict[str, str]
    limits: Limits
    num_candidates: int
    chosen: int
    stopped: str | None
    proposals_unread: int
    verdicts_unread: int
    failures: int
    prompts_changed: list[str]
    output: str


class Result(TypedDict):
    """The document that optimize.py prints on stdout; scores as in Comparison."""

    optimizer: str
    metric: str
    before: float | None
    after: float | None
    difference: float | None
    ci95: tuple[float, float] | None
    shown: bool
    held_back_questions: int
    lm_calls: int
    estimated_lm_calls: int
    paid_lm_calls: int
    paid_usd: float | None
    largest_prompt_tokens: int
    output: str
    failures: int
    proposals_unread: int
    verdicts_unread: int
    stopped: str | None
    run_dir: str


class SearchSummary(TypedDict):
    """What summary.json of such a run has besides the fields of every run."""

    result: Result
    search: SearchFacts
    comparison: Comparison
    spent: Spent
    estimated: Estimated


class OptimizeSummary(RunSummary, SearchSummary):
    """summary.json of such a run; its `programs` are `before` and `after`, on the held-back questions."""
