"""MCP at /mcp does for a token what the HTTP API does for it, through the SDK's own client."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import anyio
import pytest

pytest.importorskip("fastapi", reason="needs pip install '.[serve]'")

import httpx2
from api_servers import ApiServer, api_server
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from memoryqa.serve.tokens import new_token

SECRET = "the-secret-of-these-tests"
SAID = {"text": "The oboe case is in the office.", "speaker": "Kim", "time": "2023-06-01"}
READS, WRITES = {"search", "open", "ask", "chats", "people"}, {"remember", "correct", "forget", "join"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}},
}
JSON_OR_EVENTS = {"Accept": "application/json, text/event-stream"}

Talk = Callable[[Client], Awaitable[Any]]


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ApiServer, dict[str, str]]]:
    """A server with the chats "ana" and "choir", which say the same, and its tokens by name."""
    store = tmp_path_factory.mktemp("mcp") / "store"
    made = {
        name: new_token(store / "tokens.json", name, chats, read_only=read_only)
        for name, chats, read_only in [
            ("reader", None, True), ("of-ana", ["ana"], False), ("reader-of-ana", ["ana"], True)
        ]
    }  # fmt: skip
    with api_server(store, token=SECRET) as server:
        for chat in ("ana", "choir"):
            server.add(chat, SAID)
        yield server, {"all": SECRET, **made}


def talk(server: ApiServer, token: str, conversation: Talk) -> Any:
    async def main() -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=60) as http,
            Client(streamable_http_client(f"{server.url}/mcp", http_client=http)) as client,
        ):
            return await conversation(client)

    return anyio.run(main)


async def called(client: Client, tool: str, **arguments: Any) -> tuple[bool, str]:
    """Whether a call failed, and all of its reply."""
    reply = await client.call_tool(tool, arguments)
    return bool(reply.is_error), reply.content[0].text + json.dumps(reply.structured_content)


@pytest.mark.parametrize("who", ["all", "reader", "of-ana", "reader-of-ana"])
def test_a_token_is_shown_the_tools_that_it_may_use(tokens: tuple[ApiServer, dict[str, str]], who: str) -> None:
    server, made = tokens
    listed = talk(server, made[who], lambda client: client.list_tools())
    assert {one.name for one in listed.tools} == (READS if "reader" in who else READS | WRITES)


WRITING: list[tuple[str, dict[str, Any]]] = [
    ("remember", {"messages": [SAID], "chat": "choir"}),
    ("remember", {"messages": [SAID], "chat": "new"}),
    ("correct", {"id": "D1:1", "text": "x", "chat": "choir"}),
    ("forget", {"id": "D1:1", "chat": "choir", "confirm": True}),
    ("forget", {"everything": True, "chat": "choir", "confirm": True}),
    ("join", {"same": {"Kim": "Kit"}, "chat": "choir"}),
]


@pytest.mark.parametrize("who", ["reader", "of-ana", "reader-of-ana"])
def test_a_limited_token_changes_no_other_chat(tokens: tuple[ApiServer, dict[str, str]], who: str) -> None:
    server, made = tokens

    async def main(client: Client) -> list[tuple[bool, str]]:
        return [await called(client, tool, **arguments) for tool, arguments in WRITING]

    for failed, text in talk(server, made[who], main):
        assert failed
        assert "choir" not in text
    assert [one["chat"] for one in server.ok("GET", "/v1/chats")["chats"]] == ["ana", "choir"]
    (message,) = server.ok("GET", "/v1/chats/choir/messages")["messages"]
    assert (message["text"], message["speaker"]) == (SAID["text"], SAID["speaker"])


@pytest.mark.parametrize("who", ["of-ana", "reader-of-ana"])
def test_a_token_for_a_chat_reads_nothing_of_another(tokens: tuple[ApiServer, dict[str, str]], who: str) -> None:
    server, made = tokens

    async def main(client: Client) -> str:
        shown = []
        for tool, arguments in [("search", {"question": "Where is the oboe?"}), ("chats", {}), ("people", {})]:
            failed, text = await called(client, tool, **arguments)
            assert not failed, text
            assert SAID["speaker"] in text
            shown.append(text)
        for tool, arguments in [
            ("search", {"question": "Where is the oboe?", "chats": ["ana", "choir"]}),
            ("search", {"question": "Where is the oboe?", "chats": ["choir"]}),
            ("people", {"chats": ["choir"]}),
            ("open", {"id": "D1:1", "chat": "choir"}),
        ]:
            failed, text = await called(client, tool, **arguments)
            assert failed, (tool, arguments)
            shown.append(text)
        for path in ("", "/ana", "/ana/2023-06-01"):
            shown.append(str((await client.read_resource(f"memory://chats{path}")).contents))
        for path in ("/choir", "/choir/2023-06-01"):
            with pytest.raises(MCPError, match="for some chats: ana"):
                await client.read_resource(f"memory://chats{path}")
        prompt = await client.get_prompt("answer_from_memory", {"question": "Where is the oboe?"})
        return "".join([*shown, str(prompt.messages)])

    said = talk(server, made[who], main)
    assert "choir" not in said
    assert said.count("oboe") > 3


def test_a_token_for_a_chat_changes_that_chat(tokens: tuple[ApiServer, dict[str, str]]) -> None:
    server, made = tokens

    async def main(client: Client) -> list[tuple[bool, str]]:
        said = {"text": "A kiwi is in the fridge.", "speaker": "Kim", "time": "2023-06-02"}
        return [
            await called(client, "remember", messages=[said], chat="ana"),
            await called(client, "correct", id="D2:1", text="A pear is in the fridge."),
            await called(client, "search", question="What is in the fridge?"),
            await called(client, "forget", id="D2:1", confirm=True),
        ]

    kept, corrected, found, forgotten = talk(server, made["of-ana"], main)
    assert [kept[0], corrected[0], forgotten[0]] == [False] * 3
    assert "A pear is in the fridge." in found[1]
    assert server.ok("GET", "/v1/chats/ana/messages")["total"] == 1


def test_no_token_goes_on_with_the_session_of_another(tokens: tuple[ApiServer, dict[str, str]]) -> None:
    server, made = tokens
    begun = server.call("POST", "/mcp", INITIALIZE, token=SECRET, **JSON_OR_EVENTS)
    session = {"Mcp_Session_Id": begun.headers["mcp-session-id"], "Mcp_Protocol_Version": "2025-06-18"}
    listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    assert server.call("POST", "/mcp", listing, token=SECRET, **JSON_OR_EVENTS, **session).status == 200
    for who in ("reader", "of-ana"):
        reply = server.call("POST", "/mcp", listing, token=made[who], **JSON_OR_EVENTS, **session)
        assert reply.status == 404
    assert server.call("POST", "/mcp", listing, **JSON_OR_EVENTS, **session, Authorization="").status == 401


def test_a_token_whose_limits_change_has_the_new_ones_at_once(tokens: tuple[ApiServer, dict[str, str]]) -> None:
    server, _ = tokens
    path = server.store / "tokens.json"
    before = path.read_bytes()
    token = new_token(path, "changing", None, read_only=False)
    try:
        assert not talk(server, token, lambda client: called(client, "chats"))[0]
        entries = [
            {**one, **({"chats": ["ana"]} if one["name"] == "changing" else {})}
            for one in json.loads(path.read_bytes())
        ]
        path.write_text(json.dumps(entries))
        failed, text = talk(server, token, lambda client: called(client, "chats"))
        assert not failed
        assert "choir" not in text
    finally:
        path.write_bytes(before)
    assert server.call("POST", "/mcp", INITIALIZE, token=token, **JSON_OR_EVENTS).status == 401
