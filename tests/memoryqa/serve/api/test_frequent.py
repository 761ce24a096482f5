"""The frequent calls are answered as the routes of FastAPI answer them, right or wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs pip install '.[serve]'")

from starlette.types import ASGIApp, Message

from memoryqa.memories import Memories
from memoryqa.serve.api.app import Settings, make_app
from memoryqa.serve.api.asking import searched
from memoryqa.serve.api.frequent import Frequent
from memoryqa.serve.asking import Read
from memoryqa.serve.command import asking
from memoryqa.serve.mcp_server import make_server
from memoryqa.serve.operations import Operations
from memoryqa.serve.tokens import Access, Tokens

SAID = {"text": "I moved to Porto – at last!", "speaker": "Ana", "time": "2023-05-25T18:30"}
JSON = "application/json"
SEARCH, ADD = "/v1/search", "/v1/chats/ana/messages"
OTHERS = Access("limited", frozenset({"bo"}))
READER = Access("reader", read_only=True)


@pytest.fixture
def operations(tmp_path: Path) -> Iterator[Operations]:
    with Memories.open(tmp_path / "store") as memories:
        memories.create("ana").add(**{"message": SAID["text"], "speaker": "Ana", "time": SAID["time"]})
        yield Operations(memories)


@pytest.fixture
def frequent(operations: Operations, tmp_path: Path) -> Frequent:
    app, _ = make_app(
        operations,
        asking(operations, "offline"),
        partial(make_server, operations, None),
        Settings(Tokens(None), tmp_path),
    )
    while not isinstance(app, Frequent):
        app = app._app  # type: ignore[attr-defined]
    return app


def answered(app: ASGIApp, path: str, body: bytes, access: Access, content_type: str | None) -> tuple[Any, ...]:
    """Status, headers and content of the reply, and the route for the metrics."""
    sent = list[Message]()
    pieces = [body[:7], body[7:]]

    async def receive() -> Message:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [] if content_type is None else [(b"content-type", content_type.encode())]
    scope: dict[str, Any] = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": headers, "http_version": "1.1", "scheme": "http", "memoryqa.access": access,
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    content = b"".join(one.get("body", b"") for one in sent[1:])
    return sent[0]["status"], sorted(sent[0]["headers"]), content, scope["route"].path


@pytest.mark.slow
@pytest.mark.parametrize("content_type", [JSON, "application/json; charset=utf-8"])
@pytest.mark.parametrize("access", [Access(), OTHERS, READER])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        (SEARCH, {"question": "When did Ana move to Porto?"}),
        (SEARCH, {"question": "When did Ana move to Porto?", "chats": ["ana"], "min_score": 0, "budget_tokens": "50"}),
        (SEARCH, {"question": "Who plays the oboe?", "chats": ["ana"]}),
        (SEARCH, {"question": "Porto?", "chats": ["none"]}),
        (SEARCH, {"question": "Porto?", "since": "yesterday"}),
        (SEARCH, {"question": " "}),
        (SEARCH, {"question": "Porto?", "more": 1}),
        (SEARCH, {}),
        (ADD, {"messages": []}),
        (ADD, {"messages": [{**SAID, "time": "noon"}]}),
        (ADD, {"messages": [{**SAID, "speaker": 7}]}),
        (ADD, {"messages": [{**SAID, "text": "\ud800"}]}),
        (ADD, [SAID]),
        ("/v1/chats/../messages", {"messages": [SAID]}),
        (f"/v1/chats/{'x' * 101}/messages", {"messages": [SAID]}),
    ],
)
def test_the_answer_is_that_of_the_route(
    frequent: Frequent, path: str, body: object, access: Access, content_type: str
) -> None:
    content = json.dumps(body).encode()
    reply = answered(frequent, path, content, access, content_type)
    assert reply == answered(frequent._app, path, content, access, content_type)
    assert reply[0] in (200, 401, 403, 404, 422)


@pytest.mark.parametrize("content_type", [None, "text/plain"])
def test_messages_are_added_as_json_alone(frequent: Frequent, content_type: str | None) -> None:
    body = json.dumps({"messages": [SAID]}).encode()
    reply = answered(frequent, ADD, body, Access(), content_type)
    assert reply == answered(frequent._app, ADD, body, Access(), content_type)
    assert reply[0] == 422


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"\xff", b"[" * 5_000])
@pytest.mark.parametrize("path", [SEARCH, ADD])
def test_what_is_no_json_is_refused_as_by_the_route(frequent: Frequent, path: str, body: bytes) -> None:
    reply = answered(frequent, path, body, Access(), JSON)
    assert reply == answered(frequent._app, path, body, Access(), JSON)
    assert reply[0] in (400, 422)


def test_messages_that_are_added_have_the_ids_that_follow(frequent: Frequent, operations: Operations) -> None:
    body = json.dumps({"messages": [{**SAID, "text": "And Bo came, too."}]}).encode()
    for app, id in ((frequent, "D1:2"), (frequent._app, "D1:3")):
        status, headers, content, route = answered(app, ADD, body, Access(), JSON)
        assert (status, route) == (201, "/v1/chats/{chat}/messages")
        assert json.loads(content) == {"chat": "ana", "ids": [id], "messages": int(id[-1])}
        assert dict(headers)[b"content-length"] == b"%d" % len(content)
    assert operations.memory("ana").expand("D1:3").text == "And Bo came, too."


def test_a_search_is_written_as_its_schema_writes_it(frequent: Frequent, operations: Operations) -> None:
    body = json.dumps({"question": "Who moved to Porto?", "chats": ["ana"]}).encode()
    found = Read(*operations.find("Who moved to Porto?", ["ana"], 1_000, min_score=0.3))
    assert found.ranked
    reply = answered(frequent, SEARCH, body, Access(), JSON)
    assert reply[2].decode() == searched(operations, found).model_dump_json()
