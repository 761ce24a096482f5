"""Ask programs the benchmark's questions: one scored row per answer, then one summary per program.

A program is anything that is called with a question's `inputs()` and returns an object with `answer` and, where it
has them, `retrieved_ids`, `evidence_ids`, `hops`, `queries`, `context_tokens`, `memory_tokens` and `problems`. It never
sees the gold answer, the category or the evidence.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import Any, Protocol

from locomo.evaluate import aggregate, all_evidence, evidence_recall, mem0_f1, official_f1
from locomo.latency import percentiles
from locomo.schema import Question

Row = dict[str, Any]
Program = Callable[..., Any]
Trace = Callable[[str, str], AbstractContextManager[None]]  # of a program's name and a question's id
_MAX_ERROR_CHARS = 500
MAX_FAILURE_RATE = 0.2  # above it the answers say more about the server than about the program


class Usage(Protocol):
    """Counts of one question's LM calls; `paid_calls` are those that a server answered, not the cache."""

    calls: int
    paid_calls: int
    prompt_tokens: int
    completion_tokens: int


class BenchmarkStoppedError(RuntimeError):
    """Going on makes no sense. Everything answered so far has been passed to `on_row`."""


def run_benchmark(
    programs: Mapping[str, Program],
    questions: Sequence[Question],
    *,
    on_row: Callable[[Row], None],
    measure_usage: Callable[[], AbstractContextManager[Usage]],
    done: Collection[tuple[str, str]] = (),
    num_threads: int = 1,
    is_systemic: Callable[[BaseException], bool] = lambda error: False,
    trace: Trace = lambda program, question_id: nullcontext(),
) -> None:
    """Ask every program every question, question by question, so that an interrupted run still compares like with like.

    `on_row` gets each row as its answer completes, in the calling thread. `done` holds (program, question id) pairs not
    to ask again. One failed question is a row with its `error`. Raises BenchmarkStoppedError at the first failure that
    `is_systemic` says would repeat itself, and once a program failed on more than `MAX_FAILURE_RATE` of all questions.
    `trace` is entered around each question, in its thread. A stop, by Ctrl-C too, waits for the questions in flight and
    passes on their rows: they are being paid for already.
    """
    tasks = ((name, question) for question in questions for name in programs if (name, question.id) not in done)
    allowed_failures = MAX_FAILURE_RATE * len(questions)
    failures: Counter[str] = Counter()
    with ThreadPoolExecutor(max_workers=num_threads) as executor:
        # only as many in flight as there are threads: a stop then leaves no queue of paid questions behind
        running: set[Future[tuple[Row, BaseException | None]]] = set()
        try:
            while True:
                for name, question in islice(tasks, num_threads - len(running)):
                    running.add(executor.submit(ask, name, programs[name], question, measure_usage, trace))
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    row, error = future.result()
                    on_row(row)
                    running.remove(future)
                    if error is None:
                        continue
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
        except (BenchmarkStoppedError, KeyboardInterrupt):
            for future in running:
                on_row(future.result()[0])
            raise


def ask(
    name: str,
    program: Program,
    question: Question,
    measure_usage: Callable[[], AbstractContextManager[Usage]],
    trace: Trace,
) -> tuple[Row, BaseException | None]:
    """One question to one program: its row, and the exception when it failed."""
    prediction, failure = None, None
    started = time.perf_counter()
    with measure_usage() as usage, trace(name, question.id):
        try:
            prediction = program(**question.inputs())
        except Exception as error:  # noqa: BLE001 (one question's failure, whatever it is, is a row and not the run's end)
            failure = error
    latency_sec = time.perf_counter() - started
    row = {
        "program": name,
        "question_id": question.id,
        "conversation_id": question.conversation_id,
        "category": question.category,
        "question": question.text,
        "gold": question.gold,
        "gold_evidence_ids": list(question.evidence),
        **score(question, prediction),
        "lm_calls": usage.calls,
        "lm_calls_cached": usage.calls - usage.paid_calls,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "latency_sec": round(latency_sec, 6),
        "error": None if failure is None else f"{type(failure).__name__}: {_storable(_one_line(failure))}",
    }
    return row, failure


def score(question: Question, prediction: Any) -> Row:
    """The part of a row that comes from the prediction; None, a failed question, counts as wrong."""
    answer = "" if prediction is None else _storable(str(prediction.answer))
    retrieved = list(getattr(prediction, "retrieved_ids", ()))
    return {
        "answer": answer,
        "f1": official_f1(answer, question.gold, question.category),
        "mem0_f1": mem0_f1(answer, question.gold),
        "evidence_recall": evidence_recall(retrieved, question.evidence),
        "all_evidence": all_evidence(retrieved, question.evidence),
        "evidence_ids": list(getattr(prediction, "evidence_ids", ())),
        "retrieved_ids": retrieved,
        "hops": getattr(prediction, "hops", None),
        "queries": [_storable(query) for query in getattr(prediction, "queries", ())],
        "context_tokens": getattr(prediction, "context_tokens", None),
        "memory_tokens": getattr(prediction, "memory_tokens", None),
        "problems": list(getattr(prediction, "problems", ())),
    }


def summarise(rows: Sequence[Row]) -> dict[str, Any]:
    """One program's rows in numbers: fractions in 0..1, units in the names, None for what was not measured.

    Latency is of questions that were answered by a server from beginning to end: failed and cached ones tell nothing.
    """
    scores = aggregate(rows)
    latency = percentiles(row["latency_sec"] for row in rows if row["error"] is None and not row["lm_calls_cached"])
    return {
        "f1": scores.f1,
        "f1_by_category": scores.f1_by_category,
        "f1_categories_1_4": scores.f1_categories_1_4,
        "mem0_f1_categories_1_4": _mean([row["mem0_f1"] for row in rows if row["category"] != 5]),
        "evidence_recall": scores.evidence_recall,
        "evidence_recall_by_category": scores.evidence_recall_by_category,
        "all_evidence_rate": scores.all_evidence_rate,
        "all_evidence_rate_by_category": scores.all_evidence_rate_by_category,
        "context_tokens_mean": _mean([row["context_tokens"] for row in rows]),
        "memory_tokens_max": max(
            (row["memory_tokens"] for row in rows if row["memory_tokens"] is not None), default=None
        ),
        "hops_mean": _mean([row["hops"] for row in rows]),
        "lm_calls_mean": _mean([row["lm_calls"] for row in rows]),
        "prompt_tokens": sum(row["prompt_tokens"] for row in rows),
        "completion_tokens": sum(row["completion_tokens"] for row in rows),
        "latency_sec_p50": latency["p50"],
        "latency_sec_p95": latency["p95"],
        "latency_sec_p99": latency["p99"],
        "latency_questions": latency["n"],
        "failures": sum(row["error"] is not None for row in rows),
        "questions_with_problems": sum(bool(row["problems"]) for row in rows),
        "questions": len(rows),
        "questions_by_category": scores.n_by_category,
    }


def _mean(values: Sequence[float | None]) -> float | None:
    measured = [value for value in values if value is not None]
    return sum(measured) / len(measured) if measured else None


def _storable(text: str) -> str:
    """`text` with "?" for half a surrogate pair: a server may send one, but no file or terminal takes it."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _one_line(error: BaseException) -> str:
    """Whole, not the first line: an LM's error begins with the model's name alone on a line."""
    return " ".join(str(error).split())[:_MAX_ERROR_CHARS] or "no message"
