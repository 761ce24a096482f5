"""What is read from a completion: why it ended, and what was counted and billed."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import dspy
import pytest
from dspy.utils.exceptions import LMTimeoutError
from http_stand_in import Fault
from openai_server import OpenAIServer, Shaped, chat_fields, dripping

from memoryqa.lms.endpoint import CutReplyError, EndpointLM
from memoryqa.lms.replies import billed_tokens, header_seconds
from memoryqa.lms.roles import build, resolve
from memoryqa.lms.usage import LMUsage, measure_usage
from memoryqa.replies.reading import last_reply

LONG = "word " * 4_400


def lm_at(server: OpenAIServer, **settings: Any) -> EndpointLM:
    return EndpointLM("hosted_vllm/m", api_base=server.api_base, **{"cache": False, "timeout": 5, **settings})


def ask(server: OpenAIServer, prompt: str = "Where?", **settings: Any) -> LMUsage:
    with dspy.context(lm=lm_at(server, **settings)), measure_usage() as usage:
        dspy.settings.lm(prompt)
    return usage


@pytest.mark.parametrize(
    ("usage", "billed"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 30}, (9, 30)),
        ({"prompt_tokens": 9, "completion_tokens": 30, "completion_tokens_details": {"reasoning_tokens": 20}}, (9, 30)),
        (
            {"prompt_tokens": 9, "completion_tokens": 30, "completion_tokens_details": {"reasoning_tokens": 1_500}},
            (9, 1_530),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 30, "total_tokens": 1_539}, (9, 1_530)),
        ({"prompt_tokens": 9, "completion_tokens": None}, (9, None)),
        ({"prompt_tokens": True, "completion_tokens": float("nan")}, (None, None)),
        ({}, (None, None)),
    ],
)
def test_thoughts_that_are_not_shown_are_billed(usage: dict[str, Any], billed: tuple[int | None, int | None]) -> None:
    assert billed_tokens(usage) == billed


def test_a_server_that_counts_nothing_has_unknown_tokens_and_not_none() -> None:
    with OpenAIServer(lambda *_: Shaped(text="Paris", usage={})) as server:
        usage = ask(server)
    assert (usage.calls, usage.paid_calls) == (1, 1)
    assert (usage.prompt_tokens, usage.completion_tokens) == (None, None)
    assert usage.counted_tokens > 0


@pytest.mark.parametrize("engine", ["auto", "litellm"])
def test_a_reply_that_was_cut_is_a_problem_with_its_fix(engine: str) -> None:
    with OpenAIServer(lambda *_: Shaped(text="Par", finish_reason="length")) as server:
        usage = ask(server, engine=engine, max_tokens=50)
    assert usage.problems == ["a reply was cut at its 50 tokens; raise `max_tokens`"]


@pytest.mark.parametrize("read", [4_096, 2_048, 300])
def test_a_prompt_that_the_server_cut_is_a_problem_with_its_fix(read: int) -> None:
    counted = {"prompt_tokens": read, "completion_tokens": 2, "total_tokens": read + 2}
    with OpenAIServer(lambda *_: Shaped(text="Paris", usage=counted)) as server:
        (problem,) = ask(server, LONG).problems
    assert problem.startswith(f"the server read {read:,} tokens of a prompt of about 4,")
    assert "OLLAMA_CONTEXT_LENGTH" in problem


def test_thoughts_alone_get_more_room_once_and_then_an_error_that_says_so() -> None:
    def answer(messages: object, body: dict[str, Any]) -> Shaped:
        enough = body["max_tokens"] > 1_000
        return Shaped(
            text="<think>hm</think>Paris" if enough else "<think>hm", finish_reason="stop" if enough else "length"
        )

    with OpenAIServer(answer) as server:
        lm = lm_at(server, max_tokens=100, more_tokens=16_000)
        assert lm("Where?") == ["Paris"]
        assert lm("And then?") == ["Paris"]
        assert [request.body["max_tokens"] for request in server.chat_requests] == [100, 16_000, 16_000]
        with pytest.raises(CutReplyError, match="raise `max_tokens`"):
            lm_at(server, max_tokens=100)("Where?")


def test_a_server_without_room_for_as_many_tokens_gets_fewer() -> None:
    def answer(messages: object, body: dict[str, Any]) -> str:
        return "Paris" if body["max_tokens"] <= 4_096 else "never"

    refused = Fault(400, {"error": {"message": "max_tokens is too large: 16000. This model supports at most 4096"}})
    with OpenAIServer(answer, faults=[refused]) as server:
        assert lm_at(server, max_tokens=16_000, more_tokens=16_000)("Where?") == ["Paris"]


@pytest.mark.parametrize("text", [None, ""])
def test_null_is_nothing(text: str | None) -> None:
    with OpenAIServer(lambda *_: Shaped(text=text)) as server:
        assert lm_at(server)("Where?") in ([None], [""])
        reply = last_reply()
    assert reply is not None
    assert reply.text == ""


@pytest.mark.slow
def test_a_gateway_that_drips_does_not_hold_a_call() -> None:
    with OpenAIServer(faults=[dripping(30)]) as server:
        started = time.monotonic()
        with pytest.raises(LMTimeoutError, match=r"no whole answer within 0\.5 s"):
            lm_at(server, timeout=0.5, max_retries=0)("Where?")
        assert time.monotonic() - started < 5
    with OpenAIServer(lambda *_: chat_fields(answer="Paris"), faults=[dripping(0.2)]) as server:
        assert "Paris" in lm_at(server)("Where?")[0]


def test_retry_after_is_read_behind_an_error_of_another_client() -> None:
    error = RuntimeError("limited")
    error.response = SimpleNamespace(headers={"retry-after": "7"})  # type: ignore[attr-defined]  # as httpx's have it
    assert header_seconds([ValueError("outer"), error]) == 7.0
    assert header_seconds([ValueError("outer")]) is None


def test_the_judges_and_the_tasks_reply_are_told_apart() -> None:
    with OpenAIServer() as server:
        choice = resolve("task", model="hosted_vllm/m", api_base=server.api_base)
        assert build(choice)("hello") == ["ok"]
        first = last_reply()
        assert build(choice)("hello") == ["ok"]
        second = last_reply()
    assert first is not None
    assert second is not None
    assert (first.from_cache, second.from_cache) == (False, True)
    assert second.completion_tokens == first.completion_tokens  # a limit that repeats itself needs it
