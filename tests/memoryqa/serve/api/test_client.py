"""`memoryqa.client` against a real server, and against one that fails."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs pip install '.[serve]'")

from api_servers import ApiServer, api_server
from checkout import ROOT
from ports import free_port

from memoryqa import AdaptiveMemory, UsageError
from memoryqa.client import Chat, Client, ServerError

SECRET = "the-secret-of-these-tests"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with api_server(tmp_path_factory.mktemp("client") / "store", token=SECRET) as one:
        yield one


@pytest.fixture
def client(server: ApiServer) -> Iterator[Client]:
    with Client(server.url, SECRET) as one:
        yield one


@pytest.fixture
def chat(client: Client, request: pytest.FixtureRequest) -> Chat:
    one = client.chat(request.node.name[:60])
    one.add("I moved to Porto last Saturday!", speaker="Ana", time=date(2023, 5, 25))
    one.extend([
        {"text": "Congratulations! Is the flat big?", "speaker": "Bo", "time": datetime(2023, 5, 25, 18, 31)},
        {"text": "My sister Lena plays the oboe in an orchestra.", "speaker": "Bo", "time": "2023-07-02T09:00"},
    ])  # fmt: skip
    return one


def test_it_finds_what_the_library_finds(chat: Chat, tmp_path: Path) -> None:
    found = chat.search("When did Ana move to Porto?", min_score=0.3)
    assert found.ids[0] == "D1:1"
    assert found[0].time == datetime(2023, 5, 25)
    assert "20 May 2023" in str(found)
    chat.export(tmp_path / "chat.jsonl")
    memory = AdaptiveMemory()
    memory.import_jsonl(tmp_path / "chat.jsonl")
    ours = memory.search("When did Ana move to Porto?", 1_000, min_score=0.3)
    assert (str(found), found.ids, found.tokens) == (str(ours), ours.ids, ours.tokens)
    assert found.scores == pytest.approx(ours.scores, abs=1e-3)
    assert len(chat.search("xylophone vaccine", min_score=0.3)) == 0
    assert {one.speaker for one in chat.search("sister Porto", speakers="Bo")} == {"Bo"}


def test_it_asks_and_is_told_the_stages(client: Client, chat: Chat) -> None:
    told: list[str] = []
    reply = client.ask("When did Ana move to Porto?", chats=[chat.name], tell=lambda name, _: told.append(name))
    assert told == ["evidence"]
    assert reply.cited == ((chat.name, "D1:1"),)
    assert reply.model is None
    assert client.ask("When did Ana move to Porto?", chats=[chat.name]) == reply


def test_it_reads_corrects_and_forgets(chat: Chat) -> None:
    assert len(chat) == 3
    assert [one.id for one in chat.around("D1:2", 1)] == ["D1:1", "D1:2", "D2:1"]
    assert [one.id for one in chat.around("D1:1", 1)] == ["D1:1", "D1:2"]
    chat.correct("mem:D1:1", "I moved to Faro.")
    assert chat.messages()[0].text == "I moved to Faro."
    assert [one["text"] for one in chat.revisions("D1:1")] == ["I moved to Porto last Saturday!"]
    assert chat.days() == {"2023-05-25": 2, "2023-07-02": 1}
    assert chat.expand("D1:2").text == "Congratulations! Is the flat big?"
    assert [one.id for one in chat.turns()] == ["D1:1", "D1:2", "D2:1"]
    assert chat.speakers == ("Bo", "Ana")
    assert chat.join({"Bo": "Boris"}) == 2
    assert [one.id for one in chat.would_forget(person="Boris")] == ["D1:2", "D2:1"]
    assert [one.id for one in chat.would_forget(["mem:D1:1"])] == ["D1:1"]
    assert [one.text for one in chat.would_forget(before=date(2023, 6, 1))] == [one.text for one in chat.turns()[:2]]
    assert len(chat.would_forget(everything=True)) == len(chat) == 3
    assert chat.forget(person="Boris") == 2
    more = [chat.add(text, speaker="Ana", time="2023-08-01") for text in ("One.", "Two.")]
    assert chat.forget(["D1:1", *more]) == 3
    assert len(chat) == 0
    chat.delete()
    with pytest.raises(UsageError, match="there is no chat"):
        len(chat)


def test_what_would_be_forgotten_is_read_to_its_end(client: Client) -> None:
    chat = client.chat("many")
    chat.extend({"text": f"Message {n}.", "speaker": "Ana", "time": "2024-01-01"} for n in range(1_203))
    assert [one.text for one in chat.would_forget(person="Ana")] == [f"Message {n}." for n in range(1_203)]


def test_it_imports_an_export(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    path.write_text('{"speaker": "Ana", "time": "2023-05-25", "text": "I moved to Porto!"}\n', encoding="utf-8")
    steps: list[str] = []
    result = client.import_export(path, chat="imported", progress=lambda step, *_: steps.append(step))
    assert (result["chats"], result["added"]) == (["imported"], 1)
    assert steps[-1] == "done"
    assert client.import_export(path, chat="imported")["known"] == 1
    assert "imported" in [one["chat"] for one in client.chats()]
    assert [one["name"] for one in client.people(["imported"])] == ["Ana"]
    with pytest.raises(UsageError, match="cannot be sent"):
        client.import_export(tmp_path / "none.txt")


def test_what_the_server_refuses_is_one_line(client: Client, server: ApiServer, chat: Chat) -> None:
    with pytest.raises(UsageError, match="time"):
        chat.add("x", speaker="Ana", time="noon")
    with Client(server.url, "wrong") as other, pytest.raises(ServerError, match="token") as refused:
        other.chats()
    assert refused.value.status == 401
    with pytest.raises(UsageError, match="url"):
        Client("127.0.0.1")


def test_a_server_that_is_away_is_not_waited_for_long() -> None:
    nobody = Client(f"http://127.0.0.1:{free_port()}", total_sec=0.5)
    with pytest.raises(ServerError, match="cannot be reached"):
        nobody.chats()


@pytest.mark.slow
def test_what_may_be_there_already_is_not_sent_again(tmp_path: Path) -> None:
    with api_server(tmp_path / "store") as server, Client(server.url, total_sec=2) as client:
        chat = client.chat("ana")
        assert chat.add("x", speaker="Ana", time="2023-05-25", key="1") == "D1:1"
        server.process.kill()
        server.process.wait()
        began = time.monotonic()
        with pytest.raises(ServerError, match="cannot be reached"):
            chat.add("y", speaker="Ana")
        assert time.monotonic() - began < 1
        with pytest.raises(ServerError, match="cannot be reached"):
            chat.add("y", speaker="Ana", key="2")
        assert time.monotonic() - began > 1


def test_it_loads_no_package_but_the_standard_library() -> None:
    code = "import sys, memoryqa.client; print([m for m in ('numpy', 'fastapi', 'httpx', 'regex') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
