"""Ask programs questions: one scored row per answer, as it completes.

A program that answers is called with a question's `inputs()`, `conversation_id` and `question`, and returns the answer
as text, or an object with `answer` and, where it has them, `retrieved_ids`, `evidence_ids`, `hops`, `queries`,
`context_tokens`, `memory_tokens` and `problems`. One that only retrieves is called with `inputs()` and `budget_tokens`,
and returns a `Finding`. Neither ever sees the gold answer, the category or the evidence.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from locomo.evaluate import all_evidence, evidence_recall, f1_by_rule, mem0_f1
from locomo.in_flight import run_in_threads
from locomo.rows import AnswerRow, Asked, Cost, EvidenceScores, Scores, SearchRow
from locomo.schema import Question
from memoryqa.errors import StoppedError

Row = Mapping[str, Any]  # one of locomo/rows.py, or one with more fields
Program = Callable[..., Any]
Ask = Callable[[str, Program, Question], tuple[Any, BaseException | None]]
Trace = Callable[[str, str], AbstractContextManager[None]]  # of a program's name and a question's id
_MAX_ERROR_CHARS = 500
MAX_FAILURE_RATE = 0.2  # above it the answers say more about the server than about the program


class Usage(Protocol):
    """Counts of one question's LM calls; `paid_calls` are those that a server answered, not the cache.

    Tokens are None where the server counts none. What else memoryqa/lms/usage.py notes is kept where it is there.
    """

    calls: int
    paid_calls: int
    prompt_tokens: int | None
    completion_tokens: int | None


MeasureUsage = Callable[[], AbstractContextManager[Usage]]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a search within a budget found: turn ids, best first, and the tokens they take.

    held_ids: turns that the working memory holds, for any question; None without such a memory.
    memory_tokens: its size.
    """

    ids: Sequence[str]
    tokens: int
    held_ids: Collection[str] | None = None
    memory_tokens: int | None = None


class BenchmarkStoppedError(StoppedError):
    """Asking further makes no sense. All answers until then have been passed to `on_row`."""


def ask_all(
    programs: Mapping[str, Program],
    questions: Sequence[Question],
    *,
    ask: Ask,
    on_row: Callable[[Any], None],
    done: Collection[tuple[str, str]] = (),
    num_threads: int = 1,
    is_systemic: Callable[[BaseException], bool] = lambda error: False,
) -> None:
    """Ask every program every question, question by question, so that an interrupted run still compares like with like.

    `ask` puts one question to one program: `ask_for_answer` or `ask_for_evidence`. `on_row` gets each row as its answer
    completes, in the calling thread; what it raises ends the run. `done` holds (program, question id) pairs not to ask
    again. One failed question is a row with its `error`. Raises BenchmarkStoppedError at the first failure that
    `is_systemic` says would repeat itself, and once a program failed on more than `MAX_FAILURE_RATE` of all questions.
    A stop, by Ctrl-C too, waits for the questions in flight and passes on their rows: they are being paid for already.
    """
    tasks = ((name, question) for question in questions for name in programs if (name, question.id) not in done)
    allowed_failures = MAX_FAILURE_RATE * len(questions)
    failures: Counter[str] = Counter()

    def check(result: tuple[Row, BaseException | None]) -> None:
        row, error = result
        if error is None:
            return
        failures[row["program"]] += 1
        if is_systemic(error):
            raise BenchmarkStoppedError(
                f"question {row['question_id']} failed as every other would: {row['error']}"
            ) from error
        if failures[row["program"]] > allowed_failures:
            raise BenchmarkStoppedError(
                f"program {row['program']} failed on {failures[row['program']]} of {len(questions)} "
                f"questions, more than {MAX_FAILURE_RATE:.0%}; the last one: {row['error']}"
            ) from error

    run_in_threads(
        (partial(ask, name, programs[name], question) for name, question in tasks),
        on_result=lambda result: on_row(result[0]),
        check=check,
        num_threads=num_threads,
    )


# -- one question ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class NoUsage:
    """What a program without an LM costs."""

    calls: int = 0
    paid_calls: int = 0
    prompt_tokens: int | None = 0
    completion_tokens: int | None = 0


@contextmanager
def no_usage() -> Iterator[Usage]:
    """For programs that ask no LM."""
    yield NoUsage()


def no_trace(program: str, question_id: str) -> AbstractContextManager[None]:
    """Traces nothing."""
    return nullcontext()


def ask_for_answer(
    name: str,
    program: Program,
    question: Question,
    *,
    measure_usage: MeasureUsage = no_usage,
    trace: Trace = no_trace,
) -> tuple[AnswerRow, BaseException | None]:
    """One question to one program: its row, and the exception when it failed. `trace` is entered around it."""
    prediction, failure = None, None
    started = time.perf_counter()
    with measure_usage() as usage, trace(name, question.id):
        try:
            prediction = program(**question.inputs())
        except Exception as error:  # noqa: BLE001 (any failure of one question is a row, not the run's end)
            failure = error
    latency_sec = time.perf_counter() - started
    row: AnswerRow = {
        **identity(name, question),
        **score(question, prediction),
        **cost(usage, latency_sec, failure),
    }
    row["problems"] += [one for one in getattr(usage, "problems", ()) if one not in row["problems"]]
    return row, failure


def ask_for_evidence(
    name: str, program: Program, question: Question, *, budgets_tokens: Sequence[int]
) -> tuple[SearchRow, BaseException | None]:
    """One question to one program at every budget (ascending): its row, and the exception when it failed.

    The row's `retrieved_ids`, `context_tokens`, scores and latency are those at the largest budget, the last one.
    """
    found: list[Finding] = []
    failure: BaseException | None = None
    latency_sec: float | None = None
    try:
        for budget_tokens in budgets_tokens:
            started = time.perf_counter()
            found.append(program(**question.inputs(), budget_tokens=budget_tokens))
            latency_sec = time.perf_counter() - started
    except Exception as error:  # noqa: BLE001 (as above)
        failure, latency_sec = error, None
    scored = score_evidence(question, found if failure is None else None, budgets_tokens)
    return search_row(name, question, scored, latency_sec, failure), failure


def search_row(
    name: str,
    question: Question,
    scored: EvidenceScores,
    latency_sec: float | None = None,
    failure: BaseException | None = None,
) -> SearchRow:
    """A row of what a search found; without `latency_sec` it was found earlier, and its time is not known."""
    return {**identity(name, question), **scored, **cost(NoUsage(), latency_sec, failure)}


def cost(usage: Usage, latency_sec: float | None, failure: BaseException | None) -> Cost:
    """The part of a row that says what the question cost, and whether it failed."""
    paid: Cost = {
        "lm_calls": usage.calls,
        "lm_calls_cached": usage.calls - usage.paid_calls,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "latency_sec": None if latency_sec is None else round(latency_sec, 6),
        "error": None if failure is None else f"{type(failure).__name__}: {_storable(_one_line(failure))}",
    }
    if counted := getattr(usage, "counted_tokens", 0):
        paid["counted_prompt_tokens"] = counted
    if missed := getattr(usage, "formats_missed", 0):
        paid["formats_missed"] = missed
    return paid


def identity(name: str, question: Question) -> Asked:
    """The part of a row that says who was asked what."""
    return {
        "program": name,
        "question_id": question.id,
        "conversation_id": question.conversation_id,
        "category": question.category,
        "question": question.text,
        "gold": question.gold,
        "gold_evidence_ids": list(question.evidence),
    }


def score(question: Question, prediction: Any) -> Scores:
    """The part of a row that comes from the prediction, an object with `answer` or the answer itself as text.

    None, a failed question, counts as wrong. The evidence of a prediction without `retrieved_ids` is not measured.
    """
    answer = "" if prediction is None else _storable(str(getattr(prediction, "answer", prediction)))
    retrieved = list(getattr(prediction, "retrieved_ids", ()))
    shown: Mapping[str, list[int] | str] = getattr(prediction, "shown", {})
    measured = prediction is None or hasattr(prediction, "retrieved_ids")
    scores: Scores = {
        "answer": answer,
        "f1": f1_by_rule(answer, question.gold, question.kind.rule),
        "mem0_f1": mem0_f1(answer, question.gold),
        "evidence_recall": evidence_recall(retrieved, question.evidence) if measured else None,
        "all_evidence": all_evidence(retrieved, question.evidence) if measured else None,
        "evidence_ids": list(getattr(prediction, "evidence_ids", ())),
        "retrieved_ids": retrieved,
        "hops": getattr(prediction, "hops", None),
        "queries": [_storable(query) for query in getattr(prediction, "queries", ())],
        "context_tokens": getattr(prediction, "context_tokens", None),
        "memory_tokens": getattr(prediction, "memory_tokens", None),
        "problems": list(getattr(prediction, "problems", ())),
    }
    if shown:
        scores["shown"] = dict(shown)
    return scores


def score_evidence(
    question: Question, found: Sequence[Finding] | None, budgets_tokens: Sequence[int]
) -> EvidenceScores:
    """The part of a row that comes from what was `found` at each budget; None, a failed question, found nothing."""
    findings = found if found is not None else [Finding((), 0)] * len(budgets_tokens)
    gold, last = question.evidence, findings[-1]
    return {
        "answer": None,
        "f1": None,
        "mem0_f1": None,
        "evidence_recall": evidence_recall(last.ids, gold),
        "all_evidence": all_evidence(last.ids, gold),
        "evidence_ids": [],
        "retrieved_ids": list(last.ids),
        "hops": None,
        "queries": [],
        "context_tokens": None if found is None else last.tokens,
        "memory_tokens": last.memory_tokens,
        "problems": [],
        "evidence_recall_at": {
            str(budget): evidence_recall(one.ids, gold) for budget, one in zip(budgets_tokens, findings, strict=True)
        },
        "all_evidence_at": {
            str(budget): all_evidence(one.ids, gold) for budget, one in zip(budgets_tokens, findings, strict=True)
        },
        "retention": None if last.held_ids is None else evidence_recall(last.held_ids, gold),
    }


def recalled(name: str, question: Question, measured: Mapping[str, Any]) -> SearchRow:
    """A row from some of the keys of `score_evidence`, `measured` earlier."""
    scored: Any = {**score_evidence(question, None, (0,)), **measured}
    return search_row(name, question, scored)


def _storable(text: str) -> str:
    """`text` with "?" for half a surrogate pair: a server may send one, but no file or terminal takes it."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _one_line(error: BaseException) -> str:
    """Whole, not the first line: an LM's error begins with the model's name alone on a line."""
    return " ".join(str(error).split())[:_MAX_ERROR_CHARS] or "no message"
