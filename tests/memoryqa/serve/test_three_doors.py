"""The command, MCP and HTTP answer alike, and what is asked through them is not kept on the disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs pip install '.[serve]'")

import anyio
from api_servers import ApiServer, api_server
from mcp import Client
from openai_server import OpenAIServer, chat_fields
from own_chats import fill_store, use_environment, without_keys

from memoryqa.cli import main
from memoryqa.memories import Memories
from memoryqa.offline_reader import NO_INFORMATION
from memoryqa.serve.mcp_server import make_server
from memoryqa.serve.operations import Operations


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from use_environment(without_keys(tmp_path), monkeypatch)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return fill_store(tmp_path / "store", "Bo", "Ines")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A server of the same chats, for tests that change none."""
    with api_server(fill_store(tmp_path_factory.mktemp("served") / "store", "Bo", "Ines")) as one:
        yield one


def by_mcp(store: Path, tool: str, **arguments: Any) -> Any:
    async def conversation() -> Any:
        with Memories.open(store) as chats:
            async with Client(make_server(Operations(chats))) as client:
                return (await client.call_tool(tool, arguments)).structured_content

    return anyio.run(conversation)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("What happened yesterday?", "2024-05-28"),
        ("What did Ines finish the day before yesterday?", "2024-05-21"),
        ("What time does the ferry leave?", None),
        ("Um wie viel Uhr geht die Fähre nach Barreiro?", None),
    ],
)
def test_the_command_mcp_and_http_find_the_same_lines(
    question: str, asked: str | None, store: Path, server: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ["--asked", asked] if asked else []
    assert main(["search", "--store", str(store), "--json", *said, question]) == 0
    text = json.loads(capsys.readouterr().out)["text"].strip()
    assert text
    given = {"question": question, **({"asked": asked} if asked else {})}
    assert by_mcp(store, "search", **given)["text"].strip() == text
    assert server.ok("POST", "/v1/search", given)["text"].strip() == text
    assert server.ok("POST", "/v1/ask", {**given, "stream": False})["answer"]


def test_yesterday_is_that_of_today_through_every_door(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "new"
    yesterday = date.today() - timedelta(1)
    with Memories.open(store) as memories:
        chat = memories.create("Ines")
        chat.add("The cat had kittens.", speaker="Ines", time=f"{yesterday}T10:00")
        chat.add("The boat was sold.", speaker="Ines", time=f"{date.today() - timedelta(40)}T10:00")
    assert main(["search", "--store", str(store), "What happened yesterday?"]) == 0
    text = capsys.readouterr().out
    assert "kittens" in text
    assert "boat" not in text
    assert by_mcp(store, "search", question="What happened yesterday?")["text"].strip() == text.strip()


@pytest.mark.slow
def test_a_day_of_asking_that_is_none_is_refused(server: ApiServer) -> None:
    reply = server.call("POST", "/v1/search", {"question": "What happened yesterday?", "asked": "never"})
    assert reply.status == 422
    assert "never" in reply.detail


def reply(messages: list[dict[str, str]], body: object) -> str:
    system = str(messages[0]["content"])
    if "`queries`" in system:
        return chat_fields(queries='["the operation"]')
    if "`sufficient`" in system:
        return chat_fields(sufficient="True", follow_up_queries="[]")
    return chat_fields(answer="on 28 May 2024", evidence_ids="D1:1")


@pytest.mark.slow
def test_what_is_asked_of_a_model_is_not_kept_on_the_disk(store: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    question = "When is the operation?"
    with OpenAIServer(answer=reply) as lm:
        settings = {"HOME": str(home), "MEMORY_MODEL": "hosted_vllm/m", "HOSTED_VLLM_API_BASE": lm.api_base}
        with api_server(store, env=settings) as server:
            answer = server.ok("POST", "/v1/ask", {"question": question, "stream": False})
            assert (answer["answer"], answer["offline"]) == ("on 28 May 2024", False)
            assert b"on 28 May 2024" in server.call("POST", "/v1/ask", {"question": question}).content

            async def by_mcp() -> Any:
                async with Client(f"{server.url}/mcp") as client:
                    return (await client.call_tool("ask", {"question": question, "chat": "Ines"})).structured_content

            assert anyio.run(by_mcp)["answer"] == "on 28 May 2024"
        assert len(lm.chat_requests) >= 6, "nothing was answered from a cache"
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and store not in path.parents]
    said = [b"operation", b"hospital", b"28 May 2024"]
    assert not [path for path in kept if any(one in path.read_bytes() for one in said)]


@pytest.mark.slow
def test_the_offline_reader_says_who_it_is(server: ApiServer) -> None:
    answer = server.ok("POST", "/v1/ask", {"question": "What time does the ferry leave?", "stream": False})
    nothing = server.ok("POST", "/v1/ask", {"question": "Which dentist repaired the windscreen?", "stream": False})
    assert (answer["answer"], answer["model"], answer["offline"]) == ("06:10", None, True)
    assert (nothing["answer"], nothing["offline"]) == (NO_INFORMATION, True)
