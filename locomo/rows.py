"""The shapes of what a run leaves: a row of answers.jsonl, a judge's row, and summary.json.

locomo/asking.py, locomo/judging/ask.py, locomo/summary.py and reports/evaluated.py write them. Whoever reads one from
a file checks it with `problem_of`, which takes its fields from the classes here.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, Literal, NotRequired, TypedDict

from locomo.judging.names import JudgeName

Verdict = Literal["CORRECT", "WRONG", "UNREADABLE"]
ByCategory = dict[str, float | None]  # a fraction, 0..1, by the name of a category; None: not measured
PROGRAM_NAMES = ("simple", "memory", "full-context")  # ours, as memory_system.py makes them, in the order of reports
MAIN_PROGRAM = "memory"  # the one that runs are about, where they hold several; the others are baselines
FULL_LINES_PROGRAM = "full-context"  # it is sent whole lines; the other programs get them without filler
USUAL_BUDGETS_TOKENS = (500, 1000, 2000, 4000)  # sizes of the evidence that mode "retrieval" scores
ByBudget = dict[str, float | None]  # by the size of the evidence in tokens, as text


class Asked(TypedDict):
    """Who was asked what. The program under test sees `conversation_id` and `question` only."""

    program: str
    question_id: str
    conversation_id: str
    category: int
    question: str
    gold: str
    gold_evidence_ids: list[str]


class Cost(TypedDict):
    """What a question cost. latency_sec: None where it was not timed. error: None unless the question failed.

    Tokens are the server's counts; None where it gives none. counted_prompt_tokens: our count of the prompts that were
    paid for (o200k_base). formats_missed: replies that did not follow the format and were asked for again.
    """

    lm_calls: int
    lm_calls_cached: int
    prompt_tokens: int | None
    completion_tokens: int | None
    latency_sec: float | None
    error: str | None
    counted_prompt_tokens: NotRequired[int]
    formats_missed: NotRequired[int]


class Scores(TypedDict):
    """An answer and its scores, 0..1; None: not measured. A failed question has the answer "" and counts as wrong.

    shown: by id the turns that were not shown by one whole line: the numbers of their passages from 0, or the text.
    """

    answer: str
    f1: float
    mem0_f1: float
    evidence_recall: float | None
    all_evidence: bool | None
    evidence_ids: list[str]
    retrieved_ids: list[str]
    hops: int | None
    queries: list[str]
    context_tokens: int | None
    memory_tokens: int | None
    problems: list[str]
    shown: NotRequired[dict[str, list[int] | str]]


class EvidenceScores(TypedDict):
    """What a search found, and its scores, 0..1: the fields of `Scores` at the largest budget, and scores by budget.

    retention: the share of the evidence that the working memory holds.
    """

    answer: None
    f1: None
    mem0_f1: None
    evidence_recall: float | None
    all_evidence: bool | None
    evidence_ids: list[str]
    retrieved_ids: list[str]
    hops: None
    queries: list[str]
    context_tokens: int | None
    memory_tokens: int | None
    problems: list[str]
    evidence_recall_at: ByBudget
    all_evidence_at: dict[str, bool | None]
    retention: float | None


class AnswerRow(Asked, Scores, Cost):
    """One line of answers.jsonl."""


class ScoredRow(AnswerRow):
    """One line of answers.jsonl of optimize.py. score: by its metric; None where the judge's verdict was unreadable."""

    score: float | None


class SearchRow(Asked, EvidenceScores, Cost):
    """One line of answers.jsonl in mode "retrieval"."""


Row = AnswerRow | SearchRow


class Vote(TypedDict):
    """One reading of an answer by a judge."""

    verdict: Verdict
    reason: str


class VerdictRow(TypedDict):
    """One line of judge-<name>.jsonl: one judged answer.

    `judge`, `model`, `num_votes` and `prompt_digest` say who judged; `program`, `question_id` and `answer_digest` what
    was judged. without_lm: the answer had failed or was empty, and no LM was asked. declines: what the abstention judge
    found; None for the others. lm: the judge's LM with its address and sampling.
    """

    judge: JudgeName
    model: str
    num_votes: int
    prompt_digest: str
    program: str
    question_id: str
    conversation_id: str
    category: int
    answer_digest: str
    verdict: Verdict
    reason: str
    without_lm: bool
    declines: bool | None
    votes: list[Vote]
    lm_calls: int
    lm_calls_cached: int
    prompt_tokens: int | None
    completion_tokens: int | None
    latency_sec: float
    error: str | None
    lm: NotRequired[str]


class ScoreSummary(TypedDict):
    """One program's rows in numbers: fractions in 0..1, units in the names, None for what was not measured.

    Latency is of questions that were answered from beginning to end, now and by a server where an LM is asked:
    `latency_questions` of them. Failed and cached ones say nothing about it.
    """

    f1: float | None
    f1_by_category: ByCategory
    f1_categories_1_4: float | None
    mem0_f1_categories_1_4: float | None
    evidence_recall: float | None
    evidence_recall_by_category: ByCategory
    all_evidence_rate: float | None
    all_evidence_rate_by_category: ByCategory
    context_tokens_mean: float | None
    memory_tokens_max: int | None
    hops_mean: float | None
    lm_calls_mean: float | None
    prompt_tokens: int | None
    completion_tokens: int | None
    latency_sec_p50: float | None
    latency_sec_p95: float | None
    latency_sec_p99: float | None
    latency_questions: int
    failures: int
    questions_with_problems: int
    questions: int
    questions_by_category: dict[str, int]


class EvidenceSummary(TypedDict):
    """What mode "retrieval" measures besides."""

    evidence_recall_at: ByBudget
    all_evidence_at: ByBudget
    retention: float | None


class AnswerSummary(ScoreSummary):
    """With 95% intervals over conversations, [low, high] or None, under the names of the scores."""

    ci95: dict[str, Any]


class SearchSummary(AnswerSummary, EvidenceSummary):
    """The same in mode "retrieval"."""


class JudgeSummary(TypedDict):
    """What judges said of one program; None for a judge that was not asked. `judge_accuracy` is the lenient judge's."""

    judge_accuracy: float | None
    judge_accuracy_by_category: ByCategory | None
    judge_strict_accuracy: float | None
    judge_strict_accuracy_by_category: ByCategory | None
    judge_abstention_accuracy: float | None
    judge_false_abstention_rate: float | None
    judge_unreadable: int | None


class ProgramSummary(AnswerSummary, JudgeSummary):
    """One program's part of summary.json; `ci95` has the judges' intervals too."""


class DataSummary(TypedDict):
    """Which questions a run asked. kinds: those of its data set (locomo/kinds.py); without it they are LoCoMo's."""

    name: str
    sha256: str
    split: str
    conversations: int
    questions: int
    is_bundled_sample: bool
    kinds: NotRequired[dict[str, Any]]


class RunSummary(TypedDict):
    """summary.json. parameters: what tuned parameters say of themselves."""

    run_dir: str
    task_lm: str
    judge_lm: str
    embedding_failures: int
    data: DataSummary
    programs: dict[str, ProgramSummary]
    parameters: NotRequired[str]


# -- checking what was read from a file --------------------------------------------------------------------------------


def problem_of(row: object, kind: type, fields: Collection[str] | None = None) -> str | None:
    """Why `row`, read from a file, is no `kind` (a class above), in words that follow its place; None when it is one.

    `f"{path}, line 3{problem}"` is "rows.jsonl, line 3 has no 'f1'". Only `fields` are looked at; without them all that
    `kind` requires.
    """
    if not isinstance(row, Mapping):
        return " is not a JSON object"
    for name, expected in json_types(kind).items():
        if fields is not None and name not in fields:
            continue
        if name not in row:
            return f" has no {name!r}"
        if not any(_is_a(row[name], one) for one in expected):
            found = type(row[name]).__name__ if isinstance(expected[0], type) else repr(row[name])
            return f": {name!r} must be {' or '.join(map(_shown, expected))}, found {found}"
    return None


@cache
def json_types(kind: type) -> dict[str, tuple[Any, ...]]:
    """By required field of `kind`, what its value may be in JSON: types, or for a Literal the values themselves."""
    hints = typing.get_type_hints(kind, include_extras=True)  # it says NotRequired; annotations are text otherwise
    return {
        name: tuple(dict.fromkeys(_alternatives(hint)))
        for name, hint in hints.items()
        if typing.get_origin(hint) is not NotRequired
    }


def _alternatives(hint: Any) -> list[Any]:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return [one for member in typing.get_args(hint) for one in _alternatives(member)]
    if origin is Literal:
        return list(typing.get_args(hint))
    return [int, float] if hint is float else [origin or hint]


def _is_a(value: object, expected: Any) -> bool:
    return isinstance(value, expected) if isinstance(expected, type) else value == expected


def _shown(expected: Any) -> str:
    return expected.__name__ if isinstance(expected, type) else repr(expected)
