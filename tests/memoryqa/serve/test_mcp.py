"""The MCP server through the SDK's own client: in process, over stdin and stdout, over HTTP."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import sqlite3
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_servers import STARTED, by_http, by_stdio, environment
from mcp_types import INVALID_PARAMS, ElicitResult

from memoryqa import AdaptiveMemory, Memories
from memoryqa.errors import StoppedError
from memoryqa.serve.mcp_server import NO_MODEL, make_server
from memoryqa.serve.operations import Operations
from memoryqa.serve.replies import Answered
from memoryqa.serve.tokens import Access

SAID = [
    {"text": "I moved to Porto last Saturday!", "speaker": "Ana", "time": "2023-05-25T18:30"},
    {"text": "Congratulations! Is the flat big?", "speaker": "Bo", "time": "2023-05-25T18:31"},
    {"text": "Three rooms and a balcony over the river.", "speaker": "Ana", "time": "2023-05-25T18:32"},
    {"text": "My sister Lena plays the oboe in an orchestra.", "speaker": "Bo", "time": "2023-07-02T09:00"},
]
READS, WRITES = {"search", "open", "ask", "chats", "people"}, {"remember", "correct", "forget", "join"}

Talk = Callable[[Client], Awaitable[Any]]


def talk(store: Path, conversation: Talk, access: Access | None = None, **client: Any) -> Any:
    """What `conversation` returns, with a server in this process."""

    async def main() -> Any:
        with Memories.open(store) as chats:
            async with Client(make_server(Operations(chats), access=access), **client) as one:
                return await conversation(one)

    return anyio.run(main)


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    """The structured half of a tool's reply; an AssertionError with its text when it failed."""
    reply = await client.call_tool(tool, arguments)
    assert not reply.is_error, reply.content[0].text
    return reply.structured_content


async def refusal(client: Client, tool: str, **arguments: Any) -> str:
    reply = await client.call_tool(tool, arguments)
    assert reply.is_error
    return str(reply.content[0].text)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A folder with the chats "ana" and "work"."""
    with Memories.open(tmp_path / "store") as chats:
        chats.create("ana").extend(SAID)
        chats.create("work").add("The oboe case is in the office.", speaker="Kim", time="2023-06-01")
    return tmp_path / "store"


def test_every_tool_says_what_it_does_and_whether_it_changes_anything(store: Path) -> None:
    tools = talk(store, lambda client: client.list_tools()).tools
    assert {tool.name for tool in tools} == READS | WRITES
    for tool in tools:
        assert tool.annotations.read_only_hint is (tool.name in READS)
        assert 20 < len(tool.description) < 120
        assert tool.title
        properties = tool.input_schema["properties"]
        assert all(one.get("description") for one in properties.values()), tool.name
        assert (tool.output_schema is not None) is (tool.name != "ask")
    assert {tool.name for tool in tools if tool.annotations.destructive_hint} == {"correct", "forget", "join"}
    assert not next(tool for tool in tools if tool.name == "remember").annotations.idempotent_hint


def test_what_is_remembered_is_found_with_its_date_and_its_id(tmp_path: Path) -> None:
    async def conversation(client: Client) -> tuple[Any, Any]:
        kept = await call(client, "remember", chat="ana", messages=SAID)
        return kept, await client.call_tool("search", {"question": "When did Ana move to Porto?"})

    kept, reply = talk(tmp_path / "store", conversation)
    assert kept == {"chat": "ana", "ids": ["D1:1", "D1:2", "D1:3", "D2:1"], "messages": 4}
    found = reply.structured_content
    assert reply.content[0].text == found["text"]
    assert "[D1, 25 May 2023]" in found["text"]
    assert "I moved to Porto last Saturday (= 20 May 2023)!" in found["text"]
    best = found["lines"][0]
    assert (best["chat"], best["id"], best["speaker"], best["time"]) == ("ana", "D1:1", "Ana", "2023-05-25T18:30:00")
    assert best["score"] > 0.3


def test_several_chats_share_one_budget_and_are_named(store: Path) -> None:
    async def conversation(client: Client) -> list[Any]:
        whole = await call(client, "search", question="Where is the oboe?", budget_tokens=2_000)
        small = await call(client, "search", question="Where is the oboe?", budget_tokens=30)
        one = await call(client, "search", question="Where is the oboe?", chats=["work"])
        return [whole, small, one]

    whole, small, one = talk(store, conversation)
    assert {line["chat"] for line in whole["lines"]} == {"ana", "work"}
    assert "# ana\n[D2, 2 July 2023]\n1 Bo: My sister" in whole["text"]
    assert "# work\n[D1, 1 June 2023]\n1 Kim: The oboe case" in whole["text"]
    assert [line["chat"] for line in small["lines"]] == [whole["lines"][0]["chat"]]
    assert small["tokens"] <= 30 < whole["tokens"]
    assert one["text"] == "[D1, 1 June 2023]\n1 Kim: The oboe case is in the office."


def test_a_search_can_be_of_some_people_and_of_a_time(store: Path) -> None:
    async def conversation(client: Client) -> list[list[str]]:
        asked = {"question": "Ana Porto sister oboe balcony", "min_score": 0, "chats": ["ana"]}
        replies = [
            await call(client, "search", **asked, people=["bo"]),
            await call(client, "search", **asked, since="2023-06-01"),
            await call(client, "search", **asked, until="2023-05-25", people=["Ana"]),
        ]
        return [sorted(line["id"] for line in reply["lines"]) for reply in replies]

    assert talk(store, conversation) == [["D1:2", "D2:1"], ["D2:1"], ["D1:1", "D1:3"]]


def test_nothing_is_found_of_what_never_came_up(store: Path) -> None:
    reply = talk(store, lambda client: client.call_tool("search", {"question": "Which vaccine did the vet recommend?"}))
    assert reply.content[0].text == "(nothing found)"
    assert reply.structured_content["lines"] == []


def test_a_message_opens_among_its_neighbours(store: Path) -> None:
    opened = talk(store, lambda client: call(client, "open", id="D1:2", chat="ana", around=1))
    assert opened["ids"] == ["D1:1", "D1:2", "D1:3"]
    assert "2 Bo: Congratulations! Is the flat big?" in opened["text"]


def test_chats_and_people_are_listed(store: Path) -> None:
    async def conversation(client: Client) -> tuple[Any, Any]:
        return await call(client, "chats"), await call(client, "people")

    chats, people = talk(store, conversation)
    assert [one["chat"] for one in chats["chats"]] == ["ana", "work"]
    assert chats["chats"][0] == {
        "chat": "ana", "messages": 4, "people": ["Ana", "Bo"], "first": "2023-05-25", "last": "2023-07-02"
    }  # fmt: skip
    assert {one["name"]: one["messages"] for one in people["people"]} == {"Ana": 2, "Bo": 2, "Kim": 1}


def test_a_corrected_message_is_found_by_its_new_words(store: Path) -> None:
    async def conversation(client: Client) -> tuple[Any, Any, Any]:
        corrected = await call(client, "correct", chat="ana", id="D2:1", text="My sister Lena plays the bassoon.")
        new = await call(client, "search", question="Who plays the bassoon?", chats=["ana"])
        old = await call(client, "search", question="Who plays the oboe in an orchestra?", chats=["ana"], min_score=0)
        return corrected, new, old

    corrected, new, old = talk(store, conversation)
    assert corrected["before"] == "My sister Lena plays the oboe in an orchestra."
    assert new["lines"][0]["id"] == "D2:1"
    assert "oboe" not in old["text"]
    with AdaptiveMemory.open(store / "ana.db") as memory:
        assert [turn.text for turn in memory.revisions("D2:1")] == [corrected["before"]]


@pytest.mark.parametrize(
    ("meant", "asked", "left"),
    [
        ({"id": "D1:1"}, "message D1:1", ["D1:2", "D1:3", "D2:1"]),
        ({"person": "Bo"}, "all that Bo said", ["D1:1", "D1:3"]),
        ({"before": "2023-06-01"}, "all that was said before 2023-06-01", ["D2:1"]),
        ({"everything": True}, "everything", []),
    ],
)
def test_forgetting_asks_the_user_where_the_client_can(
    store: Path, meant: dict[str, Any], asked: str, left: list[str]
) -> None:
    questions: list[str] = []
    agrees = False

    async def elicit(context: object, params: Any) -> ElicitResult:
        questions.append(params.message)
        return ElicitResult(action="accept", content={"confirm": True}) if agrees else ElicitResult(action="decline")

    async def conversation(client: Client) -> tuple[str, Any]:
        nonlocal agrees
        declined = await refusal(client, "forget", chat="ana", confirm=True, **meant)  # the model cannot agree for her
        agrees = True
        return declined, await call(client, "forget", chat="ana", **meant)

    declined, forgotten = talk(store, conversation, elicitation_callback=elicit)
    assert "Nothing was erased" in declined
    assert questions == [f"Erase {asked} of ana for good? This cannot be undone."] * 2
    assert forgotten == {"chat": "ana", "messages": 4 - len(left)}
    with AdaptiveMemory.open(store / "ana.db") as memory:
        assert [turn.id for turn in memory.turns()] == left


def test_forgetting_needs_a_word_where_the_client_cannot_ask(store: Path) -> None:
    async def conversation(client: Client) -> tuple[str, Any]:
        return await refusal(client, "forget", chat="ana", id="D1:1"), await call(
            client, "forget", chat="ana", id="D1:1", confirm=True
        )

    refused, forgotten = talk(store, conversation)
    assert "the user has to agree first" in refused
    assert forgotten["messages"] == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("search", {"question": " "}, "the question is empty"),
        ("search", {"question": "x", "chats": ["nobody"]}, "there is no chat 'nobody'; there are: ana, work"),
        ("search", {"question": "x", "since": "May"}, "since 'May' is not ISO 8601"),
        ("search", {"question": "x", "budget_tokens": 0}, "budget_tokens"),
        ("search", {"question": "x", "budget_tokens": 10**9}, "budget_tokens"),
        ("search", {"question": "a.b. " * 100_000}, "at most 10000 characters"),
        ("ask", {"question": "x" * 10_001}, "at most 10000 characters"),
        ("search", {"question": "x", "people": ["Ana"] * 1_001}, "at most 1000 items"),
        ("search", {}, "question"),
        ("search", {"question": ["x"]}, "question"),
        ("open", {"id": "D1:1"}, "name the chat; there are: ana, work"),
        ("open", {"id": "D9:9", "chat": "ana"}, "no turn 'D9:9'"),
        ("open", {"id": "D1:1", "chat": "ana", "around": -1}, "around"),
        ("remember", {"chat": "../x", "messages": SAID}, "is no name for a chat"),
        ("remember", {"chat": "a/b", "messages": SAID}, "'a/b' is no name for a chat; use letters"),
        ("remember", {"chat": "new", "messages": []}, "messages"),
        ("remember", {"chat": "new", "messages": [{"text": "x"}]}, "speaker"),
        ("remember", {"chat": "new", "messages": [{"text": " ", "speaker": "A"}]}, "message 1 is empty"),
        (
            "remember",
            {"chat": "new", "messages": [*SAID, {"text": "x", "speaker": "A", "time": "?"}]},
            "message 5: time",
        ),
        ("correct", {"id": "D1:1", "chat": "ana", "text": ""}, "the new text is empty"),
        ("forget", {"chat": "ana", "confirm": True}, "forget needs one of"),
        ("forget", {"chat": "ana", "confirm": True, "id": "D1:1", "everything": True}, "forget needs one of"),
        ("no_such_tool", {}, "no_such_tool"),
    ],
)
def test_a_malformed_call_is_one_line_and_changes_nothing(
    store: Path, tool: str, arguments: dict[str, Any], told: str
) -> None:
    async def conversation(client: Client) -> tuple[str, Any]:
        return await refusal(client, tool, **arguments), await call(client, "chats")

    refused, chats = talk(store, conversation)
    assert told in refused
    assert "Traceback" not in refused
    assert {one["chat"]: one["messages"] for one in chats["chats"]} == {"ana": 4, "work": 1}


def test_a_question_without_a_model_is_told_to_search(store: Path) -> None:
    reply = talk(store, lambda client: client.call_tool("ask", {"question": "When did Ana move?"}))
    assert reply.content[0].text == NO_MODEL
    assert not reply.is_error


def test_a_model_that_answers_is_passed_on_with_its_citations_and_one_that_fails_is_named(store: Path) -> None:
    def ask(question: str, chat: str | None, asked: str | None, watch: object) -> Answered:
        if chat is None:
            raise StoppedError("some/model did not answer: it is switched off")
        return Answered(answer="20 May 2023", cited=["D1:1"], evidence="1 Ana: ...", model="some/model")

    async def main() -> tuple[Any, str]:
        with Memories.open(store) as chats:
            async with Client(make_server(Operations(chats), ask)) as client:
                reply = await client.call_tool("ask", {"question": "When did Ana move?", "chat": "ana"})
                return reply, await refusal(client, "ask", question="When?")

    reply, failed = anyio.run(main)
    assert reply.content[0].text == "20 May 2023 [D1:1]"
    assert reply.structured_content["model"] == "some/model"
    assert "some/model did not answer: it is switched off" in failed


def test_chats_and_days_are_resources_and_a_prompt_asks_for_citations(store: Path) -> None:
    async def conversation(client: Client) -> list[Any]:
        prompt = await client.get_prompt("answer_from_memory", {"question": "When did Ana move?"})
        return [
            (await client.list_resources()).resources,
            (await client.list_resource_templates()).resource_templates,
            (await client.read_resource("memory://chats")).contents[0].text,
            (await client.read_resource("memory://chats/ana")).contents[0].text,
            (await client.read_resource("memory://chats/ana/2023-07-02")).contents[0].text,
            prompt.messages[0].content.text,
        ]

    resources, templates, chats, days, day, prompt = talk(store, conversation)
    assert [str(one.uri) for one in resources] == ["memory://chats"]
    assert [one.uri_template for one in templates] == ["memory://chats/{chat}", "memory://chats/{chat}/{day}"]
    assert [one["chat"] for one in json.loads(chats)["chats"]] == ["ana", "work"]
    assert days == "2023-05-25: 3 messages\n2023-07-02: 1 messages"
    assert day == "[D2, 2 July 2023]\n1 Bo: My sister Lena plays the oboe in an orchestra.\n"
    assert "When did Ana move?" in prompt
    assert "cite the ids" in prompt


@pytest.mark.parametrize("uri", ["memory://chats/nobody", "memory://chats/ana/1999-01-01", "memory://nothing"])
def test_a_resource_that_is_not_there_is_an_error_of_the_protocol(store: Path, uri: str) -> None:
    async def conversation(client: Client) -> tuple[int, str]:
        with pytest.raises(MCPError) as refused:
            await client.read_resource(uri)
        return refused.value.error.code, refused.value.error.message

    code, message = talk(store, conversation)
    assert code == INVALID_PARAMS
    assert re.search(
        "there is no chat 'nobody'; there are: ana, work|nothing was said in ana on 1999|memory://nothing", message
    )


@pytest.mark.slow
def test_a_text_of_a_million_characters_is_kept_and_found(store: Path) -> None:
    long = "word " * 100_000 + "The safe opens with 48213. " + "more " * 100_000

    async def conversation(client: Client) -> Any:
        await call(client, "remember", chat="long", messages=[{"text": long, "speaker": "Ana", "time": "2023-01-01"}])
        return await call(client, "search", question="What opens the safe?", chats=["long"], budget_tokens=400)

    found = talk(store, conversation)
    assert "The safe opens with 48213." in found["text"]
    assert found["tokens"] <= 400
    with AdaptiveMemory.open(store / "long.db") as memory:
        assert memory.expand("D1:1").text == long


# -- real processes ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_over_stdin_the_same_is_served_and_nothing_else_is_printed(store: Path) -> None:
    async def main() -> Any:
        async with Client(by_stdio(store)) as client:
            await call(client, "remember", chat="ana", messages=[{"text": "The oven is broken.", "speaker": "Bo"}])
            return await call(client, "search", question="What is broken?", chats=["ana"])

    assert "The oven is broken." in anyio.run(main)["text"]


@pytest.mark.slow
def test_two_clients_at_once_over_http_lose_nothing(store: Path) -> None:
    async def add(address: str, speaker: str) -> None:
        async with Client(address) as client:
            for number in range(20):
                said = [{"text": f"{speaker} says {number}", "speaker": speaker, "time": "2024-01-01"}]
                await call(client, "remember", chat="ana", messages=said)
                await call(client, "search", question=f"What says {speaker}?", chats=["ana"])

    async def both(address: str) -> Any:
        async with anyio.create_task_group() as group:
            group.start_soon(add, address, "Kim")
            group.start_soon(add, address, "Lee")
        async with Client(address) as client:
            return await call(client, "people", chats=["ana"])

    with by_http(store) as (address, process):
        people = anyio.run(both, address)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in (0, -signal.SIGTERM)
    assert {one["name"]: one["messages"] for one in people["people"]} == {"Kim": 20, "Lee": 20, "Ana": 2, "Bo": 2}


@pytest.mark.slow
def test_a_server_that_is_killed_while_it_remembers_loses_nothing_that_it_acknowledged(store: Path) -> None:
    acknowledged: list[int] = []

    async def main(address: str, process: subprocess.Popen[str]) -> None:
        async def kill_soon() -> None:
            while len(acknowledged) < 15:
                await anyio.sleep(0.01)
            process.kill()

        async with anyio.create_task_group() as group:
            group.start_soon(kill_soon)
            with contextlib.suppress(Exception), anyio.fail_after(60):
                async with Client(address) as client:
                    for number in range(100_000):
                        said = [{"text": f"Fact {number}.", "speaker": "Ana", "time": "2024-01-01"}]
                        await call(client, "remember", chat="facts", messages=said)
                        acknowledged.append(number)

    with by_http(store) as (address, process):
        anyio.run(main, address, process)
    assert len(acknowledged) >= 15
    with AdaptiveMemory.open(store / "facts.db") as memory:
        kept = [turn.text for turn in memory.turns()]
    assert kept[: len(acknowledged)] == [f"Fact {number}." for number in acknowledged]
    assert len(kept) <= len(acknowledged) + 1
    with contextlib.closing(sqlite3.connect(store / "facts.db")) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.slow
def test_a_token_is_needed_where_one_is_set(store: Path) -> None:
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    async def with_token(address: str, token: str) -> list[str]:
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http,
            Client(streamable_http_client(address, http_client=http)) as client,
        ):
            return [one["chat"] for one in (await call(client, "chats"))["chats"]]

    with by_http(store, env={"MEMORYQA_TOKEN": "s3cret-of-the-test"}) as (address, _):
        assert httpx2.post(address, json={}).status_code == 401
        assert httpx2.post(address, json={}, headers={"Authorization": "Bearer s3cret-of-the-tesT"}).status_code == 401
        assert anyio.run(with_token, address, "s3cret-of-the-test") == ["ana", "work"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--port", "0", "--host", "0.0.0.0"], "--host 0.0.0.0 is open to others: set MEMORYQA_TOKEN"),
        (["--store", "/dev/null/x"], "/dev/null/x: no folder for chats"),
        (["--model", "no-provider"], "no-provider"),
    ],
)
def test_what_cannot_be_served_is_one_line(tmp_path: Path, arguments: list[str], told: str) -> None:
    command = [*STARTED, *(() if "--store" in arguments else ("--store", str(tmp_path / "s"))), *arguments]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""
