"""Ollama by its own protocol, which alone takes the window with a request."""

from __future__ import annotations

from typing import Any

import dspy
import pytest
from http_stand_in import NOT_FOUND, Fault, HttpStandIn, RecordedRequest
from openai_server import chat_fields, json_fields

from memoryqa.lms.identity import LMSettings
from memoryqa.lms.roles import build, resolve
from memoryqa.lms.usage import measure_usage
from memoryqa.replies.adapter import ReplyAdapter
from memoryqa.replies.form import END_MARK


class Ollama(HttpStandIn):
    """Ollama's /api/chat, which reads at most `options.num_ctx` tokens, 4,096 without it, and says nothing of it."""

    def respond(self, request: RecordedRequest) -> Fault:
        if (request.method, request.path) != ("POST", "/api/chat"):
            return NOT_FOUND
        sent = sum(len(message["content"]) // 4 for message in request.body["messages"])
        write = json_fields if request.body.get("format") else chat_fields
        return Fault(
            body={
                "model": request.body["model"],
                "created_at": "2026-01-01T00:00:00Z",
                "message": {"role": "assistant", "content": write(answer="Porto").removesuffix(END_MARK)},
                "done": True,
                "done_reason": "stop",
                "prompt_eval_count": min(sent, request.body["options"].get("num_ctx", 4_096)),
                "eval_count": 7,
            }
        )


def ask(server: Ollama, words: int, **settings: Any) -> tuple[str, list[str]]:
    choice = resolve(
        "task", model="ollama/m", api_base=server.base_url, settings=LMSettings(timeout_sec=60, **settings)
    )
    lm = build(choice, cache=False, num_retries=0)
    with measure_usage() as usage, dspy.context(lm=lm, adapter=ReplyAdapter()):
        answer = dspy.Predict("question -> answer")(question="where " * words).answer
    return answer, usage.problems


@pytest.mark.parametrize("structured", [None, True])
def test_the_window_and_the_form_are_asked_for_in_ollamas_words(structured: bool | None) -> None:
    with Ollama() as server:
        answer, problems = ask(server, 5_000, num_ctx=8_192, structured=structured)
        (body,) = [one.body for one in server.requests if one.path == "/api/chat"]
    assert (answer, problems) == ("Porto", [])
    assert body["options"]["num_ctx"] == 8_192
    assert body["options"]["num_predict"] == 1_024
    if structured:
        assert list(body["format"]["properties"]) == ["answer"]
    else:
        assert body["options"]["stop"] == [END_MARK]


def test_a_window_that_is_too_small_is_loud() -> None:
    with Ollama() as server:
        _, problems = ask(server, 6_000, num_ctx=2_048)
    assert len(problems) == 1
    assert "the server read 2,048 tokens of a prompt of about 6," in problems[0]
    assert "give `num_ctx` 8192" in problems[0]
