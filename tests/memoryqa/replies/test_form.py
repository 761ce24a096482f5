from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Callable, Mapping
from typing import Any

import dspy
import pytest
from dspy.utils.exceptions import AdapterParseError, LMInvalidRequestError
from http_stand_in import Fault
from openai_server import OpenAIServer, Shaped, chat_fields, json_fields

from memory_system import AnswerQuestion, AssessEvidence, WriteQueries
from memoryqa.lms.identity import LMSettings
from memoryqa.lms.roles import build, resolve
from memoryqa.lms.usage import measure_usage
from memoryqa.replies.adapter import ReplyAdapter
from memoryqa.replies.form import END_MARK, form_of
from memoryqa.replies.schema import response_format


class Answer(dspy.Signature):
    question: str = dspy.InputField()
    answer: str = dspy.OutputField(desc="a short phrase")
    ids: list[str] = dspy.OutputField(desc="up to 3")


def lm_at(server: OpenAIServer, *, role: Any = "task", model: str = "m", **settings: Any) -> dspy.LM:
    choice = resolve(
        role, model=f"hosted_vllm/{model}", api_base=server.api_base, settings=LMSettings(timeout_sec=10, **settings)
    )
    return build(choice, cache=False, num_retries=1)


def ask(lm: dspy.LM, times: int = 1) -> str:
    with dspy.context(lm=lm, adapter=ReplyAdapter()):
        for _ in range(times):
            answer = dspy.Predict(Answer)(question="Where?").answer
    return str(answer)


GOOD = chat_fields(answer="Paris", ids=[])
STOPPED = GOOD.removesuffix(END_MARK)
JSON = json_fields(answer="Paris", ids=[])


def refusing(name: str, text: str, *, status: int = 400) -> OpenAIServer:
    """A server that takes only requests without `name`."""

    class Server(OpenAIServer):
        def respond(self, request: Any) -> Fault:
            if request.method == "POST" and name in request.body:
                return Fault(status, {"error": {"message": text}})
            return super().respond(request)

    return Server(lambda *_: STOPPED)


# -- the stop ----------------------------------------------------------------------------------------------------------


def test_replies_are_stopped_at_the_end_mark() -> None:
    with OpenAIServer(lambda *_: STOPPED) as server:
        assert ask(lm_at(server)) == "Paris"
        assert [request.body["stop"] for request in server.chat_requests] == [[END_MARK]]


@pytest.mark.parametrize("settings", [{"model": "qwen3-8b"}, {"reasoning_effort": "low"}, {"role": "prompt"}])
def test_no_stop_is_sent_where_the_mark_may_be_in_a_thought_or_in_a_proposed_prompt(settings: dict[str, Any]) -> None:
    with OpenAIServer(lambda *_: GOOD) as server:
        assert ask(lm_at(server, **settings)) == "Paris"
        assert "stop" not in server.chat_requests[0].body


def obeying_stop(before: str) -> Callable[[Any, Mapping[str, Any]], Any]:
    """A server of a model that writes `before` and then the right form, and ends where the request says so.

    It hides what stands in <hidden>, as some do.
    """

    def answer(messages: Any, body: Mapping[str, Any]) -> Shaped:
        whole = before + (JSON if "Respond with a JSON object" in messages[-1]["content"] else GOOD)
        text = whole.partition(END_MARK)[0] if "stop" in body else whole
        if whole.startswith("<hidden>"):
            text = text.partition("</hidden>")[2]
        return Shaped(text=text, usage={"prompt_tokens": 9, "completion_tokens": 300})

    return answer


@pytest.mark.parametrize(
    "thought",
    [
        "<think>\nI shall write " + chat_fields(answer="Rome", ids=[]) + "\n</think>\n",
        "I shall write this:\n" + chat_fields(answer="Rome", ids=[]) + "\n</think>\n",  # opened by the chat template
        "<hidden>The form is " + END_MARK + "</hidden>",
    ],
)
def test_a_model_that_turns_out_to_think_is_not_stopped_in_a_thought(thought: str) -> None:
    with OpenAIServer(obeying_stop(thought)) as server:
        lm = lm_at(server)
        assert ask(lm, times=3) == "Paris"
        assert ["stop" in request.body for request in server.chat_requests] == [True, False, False, False]
    assert not form_of(lm).stops


def test_a_model_that_only_greets_before_it_answers_is_asked_for_the_whole_once() -> None:
    with OpenAIServer(obeying_stop("Sure!\n")) as server:
        lm = lm_at(server)
        assert ask(lm, times=3) == "Paris"
        assert ["stop" in request.body for request in server.chat_requests] == [True, False, True, True]


# -- the schema --------------------------------------------------------------------------------------------------------


def test_a_structured_lm_is_asked_for_json_of_a_schema() -> None:
    with OpenAIServer(lambda *_: JSON) as server:
        assert ask(lm_at(server, structured=True)) == "Paris"
        (request,) = server.chat_requests
        schema = request.body["response_format"]["json_schema"]["schema"]
    assert list(schema["properties"]) == schema["required"] == ["answer", "ids"]
    assert schema["properties"]["ids"]["maxItems"] == 3
    assert "stop" not in request.body


def test_what_a_description_promises_is_in_the_schema() -> None:
    from locomo.judging.prompts import PROMPTS

    def fields(signature: type[dspy.Signature], *, bounds_texts: bool = True) -> dict[str, Any]:
        form = response_format(signature, bounds_texts=bounds_texts)
        return dict(form["json_schema"]["schema"]["properties"])

    assert fields(WriteQueries)["queries"]["maxItems"] == 5
    assessed = fields(AssessEvidence)
    assert assessed["sufficient"]["type"] == "boolean"
    assert assessed["follow_up_queries"]["maxItems"] == 3
    assert fields(PROMPTS["strict"])["verdict"]["enum"] == fields(PROMPTS["lenient"])["verdict"]["enum"]
    assert fields(PROMPTS["lenient"])["verdict"]["enum"] == ["CORRECT", "WRONG"]
    assert fields(PROMPTS["abstention"])["verdict"]["enum"] == ["DECLINES", "ANSWERS"]
    assert all("maxLength" in one for one in fields(AnswerQuestion).values())
    assert "maxLength" not in str(fields(AnswerQuestion, bounds_texts=False))  # OpenAI's servers refuse it


def test_an_output_of_any_keys_is_plain_json() -> None:
    signature = dspy.Signature("question -> counts: dict[str, int]")
    assert response_format(signature, bounds_texts=True) == {"type": "json_object"}


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Unknown field: response_format", 400),
        ("'response_format.type' must be 'json_object'", 422),
        ("Failed to parse grammar", 400),
        ("json_schema is not supported by this backend", 501),
        ("guided decoding is not enabled", 500),
    ],
)
def test_a_server_that_refuses_the_schema_is_named_once_and_asked_in_the_chat_format(
    text: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with refusing("response_format", text, status=status) as server, caplog.at_level(logging.WARNING):
        lm = lm_at(server, structured=True)
        assert ask(lm, times=3) == "Paris"
        assert ask(copy.deepcopy(lm).copy(temperature=0.5)) == "Paris"
        sent = ["response_format" in request.body for request in server.chat_requests]
    assert sent.count(True) == 1
    assert len(caplog.records) == 1
    assert text.split()[0].strip("'") in caplog.text
    assert "asked without" in caplog.text


def test_a_server_that_ignores_the_schema_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    def answer(_: Any, body: Mapping[str, Any]) -> str:
        return "I would rather talk." if "response_format" in body else STOPPED

    with OpenAIServer(answer) as server, caplog.at_level(logging.WARNING), measure_usage() as usage:
        assert ask(lm_at(server, structured=True), times=2) == "Paris"
        assert len(server.chat_requests) == 3
    assert usage.formats_missed == 1
    assert len(caplog.records) == 1
    assert "does not enforce it" in caplog.text


@pytest.mark.parametrize(
    "text", ["stop is not supported", "Unsupported parameter: 'stop'", "stop sequences: none here"]
)
def test_a_server_that_refuses_the_stop_is_asked_without(text: str, caplog: pytest.LogCaptureFixture) -> None:
    with refusing("stop", text) as server, caplog.at_level(logging.WARNING):
        assert ask(lm_at(server), times=2) == "Paris"
        assert len(server.chat_requests) == 3
    assert len(caplog.records) == 1


def test_another_refusal_is_raised() -> None:
    with (
        refusing("response_format", "the messages are empty") as server,
        pytest.raises(LMInvalidRequestError),
    ):
        ask(lm_at(server, structured=True))


def test_a_structured_reply_that_was_cut_is_not_paid_for_twice() -> None:
    cut = Shaped(text='{"answer": "Par', finish_reason="length")
    with OpenAIServer(lambda *_: cut) as server, measure_usage() as usage:
        with pytest.raises(AdapterParseError):
            ask(lm_at(server, structured=True))
        assert len(server.chat_requests) == 1
    assert usage.formats_missed == 0  # it was not asked for again
    assert "cut" in usage.problems[0]


def test_answers_of_a_structured_lm_belong_to_it() -> None:
    plain, structured = (
        resolve("task", model="hosted_vllm/m", api_base="http://here/v1", settings=LMSettings(structured=one))
        for one in (None, True)
    )
    assert plain.identity != structured.identity
    assert structured.record == {"structured": True}
    assert plain.record == {}


@pytest.mark.parametrize("structured", [None, True])
def test_an_awaited_call_is_held_to_the_same_form(structured: bool | None) -> None:
    async def asked(lm: dspy.LM) -> str:
        with dspy.context(lm=lm, adapter=ReplyAdapter()):
            return str((await dspy.Predict(Answer).acall(question="Where?")).answer)

    with OpenAIServer(lambda _, body: JSON if "response_format" in body else STOPPED) as server:
        assert asyncio.run(asked(lm_at(server, structured=structured))) == "Paris"
        (request,) = server.chat_requests
    assert ("response_format" in request.body, "stop" in request.body) == (bool(structured), not structured)


@pytest.mark.parametrize("structured", [None, True])
def test_no_step_takes_more_than_two_calls(structured: bool | None) -> None:
    """As --dry-run promises; each is one of a reply that keeps to no form."""
    for text in ("I would rather talk.", '{"answer": 5}', "[]", f"Sure! {END_MARK}"):
        with OpenAIServer(lambda *_, text=text: text) as server:
            with pytest.raises(AdapterParseError):
                ask(lm_at(server, structured=structured))
            assert len(server.chat_requests) == 2, text


def test_a_cut_reply_of_an_awaited_call_is_not_paid_for_twice() -> None:
    async def asked(lm: dspy.LM) -> None:
        with dspy.context(lm=lm, adapter=ReplyAdapter()):
            await dspy.Predict(Answer).acall(question="Where?")

    with OpenAIServer(lambda *_: Shaped(text="[[ ## answer ## ]]\nPar", finish_reason="length")) as server:
        with pytest.raises(AdapterParseError, match="the reply was cut"):
            asyncio.run(asked(lm_at(server)))
        assert len(server.chat_requests) == 1
