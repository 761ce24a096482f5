"""Changes that are sent again: made once, whatever became of the first reply."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs pip install '.[serve]'")

from api_servers import api_server

from memoryqa.client import Client, ServerError
from memoryqa.serve.api.problems import RefusedError
from memoryqa.serve.api.repeats import MAX_KEPT, Repeats
from memoryqa.serve.tokens import Access

ANYONE = Access()
OF_ITS_OWN = "give each message a key of its own"


def test_a_call_that_comes_again_is_made_once() -> None:
    made, go_on = list[int](), asyncio.Event()

    async def make() -> int:
        made.append(1)
        await go_on.wait()
        return len(made)

    async def run() -> None:
        repeats = Repeats()
        first = asyncio.ensure_future(repeats.once("k", ANYONE, "x", make))
        second = asyncio.ensure_future(repeats.once("k", ANYONE, "x", make))
        await asyncio.sleep(0)
        first.cancel()  # its caller has left
        await asyncio.sleep(0)
        with pytest.raises(RefusedError, match="another call had this key"):
            await repeats.once("k", ANYONE, "y", make)
        go_on.set()
        assert await second == await repeats.once("k", ANYONE, "x", make) == 1
        assert await repeats.once("k", Access("phone"), "x", make) == 2, "a key is its owner's"
        assert await repeats.once(None, ANYONE, "x", make) == 3
        for number in range(MAX_KEPT):
            await repeats.once(f"{number}", ANYONE, "x", make)
        assert await repeats.once("k", ANYONE, "x", make) == MAX_KEPT + 4, "the oldest is known no more"

    asyncio.run(run())


def test_what_failed_may_be_tried_again() -> None:
    outcomes = iter([RefusedError(503, "busy"), None])

    async def make() -> str:
        if (error := next(outcomes)) is not None:
            raise error
        return "done"

    async def run() -> None:
        repeats = Repeats()
        with pytest.raises(RefusedError):
            await repeats.once("k", ANYONE, "x", make)
        assert await repeats.once("k", ANYONE, "x", make) == "done"

    asyncio.run(run())


def test_a_server_makes_each_change_once_for_its_key(tmp_path: Path) -> None:
    with api_server(tmp_path / "store") as server, Client(server.url) as client:
        path = "/v1/chats/ana"

        def sent(method: str, path: str, body: Any, key: str) -> Any:
            headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
            return json.loads(client.send(method, path, json.dumps(body).encode(), headers).read())

        messages = {"messages": [{"text": f"Kite {number}.", "speaker": "Ana"} for number in range(3)]}
        added = [sent("POST", f"{path}/messages", messages, "add") for _ in range(2)]
        assert added[0] == added[1]
        assert len(client.chat("ana")) == 3
        corrected = [sent("PATCH", f"{path}/messages/D1:1", {"text": "A balloon."}, "correct") for _ in range(2)]
        assert corrected[0] == corrected[1]
        assert corrected[0]["before"] == "Kite 0."
        assert len(client.chat("ana").revisions("D1:1")) == 1
        assert [sent("POST", f"{path}/forget", {"id": "D1:2"}, "forget")["messages"] for _ in range(2)] == [1, 1]
        with pytest.raises(Exception, match="another call had this key"):
            sent("POST", f"{path}/forget", {"id": "D1:3"}, "forget")
        assert [sent("DELETE", path, None, "delete")["messages"] for _ in range(2)] == [2, 2]


@pytest.mark.slow
def test_messages_are_added_once_for_their_key_whatever_becomes_of_the_server(tmp_path: Path) -> None:
    messages = {"messages": [{"text": f"Kite {number}.", "speaker": "Ana"} for number in range(3)]}
    other = {"messages": [*messages["messages"][:1], {"text": "A balloon.", "speaker": "Ana"}]}
    path, found = "/v1/chats/ana/messages", list[Any]()
    for _ in range(2):
        with api_server(tmp_path / "store") as server:  # killed at the end
            found += [server.ok("POST", path, messages, Idempotency_Key="k") for _ in range(2)]
    assert found == found[:1] * 4
    assert len(found[0]["ids"]) == 3
    with api_server(tmp_path / "store") as server:
        refused = server.call("POST", path, other, Idempotency_Key="k")
        assert (refused.status, refused.detail) == (422, "a message of this key says something else; " + OF_ITS_OWN)
        assert server.ok("POST", path, messages, Idempotency_Key="k") == found[0]
        assert server.ok("POST", path, messages, Idempotency_Key="another")["messages"] == 6
        keyed = {"messages": [{**one, "key": one["text"]} for one in messages["messages"]]}
        assert [server.ok("POST", path, keyed, Idempotency_Key=key)["messages"] for key in ("a", "b")] == [9, 9]


@contextmanager
def slow_server(answers_after: int) -> Iterator[tuple[str, list[str]]]:
    """Its address, and the keys of the calls that it got, of which it answers only that one."""
    keys, end = list[str](), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_PATCH(self) -> None:
            keys.append(self.headers["Idempotency-Key"])
            self.rfile.read(int(self.headers["Content-Length"]))
            if len(keys) < answers_after:
                end.wait(30)
                return
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", keys
    finally:
        end.set()
        server.shutdown()
        server.server_close()


def test_the_client_waits_for_a_long_change_and_asks_for_it_by_one_key() -> None:
    with slow_server(answers_after=3) as (url, keys), Client(url, timeout_sec=0.2, total_sec=0.1) as client:
        client.chat("ana").correct("D1:1", "A balloon.")
        assert len(keys) == 3
        assert len(set(keys)) == 1
        client.chat("ana").correct("D1:1", "A kite.")
        assert len(set(keys)) == 2


def test_the_client_says_that_a_change_may_still_be_made() -> None:
    with (
        slow_server(answers_after=99) as (url, _),
        Client(url, timeout_sec=0.1, change_sec=0.5, total_sec=0) as client,
        pytest.raises(ServerError, match="has not answered yet, and may still be at it"),
    ):
        client.chat("ana").correct("D1:1", "A balloon.")
