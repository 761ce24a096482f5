from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dspy
import pytest
from dspy.utils.exceptions import LMInvalidRequestError
from openai_server import OpenAIServer, chat_fields, context_too_long, json_fields, off_format, rate_limited, shaped

from memoryqa.lms.endpoint import EndpointLM, separate_endpoints_in_cache
from memoryqa.lms.usage import LMUsage, measure_usage


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(lambda messages, body: chat_fields(answer="Paris")) as started:
        yield started


def lm_at(server: OpenAIServer, *, cache: bool = False) -> EndpointLM:
    return EndpointLM("hosted_vllm/m", api_base=server.api_base, cache=cache, timeout=5)


def ask(lm: dspy.LM, question: str, calls: int = 1) -> LMUsage:
    """Ask `calls` different questions inside one block."""
    predict = dspy.Predict("question -> answer")
    with dspy.context(lm=lm), measure_usage() as usage:
        for number in range(calls):
            predict(question=f"{question} {number}")
    return usage


def test_calls_and_tokens_are_those_of_the_server(server: OpenAIServer) -> None:
    usage = ask(lm_at(server), "Where?", calls=3)
    prompts = [" ".join(m["content"] for m in request.body["messages"]) for request in server.chat_requests]
    assert (usage.calls, usage.paid_calls) == (3, 3)
    assert usage.prompt_tokens == sum(len(prompt.split()) for prompt in prompts)  # the test server counts words
    assert usage.completion_tokens == 3 * len(chat_fields(answer="Paris").split())


def test_a_cached_call_is_a_call_without_cost(server: OpenAIServer) -> None:
    lm = lm_at(server, cache=True)
    paid, cached = ask(lm, "Where?"), ask(lm, "Where?")
    assert (paid.calls, paid.paid_calls) == (1, 1)
    assert (cached.calls, cached.paid_calls, cached.prompt_tokens, cached.completion_tokens) == (1, 0, 0, 0)


@pytest.mark.parametrize("usage", [{}, {"prompt_tokens": None, "completion_tokens": None}, {"prompt_tokens": "many"}])
def test_a_cached_reply_that_was_never_counted_is_cached_all_the_same(usage: dict[str, Any]) -> None:
    separate_endpoints_in_cache()  # as `build` does
    with OpenAIServer(shaped(chat_fields(answer="Paris"), usage=usage)) as server:
        lm = lm_at(server, cache=True)
        paid, cached = ask(lm, "Where?"), ask(lm, "Where?")
        assert len(server.chat_requests) == 1
    assert (paid.paid_calls, cached.paid_calls) == (1, 0)
    assert paid.counted_tokens > 0
    assert (cached.counted_tokens, cached.prompt_tokens, cached.completion_tokens) == (0, 0, 0)


def test_retried_attempts_are_not_counted_and_a_second_format_is() -> None:
    answer = json_fields(answer="Paris")
    with OpenAIServer(lambda *_: answer, faults=[rate_limited(), off_format(), rate_limited()]) as server:
        usage = ask(lm_at(server), "Where?")
        assert len(server.chat_requests) == 4
    assert (usage.calls, usage.paid_calls) == (2, 2)


def test_counts_survive_a_failing_program() -> None:
    with OpenAIServer(lambda *_: chat_fields(answer="Paris"), faults=[None, context_too_long()]) as server:
        predict = dspy.Predict("question -> answer")
        with dspy.context(lm=lm_at(server)), measure_usage() as usage:
            predict(question="one")
            with pytest.raises(LMInvalidRequestError):
                predict(question="two")
    assert (usage.calls, usage.paid_calls) == (1, 1)
    assert usage.prompt_tokens > 0


def test_questions_in_parallel_threads_are_counted_apart(server: OpenAIServer) -> None:
    lm = lm_at(server)
    together = threading.Barrier(4)

    def work(calls: int) -> LMUsage:
        together.wait(timeout=10)
        return ask(lm, f"thread {calls}", calls)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, [1, 2, 3, 4]))
    assert [usage.calls for usage in found] == [1, 2, 3, 4]
    per_call = len(chat_fields(answer="Paris").split())
    assert [usage.completion_tokens for usage in found] == [per_call * calls for calls in (1, 2, 3, 4)]


def test_threads_that_dspy_starts_inside_a_question_are_counted_in_it(server: OpenAIServer) -> None:
    predict = dspy.Predict("question -> answer")
    pairs = [(predict, dspy.Example(question=f"number {number}").with_inputs("question")) for number in range(6)]
    with dspy.context(lm=lm_at(server)), measure_usage() as usage:
        dspy.Parallel(num_threads=3, disable_progress_bar=True)(pairs)
    assert (usage.calls, usage.paid_calls) == (6, 6)
    assert usage.completion_tokens == 6 * len(chat_fields(answer="Paris").split())


def test_an_inner_block_keeps_its_counts_to_itself(server: OpenAIServer) -> None:
    lm = lm_at(server)
    with measure_usage() as outer:
        inner = ask(lm, "inner", calls=2)
        with dspy.context(lm=lm):
            dspy.Predict("question -> answer")(question="outer")
    assert (inner.calls, inner.paid_calls) == (2, 2)
    assert (outer.calls, outer.paid_calls) == (1, 1)
