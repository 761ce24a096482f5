"""Clients that send a little now and then hold no connection for ever, and HEAD is answered as GET."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs pip install '.[serve]'")

import uvicorn
from api_servers import api_server
from ports import free_port
from starlette.exceptions import HTTPException
from waiting import wait_for

from memoryqa.serve.api.guard import Guard, Limits
from memoryqa.serve.api.metrics import Metrics
from memoryqa.serve.protocol import BoundedProtocol
from memoryqa.serve.tokens import Tokens
from memoryqa.serve.webpage import page_routes

WHOLE = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def test_empty_lines_between_requests_keep_no_connection_open() -> None:
    port = free_port()
    config = uvicorn.Config(
        page_routes()[0].app, port=port, http=BoundedProtocol, log_level="error", timeout_keep_alive=1
    )
    served = uvicorn.Server(config)
    thread = threading.Thread(target=served.run)
    thread.start()
    try:
        wait_for(lambda: served.started, "it listens")
        with socket.create_connection(("127.0.0.1", port), timeout=60) as one:
            for before in (b"", b"\r\n", b"\n\r\n\r"):
                one.sendall(before + WHOLE)
                received = b""
                while b"</html>" not in received:
                    received += one.recv(100_000)
                assert received.startswith(b"HTTP/1.1 200")
            one.sendall(b"\r\n")
            assert one.recv(10) == b"", "it was hung up on"
    finally:
        served.should_exit = True
        thread.join()


def received(sizes: Callable[[int], bytes], limits: Limits) -> tuple[int, int]:
    """The status that a body is refused with (0: it is not), and its bytes; a piece comes each 20 ms."""

    async def main() -> tuple[int, int]:
        count = size = 0

        async def receive() -> Any:
            nonlocal count
            await asyncio.sleep(0.02)
            count += 1
            piece = sizes(count)
            return {"type": "http.request", "body": piece, "more_body": bool(piece)}

        async def app(scope: Any, receive: Any, send: Any) -> None:
            nonlocal size
            while (message := await receive()).get("more_body"):
                size += len(message["body"])

        async def send(message: Any) -> None:
            pass

        guard = Guard(app, Tokens(None), limits, Metrics(), None)
        scope = {"type": "http", "method": "POST", "path": "/v1/search", "headers": [], "client": ("127.0.0.1", 1)}
        try:
            await guard(scope, receive, send)
        except HTTPException as error:
            return error.status_code, size
        return 0, size

    return asyncio.run(main())


def test_a_body_that_drips_is_not_waited_for() -> None:
    limits = Limits(idle_sec=0.3, body_rate=1_000)
    assert received(lambda count: b"x", limits)[0] == 408
    status, size = received(lambda count: b"x" * 1_000 if count <= 60 else b"", limits)
    assert (status, size) == (0, 60_000), "one that takes longer and brings something is"


@pytest.mark.slow
def test_head_is_answered_as_get_without_its_body(tmp_path: Path) -> None:
    with api_server(tmp_path / "store") as server:
        server.add("ana", {"text": "I moved to Porto.", "speaker": "Ana"})
        connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
        for path in ("/health", "/v1/chats", "/v1/chats/ana/export", "/openapi.json", "/", "/v1/chats/bo/days"):
            replies = []
            for method in ("GET", "HEAD"):
                connection.request(method, path)
                reply = connection.getresponse()
                content = reply.read()
                replies.append((reply.status, reply.headers["content-type"], reply.headers["content-length"]))
                assert bool(content) == (method == "GET")
            assert replies[0] == replies[1]
        connection.close()
        assert server.call("HEAD", "/v1/search").status == 405
        counted = server.call("GET", "/metrics").content.decode()
        assert 'memoryqa_requests_total{method="HEAD",route="/v1/chats",status="200"} 1' in counted
