"""What comes in place of a completion: errors with status 200, replies without text, pages, limits, redirects."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from typing import Any

import dspy
import pytest
from dspy.utils.exceptions import AdapterParseError, LMAuthError, LMBillingError, LMError, LMServerError
from http_stand_in import Fault, HttpStandIn, RecordedRequest
from openai_server import OpenAIServer, Shaped

from harness.flags import with_flags
from memoryqa.lms.endpoint import EndpointLM, separate_endpoints_in_cache
from memoryqa.lms.preflight import diagnose, is_model_gone, is_systemic
from memoryqa.lms.roles import build, resolve
from memoryqa.lms.usage import measure_usage
from memoryqa.replies.adapter import ReplyAdapter
from memoryqa.replies.reading import last_reply
from memoryqa.tags.files import TagsError
from memoryqa.tags.writing import SessionTagger


class Fixed(HttpStandIn):
    """Sends the same for every call."""

    def __init__(self, answer: Fault) -> None:
        super().__init__()
        self.answer = answer

    def respond(self, request: RecordedRequest) -> Fault:
        return self.answer


def completed(message: Mapping[str, Any], finish_reason: str | None = "stop", tokens: int = 5) -> Fault:
    usage = {"prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": 9 + tokens}
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish_reason}
    return Fault(body={"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage})


def lm_at(server: HttpStandIn, **settings: Any) -> EndpointLM:
    usual = {"cache": False, "max_retries": 0, "max_tokens": 100}
    return EndpointLM("hosted_vllm/m", api_base=f"{server.base_url}/v1", **usual | settings)


def said_of(server: HttpStandIn) -> str:
    """The line for the failure of a call."""
    choice = resolve("task", model="hosted_vllm/m", api_base=f"{server.base_url}/v1")
    with pytest.raises(LMError) as failed:
        build(choice, cache=False, num_retries=0)("Where?")
    line = diagnose(failed.value, choice)
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        ({"error": "quota exceeded"}, LMBillingError, "no credit left: quota exceeded"),
        ({"detail": "Not enough credits"}, LMBillingError, "no credit left: Not enough credits"),
        ({"code": 1113, "msg": "Your account balance is too low"}, LMBillingError, "balance is too low"),
        ({"error": "Invalid API key"}, LMAuthError, "HOSTED_VLLM_API_KEY"),
        ({"message": "the engine is overloaded"}, LMServerError, "too much to do, or is not ready"),
        ({"errors": [{"message": "upstream timed out"}]}, LMServerError, "upstream timed out"),
        ({"error": "model 'm' not found"}, LMError, "m"),
        ({"choices": []}, LMError, "the answer holds no completion"),
        ({"choices": None, "object": "chat.completion"}, LMError, "the answer holds no completion"),
        ({}, LMError, "the answer holds no completion"),
    ],
)
def test_an_error_with_status_200_is_an_error(body: Any, kind: type[LMError], said: str) -> None:
    with Fixed(Fault(body=body)) as server:
        with pytest.raises(kind):
            lm_at(server)("Where?")
        assert said in said_of(server)
        assert len(server.requests) <= 3  # asked once each, and perhaps for the list of models


def test_a_model_that_is_gone_is_known_whatever_the_status() -> None:
    with Fixed(Fault(body={"error": "The model `m` does not exist"})) as server:
        with pytest.raises(LMError) as failed:
            lm_at(server)("Where?")
        assert is_model_gone(failed.value)


EMPTY = {
    "null": (completed({"content": None}), "the reply is empty"),
    "nothing": (completed({"content": ""}), "the reply is empty"),
    "refused": (completed({"content": None, "refusal": "I will not."}), "the model refused: I will not."),
    "filtered": (completed({"content": ""}, "content_filter"), "the provider's content filter withheld the reply"),
    "tool": (
        completed(
            {
                "content": None,
                "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            "tool_calls",
        ),
        "the reply calls a tool and says nothing",
    ),
    "thoughts": (completed({"content": "", "reasoning_content": "hm"}), "the reply holds thoughts alone"),
    "thoughts aloud": (completed({"content": "<think>hm</think>"}), "the reply holds thoughts alone"),
}


@pytest.mark.parametrize("what", EMPTY)
def test_a_reply_without_text_says_what_it_has(what: str) -> None:
    answer, why = EMPTY[what]
    with Fixed(answer) as server, dspy.context(lm=lm_at(server), adapter=ReplyAdapter()):
        with pytest.raises(AdapterParseError, match="nothing readable|" + why.replace(".", r"\.")):
            dspy.Predict("question -> answer")(question="Where?")
        reply = last_reply()
    assert reply is not None
    assert reply.emptiness == why


@pytest.mark.parametrize("what", EMPTY)
def test_no_session_is_tagged_by_a_reply_without_text(what: str) -> None:
    with Fixed(EMPTY[what][0]) as server:
        tagger = SessionTagger()
        tagger.set_lm(lm_at(server))
        with pytest.raises(TagsError):
            tagger(session="[D1]\n1 Ana: I moved to Porto.")


@pytest.mark.parametrize("disabled", [True, False])
def test_replies_are_read_whether_or_not_dspy_keeps_a_history(disabled: bool) -> None:
    answer = completed({"content": "[[ ## answer ## ]]\nPor"}, "length", tokens=100)
    with (
        Fixed(answer) as server,
        dspy.context(lm=lm_at(server), adapter=ReplyAdapter(), disable_history=disabled),
        measure_usage() as usage,
    ):
        assert dspy.Predict("question -> answer")(question="Where?").answer == "Por"
        assert bool(dspy.settings.lm.history) is not disabled
    assert usage.problems == ["a reply was cut at its 100 tokens; raise `max_tokens`"]


@pytest.mark.parametrize(
    ("reason", "tokens", "problem"),
    [
        ("length", 100, "a reply was cut at its 100 tokens; raise `max_tokens`"),
        ("max_tokens", 100, "a reply was cut at its 100 tokens; raise `max_tokens`"),
        ("model_length", 7, "a reply was cut at its 100 tokens; raise `max_tokens`"),
        (None, 100, "a reply was cut at its 100 tokens; raise `max_tokens`"),
        (None, 99, None),
        ("eos_token", 99, None),
        ("content_filter", 5, "a reply was ended by the provider's content filter"),
        ("sensitive", 5, "a reply was ended by the provider's content filter"),
    ],
)
def test_the_servers_own_word_says_why_a_reply_ended(reason: str | None, tokens: int, problem: str | None) -> None:
    """DSPy makes "stop" of a missing reason, and of one that it does not know."""
    with (
        Fixed(completed({"content": "Porto"}, reason, tokens)) as server,
        measure_usage() as usage,
        dspy.context(lm=lm_at(server)),
    ):
        dspy.settings.lm("Where?")
    assert usage.problems == ([problem] if problem else [])


@pytest.mark.parametrize("reason", ["error", "abort", "insufficient_system_resource", "network_error"])
def test_a_reply_that_the_server_broke_off_is_asked_for_again(reason: str) -> None:
    broken = Shaped(text="Por", finish_reason=reason)
    with OpenAIServer(lambda *_: "Porto", faults=[broken]) as server:
        assert lm_at(server, max_retries=2)("Where?") == ["Porto"]
    with OpenAIServer(lambda *_: broken) as server, pytest.raises(LMServerError, match="broke off the reply"):
        lm_at(server)("Where?")


@pytest.mark.parametrize("bad", [Fault(body={"error": "something odd"}), completed({"content": None})])
def test_what_says_nothing_is_not_kept_in_the_cache(bad: Fault, tmp_path: Any) -> None:
    dspy.configure_cache(disk_cache_dir=str(tmp_path))
    separate_endpoints_in_cache()
    with Fixed(bad) as server:
        lm = lm_at(server, cache=True)
        with contextlib.suppress(LMError):
            lm("Where?")
        server.answer = completed({"content": "Porto"})
        assert lm("Where?") == ["Porto"]
        assert lm("Where?") == ["Porto"]
        assert len(server.requests) == 2


def test_a_cut_reply_warns_in_our_words_alone(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), Fixed(completed({"content": "Por"}, "length")) as server:
        lm_at(server)("Where?")
    assert not [record for record in caplog.records if "truncated" in record.getMessage()]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Fault(302, "", {"Location": "https://elsewhere/"}), "redirects to another address (302)"),
        (Fault(308, "", {"Location": "/login"}), "redirects to another address (308)"),
        (Fault(200, "<html><title>Sign in</title></html>"), "a web page, 'Sign in' answers"),
        (Fault(200, ""), "answers with an empty body (200)"),
        (
            Fault(200, 'data: {"choices": []}\n\n', {"Content-Type": "text/event-stream"}),
            "text/event-stream that is no",
        ),
        (
            Fault(429, {"error": {"message": "slow"}}, {"Retry-After": "86400"}),
            "(429): slow, and asks to wait 24 hours",
        ),
        (Fault(429, {"error": {"message": "slow"}}, {"retry-after-ms": "400000"}), "asks to wait"),
        (Fault(429, {"error": {"message": "slow"}}), "limits the rate (429): slow; try again later"),
        (Fault(529, {"error": {"message": "Overloaded"}}), "too much to do, or is not ready (529): Overloaded"),
        (Fault(503, {"error": {"message": "Loading model"}}), "is not ready (503): Loading model; try again later"),
        (
            Fault(401, {"error": {"message": "Your key expired on Monday"}}),
            "rejected the API key (401): none is set; run `export HOSTED_VLLM_API_KEY=<your key>`",
        ),
    ],
)
def test_each_has_a_line_of_its_own(answer: Fault, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOSTED_VLLM_API_KEY", raising=False)
    with Fixed(answer) as server:
        assert said in said_of(server)


def test_what_a_server_says_of_a_key_is_shown_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTED_VLLM_API_KEY", "planted-0123456789")
    with Fixed(Fault(401, {"error": {"message": "planted-0123456789 expired on Monday"}})) as server:
        line = said_of(server)
    assert "rejected the API key (401): [redacted] expired on Monday; check the value of HOSTED_VLLM_API_KEY" in line


@pytest.mark.parametrize("status", [400, 404, 429, 500])
def test_a_servers_words_are_no_flags_and_have_no_advice_of_dspys(status: int) -> None:
    said = "The model `m` is too busy to read `temperature`"
    with Fixed(Fault(status, {"error": {"message": said}})) as server:
        with pytest.raises(LMError) as failed:
            lm_at(server)("Where?")
        line = said_of(server)
    assert said.replace("`", "'") in str(failed.value)
    assert "To fix" not in str(failed.value)
    assert "--m" not in with_flags(line)
    assert "--temperature" not in with_flags(line)


@pytest.mark.parametrize(
    "body", [{"error": "You exceeded your current quota"}, {"error": {"message": "no credits left"}}]
)
@pytest.mark.parametrize("provider", ["azure", "lm_studio", "mistral", "hosted_vllm"])
def test_the_reason_is_found_behind_every_client_and_ends_the_run(
    provider: str, body: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{provider.upper()}_API_KEY", "planted-0123456789")
    choice = resolve("task", model=f"{provider}/m", api_base="http://127.0.0.1:9")
    with Fixed(Fault(body=body)) as server:
        lm = EndpointLM(f"{provider}/m", api_base=server.base_url, api_key="k", cache=False, max_retries=0)
        with pytest.raises(LMError) as failed:
            lm("Where?")
    said = body["error"] if isinstance(body["error"], str) else body["error"]["message"]
    assert said in str(failed.value)
    assert is_systemic(failed.value)
    assert "reports no credit left" in diagnose(failed.value, choice)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(403, {"message": ["no such", "project"]}), "no such project"),
        (Fault(403, {"errors": [[], ["not", "yours"]]}), "not yours"),
        (Fault(401, {}), "HTTP 401"),
        (Fault(429, {}), "HTTP 429"),
        (Fault(500, {"id": 5}), "HTTP 500"),
    ],
)
def test_an_error_without_a_message_has_the_servers_words_or_its_status_and_no_advice(fault: Fault, said: str) -> None:
    with Fixed(fault) as server, pytest.raises(LMError) as failed:
        lm_at(server)("Where?")
    assert str(failed.value) == f"[hosted_vllm/m] {said}"


@pytest.mark.parametrize("body", [[1], "null", "5", {"choices": {"0": 1}}, {"choices": [], "usage": [1]}])
def test_an_answer_that_cannot_be_read_is_the_servers(body: Any) -> None:
    with Fixed(Fault(body=body)) as server, pytest.raises(LMError, match=r"the server's answer|no completion"):
        lm_at(server)("Where?")


@pytest.mark.parametrize("words", ["cut in half: \ud83d", "\udc00", "a \udfff in the middle"])
def test_half_a_sign_in_a_reply_is_a_sign_that_can_be_written(words: str) -> None:
    with Fixed(completed({"content": words})) as server:
        (text,) = lm_at(server)("Where?")
    assert text.encode().decode() == words.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
