"""`/v1/ask` with a language model: its answer comes as it is written, and nobody pays for one that nobody reads."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs pip install '.[serve]'")
pytest.importorskip("dspy", reason="needs pip install '.[ask]'")

from api_servers import ApiServer, api_server
from http_stand_in import Fault
from openai_server import (
    OffFormat,
    OpenAIServer,
    Shaped,
    chat_fields,
    json_fields,
    server_error,
    truncated,
    unauthorized,
)
from waiting import wait_for

SAID = {"text": "I moved to Porto last Saturday!", "speaker": "Ana", "time": "2023-05-25T18:30"}
ANSWER = "On Saturday, 20 May 2023, in the week before she wrote about it, and to Porto"
ASKED = {"question": "When did Ana move to Porto?", "chats": ["ana"]}

pytestmark = pytest.mark.slow


def reply(messages: list[Mapping[str, Any]], body: Mapping[str, Any]) -> str:
    """The LM's: queries, enough evidence, an answer, in the form that is asked for."""
    prompt = str(messages[-1]["content"]) + str(messages[0]["content"])
    written = json_fields if "response_format" in body else chat_fields
    if "follow_up_queries" in prompt:
        return written(sufficient=True, follow_up_queries=[])
    if "evidence_ids" in prompt:
        return written(answer=ANSWER, evidence_ids="D1:1")
    return chat_fields(queries='["moved to Porto", "my new flat"]')


@pytest.fixture(scope="module")
def model() -> Iterator[OpenAIServer]:
    with OpenAIServer(reply) as one:
        yield one


@pytest.fixture(scope="module")
def served(model: OpenAIServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A server that asks `model`, with one chat."""
    env = {"HOSTED_VLLM_API_BASE": model.api_base, "MEMORY_MODEL": "hosted_vllm/test-model", "OMP_NUM_THREADS": "1"}
    with api_server(tmp_path_factory.mktemp("asked") / "store", env=env) as one:
        one.add("ana", SAID)
        yield one


@pytest.fixture
def server(model: OpenAIServer, served: ApiServer) -> ApiServer:
    """The server, and its model as it should be."""
    model.requests.clear()
    model.goes_wrong()
    model.answer, model.streams, model.pause_sec, model.left = reply, True, 0.0, 0
    return served


def asked(server: ApiServer) -> list[tuple[str, Any]]:
    return server.call("POST", "/v1/ask", ASKED).events


def test_the_answer_comes_as_it_is_written_after_its_sources(server: ApiServer, model: OpenAIServer) -> None:
    model.pause_sec = 0.06
    events = asked(server)
    kinds = [name for name, _ in events]
    assert kinds[0] == "queries"
    assert kinds.index("evidence") < kinds.index("writing")
    assert kinds[-1] == "answer"
    written = [data["answer"] for name, data in events if name == "writing"]
    assert len(written) > 5
    assert written == sorted(written, key=len)
    assert all(ANSWER.startswith(one) for one in written)
    answer = events[-1][1]
    assert (answer["answer"], answer["offline"]) == (ANSWER, False)
    assert answer["cited"] == [{"chat": "ana", "id": "D1:1"}]
    assert "test-model" in answer["model"]


@pytest.mark.parametrize(
    "fault",
    [server_error(), truncated(), OffFormat(text="[[ ## answer ## ]]\nIn spring.")],
    ids=["fails once", "breaks off once", "misses the form once"],
)
def test_an_answer_comes_where_the_model_fails_once(server: ApiServer, model: OpenAIServer, fault: Fault) -> None:
    model.goes_wrong(None, None, fault)
    kind, data = asked(server)[-1]
    assert kind == "answer", data
    assert data["answer"] == ANSWER
    assert len(model.chat_requests) == 4


def test_a_reply_that_was_cut_is_named_and_not_kept(server: ApiServer, model: OpenAIServer) -> None:
    cut = Shaped(text=f"[[ ## answer ## ]]\n{ANSWER}\n\n[[ ## evidence_ids ## ]]\nD1:1", finish_reason="length")
    model.goes_wrong(None, None, cut)
    question = {**ASKED, "question": "When did Ana move to Porto, and why?"}
    _, answer = server.call("POST", "/v1/ask", question).events[-1]
    assert answer["problems"] == ["a reply was cut at its 1,024 tokens; raise `max_tokens`"]
    assert server.call("POST", "/v1/ask", {**question, "kept": True, "stream": False}).status == 404
    _, answer = server.call("POST", "/v1/ask", question).events[-1]
    assert answer["problems"] == []
    assert server.ok("POST", "/v1/ask", {**question, "kept": True, "stream": False}) == answer


def test_a_model_that_fails_is_one_line(server: ApiServer, model: OpenAIServer) -> None:
    model.goes_wrong(unauthorized())
    kind, data = asked(server)[-1]
    assert (kind, data["status"]) == ("error", 502)
    assert "\n" not in data["detail"]


@pytest.mark.parametrize("stream", [True, False])
def test_the_model_is_stopped_when_the_client_leaves(server: ApiServer, model: OpenAIServer, stream: bool) -> None:
    asked(server)
    model.requests.clear()
    model.pause_sec = 1.0
    body = json.dumps({**ASKED, "stream": stream})
    head = f"POST /v1/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(f"{head}\r\n\r\n{body}".encode())
        wait_for(lambda: len(model.chat_requests) == 3, "the model answers")
    wait_for(lambda: model.left == 1, "the client of the model has left")
    wait_for(
        lambda: "memoryqa_in_flight 1\n" in server.call("GET", "/metrics").content.decode(), "nothing is in flight"
    )
    assert len(model.chat_requests) == 3


def test_what_was_answered_is_kept_until_what_it_was_read_from_changes(server: ApiServer, model: OpenAIServer) -> None:
    (_, answered) = asked(server)[-1]
    paid = len(model.chat_requests)
    kept = {**ASKED, "kept": True}
    assert server.call("POST", "/v1/ask", kept).events == [("answer", answered)]
    assert server.ok("POST", "/v1/ask", {**kept, "stream": False}) == answered
    for other in (
        {"question": "When did Ana move"},
        {"budget_tokens": 50},
        {"people": ["Ana"]},
        {"asked": "2020-01-01"},
    ):
        assert server.call("POST", "/v1/ask", {**kept, **other}).events == [("nothing", {})]
    assert server.call("POST", "/v1/ask", {**kept, "question": "x", "stream": False}).status == 404
    server.ok("PATCH", "/v1/chats/ana/messages/D1:1", {"text": "I moved to Faro!", "keep_revision": False})
    assert server.call("POST", "/v1/ask", kept).events == [("nothing", {})]
    server.ok("PATCH", "/v1/chats/ana/messages/D1:1", {"text": SAID["text"], "keep_revision": False})
    assert server.call("POST", "/v1/ask", kept).events == [("nothing", {})]  # it is gone
    asked(server)
    server.add("ana", {**SAID, "text": "No, it was Sunday."})
    assert server.call("POST", "/v1/ask", kept).events == [("nothing", {})]
    assert len(model.chat_requests) == 2 * paid


def test_a_model_that_does_not_stream_is_asked_once_more_and_then_no_longer_to(
    server: ApiServer, model: OpenAIServer
) -> None:  # the last: the server remembers it
    model.streams = False
    for most in (4, 3):
        model.requests.clear()
        kind, data = asked(server)[-1]
        assert kind == "answer", data
        assert data["answer"] == ANSWER
        assert len(model.chat_requests) == most


def test_every_flag_about_the_model_reaches_it(model: OpenAIServer, tmp_path: Path) -> None:
    model.requests.clear()
    model.goes_wrong()
    model.answer, model.streams, model.pause_sec = reply, True, 0.0
    flags = ["--model", "hosted_vllm/other", "--api-base", model.api_base]
    flags += ["--max-tokens", "77", "--reasoning-effort", "low", "--timeout", "50"]
    with api_server(tmp_path / "store", *flags, env={"OMP_NUM_THREADS": "1"}) as one:
        one.add("ana", SAID)
        kind, data = asked(one)[-1]
    assert kind == "answer", data
    sent = model.chat_requests[0].body
    assert (sent["model"], sent["max_tokens"], sent["reasoning_effort"]) == ("other", 77, "low")
