"""A server of MCP that is asked to end finishes what it was asked, and waits for nobody who only listens."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

pytest.importorskip("fastapi", reason="needs pip install '.[serve]'")

from api_servers import api_server
from mcp import Client
from mcp_servers import by_http

from memoryqa import AdaptiveMemory

SAID = [
    {"text": f"Barrel {number} holds cider.", "speaker": "Kim"} for number in range(4_000)
]  # more than a moment's work


@contextmanager
def with_page(store: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    with api_server(store) as server:
        yield f"{server.url}/mcp", server.process


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["legacy", "auto"])
@pytest.mark.parametrize("serving", [by_http, with_page])
def test_messages_that_are_being_kept_at_the_end_are_acknowledged(
    serving: Callable[..., Any], mode: Any, tmp_path: Path
) -> None:
    async def main(address: str, process: subprocess.Popen[str]) -> Any:
        async def progress(done: float, total: float | None, message: str | None) -> None:
            process.send_signal(signal.SIGTERM)

        async with Client(address, mode=mode) as client:
            await client.list_tools()  # whose schemas it would ask for after the reply
            return await client.call_tool("remember", {"messages": SAID, "chat": "cellar"}, progress_callback=progress)

    with serving(tmp_path / "store") as (address, process):
        reply = anyio.run(main, address, process)
        assert process.wait(30) in (0, -signal.SIGTERM)
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    assert len(reply.structured_content["ids"]) == len(SAID)
    with AdaptiveMemory.open(tmp_path / "store" / "cellar.db") as memory:
        assert [turn.text for turn in memory] == [one["text"] for one in SAID]


@pytest.mark.slow
@pytest.mark.parametrize("serving", [by_http, with_page])
def test_a_client_that_listens_holds_up_no_end(serving: Callable[..., Any], tmp_path: Path) -> None:
    async def main(address: str, process: subprocess.Popen[str]) -> int:
        async with Client(address) as client:
            await client.list_tools()
            port = int(address.rpartition(":")[2].partition("/")[0])
            with socket.create_connection(("127.0.0.1", port), timeout=30) as listening:
                session = await anyio.to_thread.run_sync(begun_session, port)
                listening.sendall(
                    f"GET /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/event-stream\r\n"
                    f"Mcp-Session-Id: {session}\r\n\r\n".encode()
                )
                head = await anyio.to_thread.run_sync(listening.recv, 12)
                assert head == b"HTTP/1.1 200"
                process.send_signal(signal.SIGTERM)
                return await anyio.to_thread.run_sync(process.wait, 20)

    with serving(tmp_path / "store") as (address, process):
        assert anyio.run(main, address, process) in (0, -signal.SIGTERM)
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def begun_session(port: int) -> str:
    """The id of a session of the protocol that has them."""
    from api_servers import ApiServer

    initialize = {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}
        },
    }  # fmt: skip
    server: Any = ApiServer(Path(), port, None, None)  # type: ignore[arg-type]
    reply = server.call("POST", "/mcp", initialize, Accept="application/json, text/event-stream")
    return str(reply.headers["mcp-session-id"])
