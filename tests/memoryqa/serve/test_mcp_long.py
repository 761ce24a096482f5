"""Long and broken calls of MCP through the SDK's client: progress, cancellation, a million characters, bad requests."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client, StdioServerParameters
from mcp_servers import by_http, by_stdio

from memoryqa import AdaptiveMemory, Memories
from memoryqa.asking.watch import BrokenOffError, Watch
from memoryqa.serve.mcp_server import make_server
from memoryqa.serve.operations import Operations
from memoryqa.serve.replies import Answered

HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}},
}


def messages(count: int) -> list[dict[str, str]]:
    return [{"text": f"Fact {n}.", "speaker": "Ana", "time": "2024-01-01"} for n in range(count)]


async def called(client: Client, tool: str, arguments: dict[str, Any], **how: Any) -> Any:
    reply = await client.call_tool(tool, arguments, **how)
    assert not reply.is_error, reply.content[0].text
    return reply.structured_content


async def progress_of(server: StdioServerParameters | str) -> tuple[list[tuple[float, float | None]], Any]:
    seen: list[tuple[float, float | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total))

    async with Client(server) as client:
        kept = await called(client, "remember", {"chat": "facts", "messages": messages(1_200)}, progress_callback=note)
        return seen, kept


@pytest.mark.slow
def test_a_client_sees_the_progress_of_a_long_remember_over_stdin_and_over_http(tmp_path: Path) -> None:
    wanted = [(500.0, 1200.0), (1000.0, 1200.0), (1200.0, 1200.0)]
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    seen, kept = anyio.run(progress_of, by_stdio(tmp_path / "one"))
    assert (seen, kept["messages"]) == (wanted, 1_200)
    with by_http(tmp_path / "two") as (address, _):
        seen, kept = anyio.run(progress_of, address)
    assert (seen, kept["messages"]) == (wanted, 1_200)


@pytest.mark.slow
def test_a_call_that_is_cancelled_is_kept_in_whole_batches_and_the_server_goes_on(tmp_path: Path) -> None:
    async def main() -> Any:
        async with Client(by_stdio(tmp_path)) as client:
            begun = anyio.Event()

            async def note(progress: float, total: float | None, message: str | None) -> None:
                begun.set()

            async def remember() -> None:
                arguments = {"chat": "facts", "messages": messages(5_000)}
                await client.call_tool("remember", arguments, progress_callback=note)

            async with anyio.create_task_group() as group:
                group.start_soon(remember)
                with anyio.fail_after(60):
                    await begun.wait()
                group.cancel_scope.cancel()
            with anyio.fail_after(60):
                said = [{"text": "The oven is broken.", "speaker": "Bo", "time": "2024-02-01"}]
                await called(client, "remember", {"chat": "facts", "messages": said})
                return await called(client, "search", {"question": "What is broken?", "chats": ["facts"]})

    assert "The oven is broken." in anyio.run(main)["text"]
    with AdaptiveMemory.open(tmp_path / "facts.db") as memory:
        facts = [turn.text for turn in memory.turns() if turn.speaker == "Ana"]
    assert facts == [f"Fact {n}." for n in range(len(facts))]
    assert len(facts) >= 500
    assert len(facts) % 500 == 0


@pytest.mark.slow
def test_a_million_characters_travel_over_http_and_more_than_the_limit_do_not(tmp_path: Path) -> None:
    long = "word " * 100_000 + "The safe opens with 48213. " + "more " * 100_000

    async def main(address: str) -> Any:
        async with Client(address) as client:
            said = [{"text": long, "speaker": "Ana", "time": "2023-01-01"}]
            await called(client, "remember", {"chat": "long", "messages": said})
            return await called(client, "search", {"question": "What opens the safe?", "budget_tokens": 400})

    with by_http(tmp_path) as (address, _):
        assert "The safe opens with 48213." in anyio.run(main, address)["text"]
        refused = httpx.post(address, headers=HEADERS, content=b" " * (17 * 1024 * 1024), timeout=60)
        assert refused.status_code == 413
        assert anyio.run(main, address)["tokens"] <= 400


@pytest.mark.slow
def test_what_is_no_call_is_refused_and_the_server_goes_on(tmp_path: Path) -> None:
    bodies = (
        b"",
        b"{",
        b"[]",
        b'"text"',
        b'{"jsonrpc": "2.0"}',
        b'{"jsonrpc": "1.0", "id": 1, "method": "x"}',
        b"\xff",
    )
    with by_http(tmp_path) as (address, process):
        for body in bodies:
            answer = httpx.post(address, headers=HEADERS, content=body, timeout=30)
            assert 400 <= answer.status_code < 500, (body, answer.text)
            assert "Traceback" not in answer.text
        assert httpx.post(address, headers={"Content-Type": "text/plain"}, content=b"x", timeout=30).status_code in (
            400,
            406,
            415,
        )
        assert httpx.post(address, headers=HEADERS, json=INITIALIZE, timeout=30).status_code == 200
        assert process.poll() is None


def test_a_question_that_is_cancelled_stops_the_model(tmp_path: Path) -> None:
    begun, stopped = anyio.Event(), threading.Event()

    def ask(question: str, chat: str | None, asked: str | None, watch: Watch) -> Answered:
        with watch.ending(stopped.set):
            anyio.from_thread.run_sync(begun.set)
            assert stopped.wait(30)
        raise BrokenOffError

    async def main() -> Any:
        with Memories.open(tmp_path) as chats:
            async with Client(make_server(Operations(chats), ask)) as client:
                async with anyio.create_task_group() as group:
                    group.start_soon(client.call_tool, "ask", {"question": "Where is the oboe?"})
                    with anyio.fail_after(30):
                        await begun.wait()
                    group.cancel_scope.cancel()
                assert await anyio.to_thread.run_sync(stopped.wait, 30)
                return await called(client, "chats", {})

    assert anyio.run(main) == {"chats": []}
