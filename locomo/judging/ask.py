"""Judge answers that exist already: one row per verdict, as it completes."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Protocol

from locomo.asking import MAX_FAILURE_RATE, Usage
from locomo.in_flight import run_in_threads
from locomo.judging.verdicts import Identity, answer_digest, identity_of, judges_category
from locomo.kinds import LOCOMO, Kinds
from locomo.rows import AnswerRow, Verdict, VerdictRow, Vote
from memoryqa.errors import StoppedError

_MAX_REASON_CHARS = 1_000


class Opinion(Protocol):
    """What a judge returns: `votes`, True, False or None (unreadable) with the reason, and `finding`, the majority."""

    votes: Sequence[tuple[bool | None, str]]
    finding: bool | None


class Judge(Identity, Protocol):
    """Whether the answer has what this judge looks for: being right, or (abstention) declining to answer."""

    def __call__(self, *, question: str, gold: str, answer: str) -> Opinion: ...


class JudgingStoppedError(StoppedError):
    """Judging further makes no sense. All verdicts until then have been passed to `on_row`."""


Task = tuple[Judge, AnswerRow]


def pending(
    judges: Sequence[Judge],
    answers: Iterable[AnswerRow],
    done: Collection[tuple[str, str, str]] = (),
    kinds: Kinds = LOCOMO,
) -> list[Task]:
    """What is to be judged, answer by answer; `done` holds (judge's name, program, question id)."""
    return [
        (judge, answer)
        for answer in answers
        for judge in judges
        if judges_category(judge.name, answer["category"], kinds)
        and (judge.name, answer["program"], answer["question_id"]) not in done
    ]


def ask_judges(
    tasks: Sequence[Task],
    *,
    total: int | None = None,
    on_row: Callable[[VerdictRow], None],
    measure_usage: Callable[[], AbstractContextManager[Usage]],
    num_threads: int = 1,
    is_systemic: Callable[[BaseException], bool] = lambda error: False,
    kinds: Kinds = LOCOMO,
) -> None:
    """Have every judge read every answer of `tasks` (see `pending`); `on_row` gets each verdict, in the calling thread.

    An LM call that fails makes an UNREADABLE row with its `error`. Raises JudgingStoppedError at the first failure that
    `is_systemic` expects to repeat itself, and once more than `MAX_FAILURE_RATE` of `total` failed: all verdicts of the
    run, those of before included (default: `tasks`). A stop, by Ctrl-C too, waits for the calls in flight, which are
    being paid for already, and passes on their rows.
    """
    allowed_failures = MAX_FAILURE_RATE * (total or len(tasks))
    failures = 0

    def check(result: tuple[VerdictRow, BaseException | None]) -> None:
        nonlocal failures
        row, error = result
        if error is None:
            return
        failures += 1
        if is_systemic(error) or failures > allowed_failures:
            raise JudgingStoppedError(
                f"judge {row['judge']} failed on question {row['question_id']}, "
                f"and {failures - 1} times before: {row['error']}"
            ) from error

    run_in_threads(
        (partial(judge_one, judge, answer, measure_usage, kinds) for judge, answer in tasks),
        on_result=lambda result: on_row(result[0]),
        check=check,
        num_threads=num_threads,
    )


def judge_one(
    judge: Judge,
    answer: AnswerRow,
    measure_usage: Callable[[], AbstractContextManager[Usage]],
    kinds: Kinds = LOCOMO,
) -> tuple[VerdictRow, BaseException | None]:
    """One answer's verdict row, and the exception when the judge's LM failed."""
    plainly_wrong = _plainly_wrong(answer)
    opinion, failure = None, None
    started = time.perf_counter()
    with measure_usage() as usage:
        try:
            if plainly_wrong is None:
                opinion = judge(question=answer["question"], gold=str(answer["gold"]), answer=answer["answer"])
        except Exception as error:  # noqa: BLE001 (any failure of one verdict is a row, not the run's end)
            failure = error
    latency_sec = round(time.perf_counter() - started, 6)
    wanted = judge.name != "abstention" or answer["category"] in kinds.declined
    return _row(judge, answer, opinion, plainly_wrong, usage, latency_sec, failure, wanted), failure


def _row(
    judge: Judge,
    answer: AnswerRow,
    opinion: Opinion | None,
    plainly_wrong: str | None,
    usage: Usage,
    latency_sec: float,
    failure: BaseException | None,
    wanted: bool,
) -> VerdictRow:
    finding, voted = (None, []) if opinion is None else (opinion.finding, opinion.votes)
    votes: list[Vote] = [{"verdict": _verdict(found, wanted), "reason": _one_line(reason)} for found, reason in voted]
    verdict: Verdict = "WRONG" if plainly_wrong else _verdict(finding, wanted)
    error = None if failure is None else f"{type(failure).__name__}: {_one_line(str(failure))}"
    row: VerdictRow = {
        "judge": judge.name,
        "model": judge.model,
        "num_votes": judge.num_votes,
        "prompt_digest": judge.prompt_digest,
        "program": answer["program"],
        "question_id": answer["question_id"],
        "conversation_id": answer["conversation_id"],
        "category": answer["category"],
        "answer_digest": answer_digest(answer),
        "verdict": verdict,
        "reason": plainly_wrong or error or _reason(votes, verdict),
        "without_lm": plainly_wrong is not None,
        "declines": finding if judge.name == "abstention" else None,
        "votes": votes,
        "lm_calls": usage.calls,
        "lm_calls_cached": usage.calls - usage.paid_calls,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "latency_sec": latency_sec,
        "error": error,
    }
    if identity := identity_of(judge):
        row["lm"] = identity
    return row


def _plainly_wrong(answer: AnswerRow) -> str | None:
    """Why an answer is wrong in any judge's eyes, so that none need be asked; None: ask."""
    if answer["error"] is not None:
        return "the question failed"
    return None if answer["answer"].strip() else "the answer is empty"


def _verdict(finding: bool | None, wanted: bool) -> Verdict:
    """Declining is right where it is `wanted` and wrong elsewhere; the judge does not know the category."""
    if finding is None:
        return "UNREADABLE"
    return "CORRECT" if finding is wanted else "WRONG"


def _reason(votes: Sequence[Vote], verdict: Verdict) -> str:
    """The reason of the first vote for the verdict; the reasons of all votes when several have no majority."""
    if verdict == "UNREADABLE" and len(votes) > 1:
        return "no majority: " + "; ".join(f"{vote['verdict']}: {vote['reason']}" for vote in votes)
    return next(vote["reason"] for vote in votes if vote["verdict"] == verdict)


def _one_line(text: str) -> str:
    """Bounded, and with "?" for half a surrogate pair: a server may send one, but no file or terminal takes it."""
    return " ".join(text.split())[:_MAX_REASON_CHARS].encode("utf-8", "replace").decode("utf-8") or "no reason given"
