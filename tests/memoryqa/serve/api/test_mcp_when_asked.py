"""The page and the API start without the package mcp, which the first request at /mcp imports."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs pip install '.[serve]'")

from api_servers import ApiServer, Replied, api_server, start_api
from checkout import ROOT
from mcp_servers import STARTED, environment
from without_packages import hide_packages

from memoryqa.errors import UsageError
from memoryqa.memories import Memories
from memoryqa.serve.api.mcp import McpByAccess
from memoryqa.serve.mcp_package import McpMissingError
from memoryqa.serve.mcp_server import make_server
from memoryqa.serve.operations import Operations
from memoryqa.serve.tokens import Access

SAID = {"text": "The oboe case is in the office.", "speaker": "Kim", "time": "2023-06-01"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}},
}
MISSING = "MCP cannot be served here: {}; pip install --upgrade 'memoryqa[serve]'"


def initialize(server: ApiServer) -> Replied:
    return server.call("POST", "/mcp", INITIALIZE, Accept="application/json, text/event-stream")


def test_a_server_starts_without_what_speaks_mcp() -> None:
    script = (
        "import sys, memoryqa.serve.api.app, memoryqa.serve.http, memoryqa.serve.mcp_package\n"
        "print([name for name in sys.modules if name.partition('.')[0] in ('mcp', 'mcp_types', 'tiktoken')])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.slow
def test_first_calls_at_once_each_begin_a_session(tmp_path: Path) -> None:
    with api_server(tmp_path / "store") as server, ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: initialize(server), range(8)))
        assert {reply.status for reply in replies} == {200}
        assert len({reply.headers["mcp-session-id"] for reply in replies}) == 8


@pytest.mark.slow
def test_a_server_that_is_asked_to_end_amid_the_first_call_answers_it(tmp_path: Path) -> None:
    server = start_api(tmp_path / "store")
    try:
        server.wait()
        with ThreadPoolExecutor(1) as pool:
            replied = pool.submit(initialize, server)
            time.sleep(0.1)
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(30) in (0, -signal.SIGTERM)
            assert replied.result(30).status == 200
    finally:
        server.process.kill()
        server.process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "problem"),
    [
        (None, "the server has no module mcp"),
        ("raise RuntimeError('a secret of this machine')", "the server cannot import the package mcp (RuntimeError)"),
        ("raise ImportError('gone')", "the server cannot import the package mcp (ImportError)"),  # an old version
    ],
)
def test_without_the_package_all_but_mcp_is_served(module: str | None, problem: str, tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    if module is None:
        hide_packages(packages, {"mcp"})
    else:
        (packages / "mcp.py").write_text(module)
    path = {"PYTHONPATH": f"{packages}:{ROOT}"}
    with api_server(tmp_path / "store", env=path) as server:
        server.add("choir", SAID)
        for _ in range(2):
            refused = initialize(server)
            assert (refused.status, refused.detail) == (501, MISSING.format(problem))
        assert server.ok("POST", "/v1/search", {"question": "Where is the oboe case?"})["lines"]
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) in (0, -signal.SIGTERM)
    done = subprocess.run(
        [*STARTED, "--store", str(tmp_path / "store")],
        cwd=tmp_path, env=environment(**path), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    last = done.stderr.splitlines()[-1]
    assert (done.returncode, last) == (2, f"memoryqa: {MISSING.format(problem)}")
    assert "Traceback" not in done.stderr


def served(make: Callable[[Access], Any], requests: Callable[[McpByAccess], Any]) -> Any:
    async def main() -> Any:
        by_access = McpByAccess(make, 1_000_000)
        async with by_access.running():
            return await requests(by_access)

    return asyncio.run(main())


async def answered(by_access: McpByAccess, access: Access) -> int:
    """The status of a reply to a GET without a session."""
    statuses = list[int]()

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {
        "type": "http", "method": "DELETE", "path": "/mcp", "raw_path": b"/mcp", "query_string": b"", "headers": [],
        "http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 80), "memoryqa.access": access,
    }  # fmt: skip
    await by_access(scope, receive, send)
    return statuses[0]


@pytest.fixture
def operations(tmp_path: Path) -> Any:
    with Memories.open(tmp_path / "store") as memories:
        yield Operations(memories)


def test_a_server_is_made_once_and_not_in_the_thread_that_answers(operations: Operations) -> None:
    made = list[tuple[Access, int]]()

    def make(access: Access) -> Any:
        made.append((access, threading.get_ident()))
        time.sleep(0.05)
        return make_server(operations, None, access)

    async def requests(by_access: McpByAccess) -> list[int]:
        return await asyncio.gather(*(answered(by_access, one) for one in (Access(), Access("reader")) * 3))

    statuses = served(make, requests)
    assert set(statuses) <= {400, 404, 405}
    assert sorted(access.name for access, _ in made) == ["all", "reader"]
    assert threading.get_ident() not in {thread for _, thread in made}


def test_what_could_not_be_made_is_tried_again(operations: Operations) -> None:
    tries = list[int]()

    def make(access: Access) -> Any:
        tries.append(1)
        if len(tries) < 3:
            raise McpMissingError("gone")
        return make_server(operations, None, access)

    async def requests(by_access: McpByAccess) -> list[int]:
        return [await answered(by_access, Access()) for _ in range(4)]

    first, second, *others = served(make, requests)
    assert (first, second, len(tries)) == (501, 501, 3)
    assert set(others) <= {400, 404, 405}


def test_a_server_that_is_being_made_at_the_end_ends_too(operations: Operations) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def make(access: Access) -> Any:
        begun.set()
        go_on.wait(10)
        return make_server(operations, None, access)

    async def requests(by_access: McpByAccess) -> asyncio.Task[int]:
        asked = asyncio.create_task(answered(by_access, Access()))
        await asyncio.to_thread(begun.wait, 10)
        asked.cancel()  # its client has left
        asyncio.get_running_loop().call_later(0.05, go_on.set)
        return asked

    assert served(make, requests).cancelled()
    assert issubclass(McpMissingError, UsageError)
