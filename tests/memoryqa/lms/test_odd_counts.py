"""Odd counts, and other odd things beside an answer, lose no answer: it was paid for."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import dspy
import pytest
from http_stand_in import NOT_FOUND, Fault, HttpStandIn, RecordedRequest
from openai_server import OpenAIServer, Shaped, chat_completion, chat_fields

from memoryqa.asking.watch import Watch
from memoryqa.asking.watched import WatchedPredictor
from memoryqa.lms.bodies import put_in_order
from memoryqa.lms.endpoint import EndpointLM
from memoryqa.lms.roles import keep_litellm_offline
from memoryqa.lms.usage import LMUsage, measure_usage
from memoryqa.replies.adapter import ReplyAdapter

UNREAD = "the server's {} cannot be read: what the reply cost is not fully known"
# what a server may send as `usage`: tokens of the prompt and the completion that are known, and the counts that are not
ODD: list[tuple[Any, tuple[int | None, int | None], str]] = [
    (None, (None, None), ""),
    ([], (None, None), ""),
    ({}, (None, None), ""),
    ("n/a", (None, None), "usage"),
    (5, (None, None), "usage"),
    ([{"prompt_tokens": 3}], (None, None), "usage"),
    ({"prompt_tokens": "12", "completion_tokens": " 3 "}, (12, 3), ""),
    ({"prompt_tokens": "many", "completion_tokens": 3}, (None, 3), "prompt_tokens"),
    ({"prompt_tokens": 12}, (12, None), ""),
    ({"completion_tokens": 3}, (None, 3), ""),
    ({"total_tokens": 9}, (None, None), ""),
    ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, (None, None), ""),
    ({"prompt_tokens": -5, "completion_tokens": 3}, (None, 3), "prompt_tokens"),
    ({"prompt_tokens": 12.0, "completion_tokens": 3.5, "total_tokens": 15.5}, (12, 3), ""),
    ({"prompt_tokens": {"n": 1}, "completion_tokens": [3]}, (None, None), "prompt_tokens, completion_tokens"),
    ({"prompt_tokens": True, "completion_tokens": False}, (None, None), "prompt_tokens, completion_tokens"),
    ({"prompt_tokens": math.nan, "completion_tokens": math.inf}, (None, None), "prompt_tokens, completion_tokens"),
    ({"prompt_tokens": 12, "completion_tokens": 1e300}, (12, None), "completion_tokens"),
    ({"prompt_tokens": 12, "completion_tokens": 3, "completion_tokens_details": "none"}, (12, 3), ""),
    ({"prompt_tokens": 12, "completion_tokens": 3, "prompt_tokens_details": [1]}, (12, 3), ""),
    (
        {"prompt_tokens": 12, "completion_tokens": 3, "completion_tokens_details": {"reasoning_tokens": "70"}},
        (12, 73),
        "",
    ),
    (
        {"prompt_tokens": 12, "completion_tokens": 3, "completion_tokens_details": {"reasoning_tokens": -7}},
        (12, 3),
        "reasoning_tokens",
    ),
    ({"prompt_tokens": 12, "completion_tokens": 3, "cost": "free", "by": {"region": [1]}}, (12, 3), ""),
]


def ask(model: str, address: str, **settings: Any) -> tuple[Any, LMUsage]:
    keep_litellm_offline()
    lm = EndpointLM(model, api_base=address, api_key="key", cache=False, max_retries=0, timeout=60, **settings)
    with dspy.context(lm=lm), measure_usage() as usage:
        return lm("Where?"), usage


@pytest.mark.parametrize("model", ["hosted_vllm/m", "openai/gpt-4.1-mini", "openrouter/a/m", "together_ai/m"])
def test_an_answer_with_odd_counts_is_kept_and_counted_as_far_as_it_can_be(model: str) -> None:
    for counted, (prompt, completion), unread in ODD:
        body = chat_completion("m", "Paris", 1, 1) | {"usage": counted}
        with Always(body) as server:
            answer, usage = ask(model, f"{server.base_url}/v1")
        assert answer == ["Paris"], counted
        assert (usage.calls, usage.paid_calls) == (1, 1)
        assert (usage.prompt_tokens, usage.completion_tokens) == (prompt, completion), counted
        assert usage.problems == ([UNREAD.format(unread)] if unread else []), counted


class Always(HttpStandIn):
    """Sends one body to every call."""

    def __init__(self, body: Any) -> None:
        super().__init__()
        self.body = body

    def respond(self, request: RecordedRequest) -> Fault:
        return Fault(body=self.body) if request.method == "POST" else NOT_FOUND


ANTHROPICS = {
    "id": "c",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "Paris"}],
    "stop_reason": "end_turn",
}
GEMINIS = {
    "candidates": [{"content": {"parts": [{"text": "Paris"}], "role": "model"}, "finishReason": "STOP", "index": 0}]
}
OLLAMAS = {
    "model": "m",
    "created_at": "2026-01-01T00:00:00Z",
    "message": {"role": "assistant", "content": "Paris"},
    "done": True,
}


@pytest.mark.parametrize(
    ("model", "body", "prompt_tokens"),
    [
        ("anthropic/claude-3-5-haiku-20241022", {**ANTHROPICS, "usage": "none"}, None),
        (
            "anthropic/claude-3-5-haiku-20241022",
            {**ANTHROPICS, "usage": {"input_tokens": "12", "output_tokens": -1}},
            12,
        ),
        ("gemini/gemini-2.0-flash", {**GEMINIS, "usageMetadata": [1]}, None),
        ("gemini/gemini-2.0-flash", {**GEMINIS, "usageMetadata": {"promptTokenCount": 12, "totalTokenCount": "x"}}, 12),
        ("ollama_chat/m", {**OLLAMAS, "prompt_eval_count": 12, "eval_count": "x"}, 12),
        ("ollama_chat/m", {**OLLAMAS, "prompt_eval_count": "12", "eval_count": -1}, 12),
    ],
)
def test_other_protocols_are_read_alike(model: str, body: dict[str, Any], prompt_tokens: int | None) -> None:
    with Always(body) as server:
        answer, usage = ask(model, server.base_url, engine="litellm" if model.startswith("ollama") else "auto")
    assert answer == ["Paris"]
    assert usage.prompt_tokens == prompt_tokens
    assert any("cannot be read" in problem for problem in usage.problems)


BESIDE: list[tuple[str, Any]] = [
    ("error", {}),
    ("error", []),
    ("choices.0.finish_reason", ["stop"]),
    ("choices.0.logprobs", "none"),
    ("choices.0.message.role", 5),
    ("choices.0.message.tool_calls", 5),
    ("choices.0.message.tool_calls", [None]),
    ("choices.0.message.function_call", {}),
    ("choices.0.message.audio", {"a": 1}),
    ("choices.0.message.annotations", "x"),
    ("choices.0.message.refusal", False),
    ("choices.0.message.reasoning_content", {"a": 1}),
    ("choices.0.message.content", ["Par", "is"]),
    ("choices.0.message.content", {"type": "text", "text": "Paris"}),
    ("choices.0.message.content", [{"type": "output_text", "text": "Paris"}]),
    ("choices.0.message.content", [{"type": "text", "text": {"value": "Paris"}}]),
    ("choices", {"index": 0, "message": {"content": "Paris"}}),
    ("choices", [{"text": "Paris", "index": 0, "finish_reason": "stop"}]),
]


@pytest.mark.parametrize("model", ["hosted_vllm/m", "together_ai/m"])
def test_what_no_client_can_read_beside_an_answer_is_left_out(model: str) -> None:
    for path, value in BESIDE:
        body: Any = copy.deepcopy(chat_completion("m", "Paris", 9, 1))
        *way, last = path.split(".")
        place = body
        for step in way:
            place = place[int(step) if step.isdecimal() else step]
        place[last] = value
        with Always(body) as server:
            (answer,), usage = ask(model, f"{server.base_url}/v1")
        assert (answer["text"] if isinstance(answer, dict) else answer) == "Paris", path
        assert (usage.prompt_tokens, usage.completion_tokens) == (9, 1)


def test_an_error_and_thoughts_stay_what_they_are() -> None:
    bodies: list[dict[str, Any]] = [
        {"error": {"message": "no"}, "choices": [{"message": {"content": ""}}]},
        {"choices": [{"message": {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}]}}]},
        {"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}}]},
        {"choices": {"0": 1}},
    ]
    for body in bodies:
        assert put_in_order(copy.deepcopy(body), []) == body


def test_bodies_of_other_lms_are_left_alone() -> None:
    """A person's own DSPy programs read what their servers send as ever."""
    body = chat_completion("m", "Paris", 1, 1) | {"usage": "n/a"}
    with Always(body) as server:
        ask("hosted_vllm/m", f"{server.base_url}/v1")
        other = dspy.LM("hosted_vllm/m", api_base=f"{server.base_url}/v1", api_key="key", cache=False, num_retries=0)
        with pytest.raises(dspy.utils.exceptions.LMError):
            other("Where?")


@pytest.mark.parametrize("counted", ["n/a", {"prompt_tokens": "x", "completion_tokens": -1}])
def test_a_streamed_answer_with_odd_counts_is_kept(counted: Any) -> None:
    watch = Watch()
    with OpenAIServer(lambda *_: Shaped(text=chat_fields(answer="Paris"), usage={"prompt_tokens": 1})) as server:
        respond = server.respond

        def odd(request: RecordedRequest) -> Fault:
            fault = respond(request)
            good, bad = json.dumps({"prompt_tokens": 1}), json.dumps(counted)
            return Fault(headers=fault.headers, body="", pieces=tuple(one.replace(good, bad) for one in fault.pieces))

        server.respond = odd  # type: ignore[method-assign]
        lm = EndpointLM("hosted_vllm/m", api_base=server.api_base, cache=False, max_retries=0, timeout=60)
        with dspy.context(lm=lm, adapter=ReplyAdapter()):
            answer = WatchedPredictor(dspy.Predict("question -> answer"), watch, "answer")(question="Where?").answer
        assert answer == "Paris"
        assert len(server.chat_requests) == 1
