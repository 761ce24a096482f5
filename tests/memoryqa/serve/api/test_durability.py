"""What was acknowledged is kept when the server is killed; what is under way when it is asked to end is finished."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs pip install '.[serve]'")

from api_servers import ApiServer, api_server, start_api
from read_only import as_nobody
from starlette.testclient import TestClient
from starlette.types import ASGIApp
from waiting import wait_for

from memoryqa.memories import Memories
from memoryqa.serve.api.app import Settings, make_app
from memoryqa.serve.command import asking
from memoryqa.serve.mcp_server import make_server
from memoryqa.serve.operations import Operations
from memoryqa.serve.tokens import Tokens


def note(number: int, **more: str) -> dict[str, str]:
    return {"text": f"note {number}", "speaker": "Ana", "time": "2023-08-01T10:00", **more}


def keep_adding(server: ApiServer, chat: str, acknowledged: list[str]) -> None:
    with contextlib.suppress(OSError, HTTPException, AssertionError, ValueError):  # the server has ended
        for number in range(10_000):
            server.add(chat, note(number))
            acknowledged.append(f"note {number}")


def texts(server: ApiServer, chat: str) -> list[str]:
    found: list[str] = []
    while True:
        page = server.ok("GET", f"/v1/chats/{chat}/messages?start={len(found)}&limit=500")
        found += [one["text"] for one in page["messages"]]
        if len(found) == page["total"]:
            return found


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_acknowledged_is_lost_when_the_server_ends_amid_adds(tmp_path: Path, ending: signal.Signals) -> None:
    server = start_api(tmp_path / "store")
    acknowledged: dict[str, list[str]] = {f"chat{number}": [] for number in range(3)}
    try:
        server.wait()
        adders = [threading.Thread(target=keep_adding, args=(server, *one)) for one in acknowledged.items()]
        for one in adders:
            one.start()
        wait_for(lambda: min(map(len, acknowledged.values())) >= 10, "some messages are acknowledged")
        server.process.send_signal(ending)
        server.process.communicate(timeout=60)
        for one in adders:
            one.join()
    finally:
        server.process.kill()
        server.process.communicate()
    with api_server(tmp_path / "store") as again:
        for chat, said in acknowledged.items():
            kept = texts(again, chat)
            assert kept[: len(said)] == said
            assert len(kept) <= len(said) + 1  # the one whose reply was cut off


@pytest.mark.slow
def test_a_request_that_is_under_way_is_finished_on_sigterm(tmp_path: Path) -> None:
    replies: list[Any] = []
    server = start_api(tmp_path / "store")
    try:
        server.wait()
        body = {"messages": [note(number) for number in range(3_000)]}

        def add() -> None:
            replies.append(server.call("POST", "/v1/chats/big/messages", body))

        adding = threading.Thread(target=add)
        adding.start()
        wait_for(lambda: server.call("GET", "/metrics").content.count(b"memoryqa_waiting 1"), "the work has begun")
        server.process.terminate()
        adding.join()
        server.process.communicate(timeout=60)
    finally:
        server.process.kill()
        server.process.communicate()
    assert [reply.status for reply in replies] == [201]
    with api_server(tmp_path / "store") as again:
        assert len(texts(again, "big")) == 3_000


@pytest.mark.slow
def test_a_message_with_a_key_is_added_once(tmp_path: Path) -> None:
    with api_server(tmp_path / "store") as server:
        first = server.add("ana", note(1, key="a"), note(2, key="b"))
        again = server.add("ana", note(2, key="b"), note(3, key="c"), note(1, key="a"))
        assert first["ids"] == ["D1:1", "D1:2"]
        assert again == {"chat": "ana", "ids": ["D1:2", "D1:3", "D1:1"], "messages": 3}
        refused = server.call("POST", "/v1/chats/ana/messages", {"messages": [note(4), note(5, key="e")]})
        assert refused.status == 422
    with api_server(tmp_path / "store") as server:
        assert server.add("ana", note(3, key="c"))["messages"] == 3


@pytest.mark.slow
def test_an_export_is_imported_once_and_reported(tmp_path: Path) -> None:
    content = b"".join(
        f"[25/05/2023, 18:{number:02d}:00] {who}: note number {number}\r\n".encode()
        for number, who in enumerate(["Ana", "Bo", "Ana"], start=13)
    )
    with api_server(tmp_path / "store") as server:
        jobs = []
        for _ in range(2):
            reply = server.upload(content, "WhatsApp Chat with Ana.txt", chat="ana")
            assert reply.status == 202, reply.content
            path = reply.headers["location"]
            wait_for(lambda path=path: server.ok("GET", path)["state"] in ("done", "failed"))
            jobs.append(server.ok("GET", path))
        assert [job["problem"] for job in jobs] == [None, None]
        assert [(job["result"]["added"], job["result"]["known"]) for job in jobs] == [(3, 0), (0, 3)]
        report = jobs[0]["result"]["report"]
        assert (report["messages"], report["people"], report["days"]) == (3, {"Ana": 2, "Bo": 1}, 1)
        events = server.call("GET", f"{path}/events").events
        assert events[-1][0] == "done"
        assert events[-1][1] == jobs[1]
        assert not list((tmp_path / "store").glob(".upload-*"))


@pytest.fixture(scope="module")
def empty_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A server that keeps nothing of what it is sent."""
    with api_server(tmp_path_factory.mktemp("empty") / "store") as server:
        yield server


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "fields", "status"),
    [(b"nothing of any export \x00\xff", {}, 202), (b"x", {"dates": "xyz"}, 202), (b"x", {"more": "1"}, 422)],
)
def test_an_import_that_fails_says_why_and_leaves_nothing(
    empty_server: ApiServer, content: bytes, fields: dict[str, str], status: int
) -> None:
    reply = empty_server.upload(content, "../../odd\x07name.bin", **fields)
    assert reply.status == status, reply.content
    if status == 202:
        path = reply.headers["location"]
        wait_for(lambda: empty_server.ok("GET", path)["state"] == "failed")
        problem = empty_server.ok("GET", path)["problem"]
        assert str(empty_server.store.parent) not in problem
        assert "\n" not in problem
    assert empty_server.ok("GET", "/v1/chats")["chats"] == []
    assert not list(empty_server.store.glob(".upload-*"))


@pytest.mark.slow
@pytest.mark.parametrize("cut", [10, 100, -30])
def test_an_upload_that_breaks_off_leaves_nothing(empty_server: ApiServer, cut: int) -> None:
    boundary = "b"
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n' + b"x" * 1000 + b"\r\n--b--\r\n"
    )[:cut]
    reply = empty_server.call("POST", "/v1/import", body, Content_Type=f"multipart/form-data; boundary={boundary}")
    assert reply.status == 400
    assert not list(empty_server.store.glob(".upload-*"))


EXPORT = "\n".join(f"25/05/2023, 18:{n % 60:02d} - Ana: message {n} about kites" for n in range(6_000)).encode()


@pytest.mark.slow
def test_an_import_that_is_watched_ends_with_the_server_and_leaves_nothing(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with api_server(store) as server, ThreadPoolExecutor(1) as pool:
        path = server.upload(EXPORT, "WhatsApp Chat with Ana.txt", chat="ana").headers["location"]
        watched = pool.submit(server.call, "GET", f"{path}/events")
        wait_for(lambda: server.ok("GET", path)["messages"] > 0)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) in (0, -signal.SIGTERM)
        assert {name for name, _ in watched.result(60).events} <= {"progress", "done", "failed"}
        assert not list(store.glob(".upload-*"))
    with api_server(store) as server:
        path = server.upload(EXPORT, "WhatsApp Chat with Ana.txt", chat="ana").headers["location"]
        wait_for(lambda: server.ok("GET", path)["state"] in ("done", "failed"))
        result = server.ok("GET", path)["result"]
        assert result["added"] + result["known"] == 6_000  # what was kept is known, the rest is added


@pytest.mark.slow
def test_few_watch_an_import_at_once(tmp_path: Path) -> None:
    with api_server(tmp_path / "store") as server:
        path = server.upload(EXPORT, "WhatsApp Chat with Ana.txt", chat="ana").headers["location"]
        watching = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(16)]
        for one in watching:
            one.sendall(f"GET {path}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            assert one.recv(12) == b"HTTP/1.1 200"
        refused = server.call("GET", f"{path}/events")
        assert (refused.status, refused.headers["retry-after"]) == (503, "5")
        for one in watching:
            one.close()
        wait_for(lambda: server.call("GET", f"{path}/events").status == 200)


def served(chats: Memories, folder: Path) -> ASGIApp:
    operations = Operations(chats)
    settings = Settings(Tokens(None), folder, None)
    return make_app(operations, asking(operations, "offline"), partial(make_server, operations, None), settings)[0]


def test_a_folder_that_is_gone_is_not_named(tmp_path: Path) -> None:
    """It comes back, as a disk that is mounted again, and is used."""
    store, said = tmp_path / "store", {"messages": [{"text": "x", "speaker": "Bo"}]}
    with Memories.open(store) as chats, TestClient(served(chats, tmp_path)) as client:
        store.rename(tmp_path / "away")
        refused = client.post("/v1/chats/new/messages", json=said)
        assert refused.status_code == 503
        assert refused.json()["detail"] == "new.db: the folder of the chats does not exist; create it first"
        assert client.get("/v1/chats").json() == {"chats": []}
        store.mkdir()
        assert client.post("/v1/chats/new/messages", json=said).status_code == 201


def test_a_folder_that_may_not_be_written_is_named_by_nothing_but_its_files(tmp_path: Path) -> None:
    with as_nobody() as folder:
        with Memories.open(folder / "store") as chats:
            chats.create("ana").add("I moved to Porto!", speaker="Ana", time="2023-05-25")
        for one in (folder / "store").iterdir():
            one.chmod(0o400)
        (folder / "store").chmod(0o500)
        with Memories.open(folder / "store") as chats, TestClient(served(chats, folder / "store")) as client:
            said = {"messages": [{"text": "x", "speaker": "Bo"}]}
            for reply in (
                client.post("/v1/chats/ana/messages", json=said),
                client.post("/v1/chats/new/messages", json=said),
                client.patch("/v1/chats/ana/messages/D1:1", json={"text": "x"}),
                client.delete("/v1/chats/ana"),
                client.post("/v1/import", files={"file": ("WhatsApp Chat with Ana.txt", EXPORT[:1000])}),
            ):
                assert reply.status_code == 503
                assert str(folder) not in reply.json()["detail"]
                assert "writable" in reply.json()["detail"]
        (folder / "store").chmod(0o700)
