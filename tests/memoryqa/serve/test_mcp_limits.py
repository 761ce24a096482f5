"""What an MCP server is limited to: some chats, and reading."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPError
from mcp_servers import STARTED, environment

from memoryqa import Memories
from memoryqa.serve.mcp_server import make_server
from memoryqa.serve.operations import Operations
from memoryqa.serve.tokens import Access

SAID = {"text": "The oboe case is in the office.", "speaker": "Kim", "time": "2023-06-01"}
OF_ANA = Access("mcp", frozenset({"ana"}))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A folder with the chats "ana" and "choir", which say the same."""
    with Memories.open(tmp_path / "store") as chats:
        for name in ("ana", "choir"):
            chats.create(name).extend([SAID, {**SAID, "speaker": "+351 912 345 678"}])
    return tmp_path / "store"


def calls(store: Path, access: Access | None, *asked: tuple[str, dict[str, Any]]) -> list[tuple[bool, str, Any]]:
    """Whether each call failed, its text, and its structure."""

    async def main() -> list[tuple[bool, str, Any]]:
        with Memories.open(store) as chats:
            async with Client(make_server(Operations(chats), access=access)) as client:
                replies = [await client.call_tool(name, arguments) for name, arguments in asked]
                return [(bool(one.is_error), one.content[0].text, one.structured_content) for one in replies]

    return anyio.run(main)


def test_a_server_for_a_chat_shows_nothing_of_another(store: Path) -> None:
    replies = calls(
        store,
        OF_ANA,
        ("search", {"question": "Where is the oboe?"}),
        ("chats", {}),
        ("people", {}),
        ("open", {"id": "D1:1"}),
    )
    for failed, text, structured in replies:
        assert not failed
        assert "choir" not in text + str(structured)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("search", {"question": "Where is the oboe?", "chats": ["ana", "choir"]}),
        ("people", {"chats": ["choir"]}),
        ("open", {"id": "D1:1", "chat": "choir"}),
        ("remember", {"messages": [SAID], "chat": "choir"}),
        ("remember", {"messages": [SAID], "chat": "new"}),
        ("correct", {"id": "D1:1", "text": "x", "chat": "choir"}),
        ("forget", {"id": "D1:1", "chat": "choir", "confirm": True}),
        ("join", {"same": {"Kim": "Kit"}, "chat": "choir"}),
    ],
)
def test_a_server_for_a_chat_refuses_others(store: Path, tool: str, arguments: dict[str, Any]) -> None:
    ((failed, text, _),) = calls(store, OF_ANA, (tool, arguments))
    assert failed
    assert text.endswith("this server is for some chats: ana")
    with Memories.open(store) as chats:
        assert [(name, len(chats[name])) for name in sorted(chats)] == [("ana", 2), ("choir", 2)]
        assert chats["choir"].expand("D1:1").text == SAID["text"]


def test_its_resources_are_of_its_chats(store: Path) -> None:
    async def main() -> str:
        with Memories.open(store) as chats:
            async with Client(make_server(Operations(chats), access=OF_ANA)) as client:
                shown = [
                    await client.read_resource(f"memory://chats{path}") for path in ("", "/ana", "/ana/2023-06-01")
                ]
                for path in ("/choir", "/choir/2023-06-01"):
                    with pytest.raises(MCPError, match="this server is for some chats: ana"):
                        await client.read_resource(f"memory://chats{path}")
                return str(shown)

    assert "choir" not in anyio.run(main)


@pytest.mark.slow
def test_a_server_for_reading_has_no_tool_that_changes_anything(store: Path) -> None:
    line = [*STARTED[1:], "--store", str(store), "--read-only", "--only", "ana"]
    server = StdioServerParameters(command=STARTED[0], args=line, env=environment(), cwd=str(store.parent))

    async def main() -> tuple[Any, Any]:
        async with Client(server) as client:
            refused = await client.call_tool("remember", {"messages": [SAID], "chat": "ana"})
            return await client.list_tools(), refused

    listed, refused = anyio.run(main)
    assert all(one.annotations.read_only_hint for one in listed.tools)
    assert {one.name for one in listed.tools} == {"search", "open", "ask", "chats", "people"}
    assert refused.is_error


def test_names_of_a_person_are_joined(store: Path) -> None:
    joined, people, nothing = calls(
        store,
        None,
        ("join", {"same": {"+351 912 345 678": "Tomás"}, "chat": "ana", "me": "Kim"}),
        ("people", {"chats": ["ana"]}),
        ("join", {"same": {}, "chat": "ana"}),
    )
    assert joined[2] == {"chat": "ana", "messages": 1}
    assert {one["name"] for one in people[2]["people"]} == {"Kim", "Tomás"}
    assert nothing[0]
    assert "which names" in nothing[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--read-only"],
        ["--only", "ana"],
        ["--mcp", "--tokens", "x.json"],
        ["--mcp", "--rate", "5"],
        ["--mcp", "--allow-host", "x"],
    ],
)
def test_a_limit_that_would_not_hold_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    line = [*STARTED[:-1], "--store", str(tmp_path / "s"), *arguments]
    done = subprocess.run(
        line,
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 2
    assert "--mcp" in done.stderr.splitlines()[-1]
