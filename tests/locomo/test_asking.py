from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locomo.asking import MAX_FAILURE_RATE, BenchmarkStoppedError, Row, ask_all, ask_for_answer
from locomo.schema import Question
from locomo.summary import summarise


@dataclass
class Counts:
    calls: int = 2
    paid_calls: int = 2
    prompt_tokens: int = 30
    completion_tokens: int = 4


@contextmanager
def no_lm() -> Iterator[Counts]:
    yield Counts()


ANSWER = partial(ask_for_answer, measure_usage=no_lm)


def question(number: int, category: int = 4, **more: Any) -> Question:
    made = Question(f"chat:{number}", "chat", f"Question {number}?", f"gold {number}", category, ("D1:1", "D2:5"), "")
    return replace(made, **more)


def questions(count: int, category: int = 4) -> list[Question]:
    return [question(number, category) for number in range(count)]


def run(program: Callable[..., Any], asked: list[Question], **more: Any) -> list[Row]:
    rows: list[Row] = []
    ask_all({"p": program}, asked, on_row=rows.append, ask=ANSWER, **more)
    return rows


def answer(text: str = "gold 0", **more: Any) -> SimpleNamespace:
    return SimpleNamespace(answer=text, **more)


# -- what a program is given -------------------------------------------------------------------------------------------


def test_a_program_is_given_the_conversations_id_and_the_question_and_nothing_else() -> None:
    given_to_program: list[dict[str, Any]] = []
    secret = question(0, category=5, gold="planted-gold", adversarial_answer="planted-trap", evidence=("D7:7",))

    def program(*arguments: Any, **inputs: Any) -> SimpleNamespace:
        assert not arguments
        given_to_program.append(inputs)
        return answer()

    run(program, [secret])
    assert given_to_program == [{"conversation_id": "chat", "question": "Question 0?"}]


# -- rows --------------------------------------------------------------------------------------------------------------


def test_a_row_holds_question_prediction_scores_and_cost() -> None:
    prediction = answer(
        "gold 3, silver",
        evidence_ids=["D1:1"],
        retrieved_ids=("D1:1", "D9:9"),
        hops=2,
        queries=["q"],
        context_tokens=123,
        memory_tokens=456,
        problems=["p"],
    )
    (row,) = run(lambda **inputs: prediction, [question(3, category=1)])
    latency_sec = row.pop("latency_sec")
    assert 0 <= latency_sec < 5
    assert row == {
        "program": "p",
        "question_id": "chat:3",
        "conversation_id": "chat",
        "category": 1,
        "question": "Question 3?",
        "gold": "gold 3",
        "gold_evidence_ids": ["D1:1", "D2:5"],
        "answer": "gold 3, silver",
        "f1": 1.0,  # multi-hop: the best part counts
        "mem0_f1": pytest.approx(0.8),
        "evidence_recall": 0.5,
        "all_evidence": False,
        "evidence_ids": ["D1:1"],
        "retrieved_ids": ["D1:1", "D9:9"],
        "hops": 2,
        "queries": ["q"],
        "context_tokens": 123,
        "memory_tokens": 456,
        "problems": ["p"],
        "lm_calls": 2,
        "lm_calls_cached": 0,
        "prompt_tokens": 30,
        "completion_tokens": 4,
        "error": None,
    }
    json.dumps(row, allow_nan=False)


def test_a_program_that_returns_only_an_answer_is_enough() -> None:
    (row,) = run(lambda **inputs: answer("gold 0"), questions(1))
    assert (row["f1"], row["hops"], row["context_tokens"], row["retrieved_ids"]) == (1.0, None, None, [])


def test_a_failed_question_is_a_row_with_its_error_and_counts_as_wrong() -> None:
    def program(question: str, **inputs: Any) -> SimpleNamespace:
        if question.startswith("Question 3"):
            raise RuntimeError("\n\n  first line \nsecond line")
        return answer("No information available")

    rows = run(program, questions(10, category=5))
    failed = rows[3]
    assert failed["error"] == "RuntimeError: first line second line"
    assert (failed["answer"], failed["f1"], failed["evidence_recall"], failed["all_evidence"]) == ("", 0.0, 0.0, False)
    assert set(failed) == set(rows[0])
    assert (failed["lm_calls"], failed["prompt_tokens"]) == (2, 30)
    assert summarise(rows)["f1"] == pytest.approx(0.9)
    assert summarise(rows)["failures"] == 1


def test_an_error_without_a_message_is_a_row_too() -> None:
    def program(question: str, **inputs: Any) -> SimpleNamespace:
        if question == "Question 0?":
            raise TimeoutError
        return answer()

    assert run(program, questions(5))[0]["error"] == "TimeoutError: no message"


def test_half_a_surrogate_pair_in_an_answer_can_be_stored() -> None:
    half = "\ud83d"

    def program(question: str, **inputs: Any) -> SimpleNamespace:
        if question == "Question 1?":
            raise ValueError(f"bad {half}")
        return answer(f"kite {half}", queries=[half])

    rows = run(program, questions(6))
    assert rows[0]["answer"] == "kite ?"
    assert rows[0]["queries"] == ["?"]
    assert rows[1]["error"] == "ValueError: bad ?"
    for row in rows:
        json.dumps(row, ensure_ascii=False).encode()


# -- order, threads, resuming ------------------------------------------------------------------------------------------


def test_programs_take_turns_on_each_question() -> None:
    order: list[tuple[str, str]] = []
    ask_all(
        {name: lambda **inputs: answer() for name in ("a", "b")},
        questions(3),
        on_row=lambda row: order.append((row["program"], row["question_id"])),
        ask=ANSWER,
    )
    assert order == [(name, f"chat:{number}") for number in range(3) for name in ("a", "b")]


@given(
    count=st.integers(0, 12),
    num_threads=st.integers(1, 5),
    done=st.sets(st.tuples(st.sampled_from("ab"), st.integers(0, 12))),
)
def test_each_missing_answer_is_asked_for_once(count: int, num_threads: int, done: set[tuple[str, int]]) -> None:
    asked: list[tuple[str, str]] = []
    done_ids = {(name, f"chat:{number}") for name, number in done}
    ask_all(
        {name: lambda **inputs: answer() for name in ("a", "b")},
        questions(count),
        on_row=lambda row: asked.append((row["program"], row["question_id"])),
        ask=ANSWER,
        done=done_ids,
        num_threads=num_threads,
    )
    wanted = {(name, f"chat:{number}") for name in "ab" for number in range(count)} - done_ids
    assert len(asked) == len(wanted)
    assert set(asked) == wanted


def test_as_many_questions_run_at_a_time_as_there_are_threads_and_rows_come_in_the_calling_thread() -> None:
    together = threading.Barrier(3, timeout=5)
    row_threads = set()

    def program(**inputs: Any) -> SimpleNamespace:
        together.wait()
        return answer()

    ask_all(
        {"p": program},
        questions(6),
        on_row=lambda row: row_threads.add(threading.current_thread()),
        ask=ANSWER,
        num_threads=3,
    )
    assert row_threads == {threading.current_thread()}


# -- stopping ----------------------------------------------------------------------------------------------------------


def failing_on(bad: set[int]) -> Callable[..., Any]:
    def program(question: str, **inputs: Any) -> SimpleNamespace:
        if int(question.split()[1].rstrip("?")) in bad:
            raise RuntimeError("no luck\nat all")
        return answer()

    return program


def test_a_fifth_may_fail() -> None:
    assert MAX_FAILURE_RATE == 0.2
    rows = run(failing_on({0, 1}), questions(10))
    assert sum(row["error"] is not None for row in rows) == 2
    assert len(rows) == 10


def test_more_than_a_fifth_stops_the_run_with_the_rows_kept() -> None:
    rows: list[Row] = []
    with pytest.raises(BenchmarkStoppedError) as stop:
        ask_all({"p": failing_on({2, 4, 6})}, questions(10), on_row=rows.append, ask=ANSWER)
    assert str(stop.value) == (
        "program p failed on 3 of 10 questions, more than 20%; the last one: RuntimeError: no luck at all"
    )
    assert [row["question_id"] for row in rows] == [f"chat:{number}" for number in range(7)]


def test_each_program_has_its_own_fifth() -> None:
    rows: list[Row] = []
    programs = {"a": failing_on({0, 1}), "b": failing_on({2, 3})}
    ask_all(programs, questions(10), on_row=rows.append, ask=ANSWER)
    assert len(rows) == 20


def test_a_systemic_failure_stops_the_run_at_once() -> None:
    rows: list[Row] = []
    with pytest.raises(
        BenchmarkStoppedError, match=r"^question chat:0 failed as every other would: .*no luck at all$"
    ) as it:
        ask_all(
            {"p": failing_on({0})},
            questions(100),
            on_row=rows.append,
            ask=ANSWER,
            is_systemic=lambda error: isinstance(error, RuntimeError),
        )
    assert isinstance(it.value.__cause__, RuntimeError)
    assert len(rows) == 1


def slow_after_the_first(release: threading.Event) -> Callable[..., Any]:
    def program(question: str, **inputs: Any) -> SimpleNamespace:
        if question == "Question 0?":
            raise RuntimeError("no luck")
        release.wait(5)
        return answer()

    return program


def test_answers_in_flight_at_a_stop_are_passed_on_and_no_more_are_asked_for() -> None:
    rows: list[Row] = []
    release = threading.Event()

    def on_row(row: Row) -> None:
        rows.append(row)
        release.set()

    with pytest.raises(BenchmarkStoppedError):
        ask_all(
            {"p": slow_after_the_first(release)},
            questions(50),
            on_row=on_row,
            ask=ANSWER,
            num_threads=4,
            is_systemic=lambda error: True,
        )
    assert sorted(row["question_id"] for row in rows) == ["chat:0", "chat:1", "chat:2", "chat:3"]


def test_ctrl_c_passes_on_what_is_in_flight() -> None:
    rows: list[Row] = []
    release = threading.Event()

    def program(question: str, **inputs: Any) -> SimpleNamespace:
        if question != "Question 0?":
            release.wait(5)
        return answer()

    def on_row(row: Row) -> None:
        if not rows:
            signal.raise_signal(signal.SIGINT)  # in the midst of recording: the row is kept all the same
        rows.append(row)
        release.set()

    with pytest.raises(KeyboardInterrupt):
        ask_all({"p": program}, questions(50), on_row=on_row, ask=ANSWER, num_threads=3)
    assert {row["question_id"] for row in rows} == {"chat:0", "chat:1", "chat:2"}
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_ends_the_wait_for_an_answer() -> None:
    rows: list[Row] = []
    asked = threading.Event()

    def program(question: str, **inputs: Any) -> SimpleNamespace:
        asked.set()
        time.sleep(0.3)
        return answer()

    def press() -> None:
        asked.wait(5)
        os.kill(os.getpid(), signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    with pytest.raises(KeyboardInterrupt):
        ask_all({"p": program}, questions(50), on_row=rows.append, ask=ANSWER)
    presser.join()
    assert [row["question_id"] for row in rows] == ["chat:0"]


def test_a_second_ctrl_c_gives_up_the_answers_in_flight() -> None:
    rows: list[Row] = []
    hangs = threading.Event()

    def program(question: str, **inputs: Any) -> SimpleNamespace:
        if question != "Question 0?":
            hangs.wait(5)
        return answer()

    def on_row(row: Row) -> None:
        rows.append(row)
        signal.raise_signal(signal.SIGINT)

    def press_again() -> None:
        while not rows:
            time.sleep(0.01)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)
        hangs.set()

    presser = threading.Thread(target=press_again)
    presser.start()
    with pytest.raises(KeyboardInterrupt):
        ask_all({"p": program}, questions(50), on_row=on_row, ask=ANSWER, num_threads=3)
    presser.join()
    assert [row["question_id"] for row in rows] == ["chat:0"]


def test_ctrl_c_during_the_last_row_still_interrupts() -> None:
    rows: list[Row] = []

    def on_row(row: Row) -> None:
        signal.raise_signal(signal.SIGINT)
        rows.append(row)

    with pytest.raises(KeyboardInterrupt):
        ask_all({"p": failing_on(set())}, questions(1), on_row=on_row, ask=ANSWER)
    assert len(rows) == 1


def test_beside_the_main_thread_all_is_asked_as_well() -> None:
    rows: list[Row] = []
    thread = threading.Thread(
        target=lambda: ask_all({"p": failing_on(set())}, questions(4), on_row=rows.append, ask=ANSWER)
    )
    thread.start()
    thread.join()
    assert len(rows) == 4


# -- summaries ---------------------------------------------------------------------------------------------------------


def rows_of(*changes: dict[str, Any]) -> list[Row]:
    (row,) = run(lambda **inputs: answer("gold 0", hops=1, context_tokens=10, memory_tokens=5), questions(1))
    return [{**row, **change} for change in changes]


def test_nothing_measured_is_none_and_not_zero() -> None:
    summary = summarise([])
    assert summary["questions"] == summary["failures"] == 0
    for key in ("f1", "evidence_recall", "context_tokens_mean", "memory_tokens_max", "latency_sec_p50", "hops_mean"):
        assert summary[key] is None
    unmeasured = summarise(rows_of({"context_tokens": None, "memory_tokens": None, "evidence_recall": None}))
    assert unmeasured["context_tokens_mean"] is unmeasured["memory_tokens_max"] is unmeasured["evidence_recall"] is None


def test_a_summary_averages_per_category_and_over_all() -> None:
    summary = summarise(
        rows_of({"category": 1, "f1": 1.0}, {"category": 2, "f1": 0.5}, {"category": 5, "f1": 0.0, "mem0_f1": 0.0})
    )
    assert summary["f1"] == pytest.approx(0.5)
    assert summary["f1_categories_1_4"] == pytest.approx(0.75)
    assert summary["mem0_f1_categories_1_4"] == pytest.approx(1.0)
    assert summary["f1_by_category"] == {
        "multi_hop": 1.0,
        "temporal": 0.5,
        "open_domain": None,
        "single_hop": None,
        "adversarial": 0.0,
    }
    assert summary["questions_by_category"]["adversarial"] == 1


def test_latency_is_of_answers_that_came_from_a_server() -> None:
    summary = summarise(
        rows_of(
            {"latency_sec": 1.0},
            {"latency_sec": 3.0},
            {"latency_sec": 0.001, "lm_calls_cached": 1},
            {"latency_sec": 90.0, "error": "TimeoutError: slow"},
        )
    )
    assert (summary["latency_sec_p50"], summary["latency_questions"]) == (2.0, 2)
    assert summary["latency_sec_p50"] <= summary["latency_sec_p95"] <= summary["latency_sec_p99"] <= 3.0


def test_sizes_and_counts_are_aggregated() -> None:
    summary = summarise(
        rows_of(
            {"context_tokens": 10, "memory_tokens": 5, "lm_calls": 3, "problems": ["x", "y"]},
            {"context_tokens": 20, "memory_tokens": 9, "lm_calls": 2, "hops": 2, "error": "E: e"},
        )
    )
    assert (summary["context_tokens_mean"], summary["memory_tokens_max"]) == (15, 9)
    assert (summary["lm_calls_mean"], summary["hops_mean"]) == (2.5, 1.5)
    assert (summary["prompt_tokens"], summary["completion_tokens"]) == (60, 8)
    assert (summary["failures"], summary["questions_with_problems"], summary["questions"]) == (1, 1, 2)


def test_latency_is_of_the_program_alone() -> None:
    def program(**inputs: Any) -> SimpleNamespace:
        time.sleep(0.02)
        return answer()

    (row,) = run(program, questions(1))
    assert 0.02 <= row["latency_sec"] < 1
