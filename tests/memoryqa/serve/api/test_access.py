"""Who gets in: tokens and their limits, hosts, origins, sizes, rates, times."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs pip install '.[serve]'")

import uvicorn
from api_servers import ApiServer, api_server
from mcp_servers import environment
from ports import free_port
from waiting import wait_for

from memoryqa.serve import protocol
from memoryqa.serve.protocol import BoundedProtocol
from memoryqa.serve.tokens import Tokens, new_token
from memoryqa.serve.webpage import page_routes

SECRET = "the-secret-of-these-tests"
SAID = {"text": "I moved to Porto last Saturday!", "speaker": "Ana", "time": "2023-05-25T18:30"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """With one token for all, one that may only read, one for a chat, and one that may read that chat."""
    store = tmp_path_factory.mktemp("access") / "store"
    made = {
        name: new_token(store / "tokens.json", name, chats, read_only=read_only)
        for name, chats, read_only in [
            ("reader", None, True), ("of-ana", ["ana"], False), ("reader-of-ana", ["ana"], True)
        ]
    }  # fmt: skip
    with api_server(store, token=SECRET) as one:
        one.add("ana", SAID)
        one.add("bo", SAID)
        one.tokens = {"all": SECRET, **made}  # type: ignore[attr-defined]
        yield one


MATRIX = [
    # method, path, body, who may
    ("GET", "/v1/chats/ana/messages", None, {"all", "reader", "of-ana", "reader-of-ana"}),
    ("GET", "/v1/chats/bo/messages", None, {"all", "reader"}),
    ("GET", "/v1/chats/bo/export", None, {"all", "reader"}),
    ("GET", "/v1/chats/bo/messages/D1:1/revisions", None, {"all", "reader"}),
    ("GET", "/v1/chats/bo/days", None, {"all", "reader"}),
    ("POST", "/v1/search", {"question": "Porto", "chats": ["bo"]}, {"all", "reader"}),
    ("POST", "/v1/ask", {"question": "Porto", "chats": ["ana", "bo"]}, {"all", "reader"}),
    ("POST", "/v1/people", {"chats": ["bo"]}, {"all", "reader"}),
    ("POST", "/v1/chats/ana/messages", {"messages": [SAID]}, {"all", "of-ana"}),
    ("POST", "/v1/chats/bo/messages", {"messages": [SAID]}, {"all"}),
    ("PATCH", "/v1/chats/ana/messages/D1:1", {"text": "I moved."}, {"all", "of-ana"}),
    ("PATCH", "/v1/chats/bo/messages/D1:1", {"text": "I moved."}, {"all"}),
    ("POST", "/v1/chats/bo/would-forget", {"before": "2000-01-01"}, {"all", "reader"}),
    ("POST", "/v1/chats/bo/forget", {"before": "2000-01-01"}, {"all"}),
    ("POST", "/v1/chats/ana/forget", {"before": "2000-01-01"}, {"all", "of-ana"}),
    ("POST", "/v1/chats/bo/people", {"same": {"Nobody": "Ana"}}, {"all"}),
    ("POST", "/v1/chats/ana/people", {"same": {"Nobody": "Ana"}}, {"all", "of-ana"}),
    ("POST", "/v1/chats", {"chat": "bo"}, {"all"}),
    ("GET", "/metrics", None, {"all"}),
]


@pytest.mark.parametrize(("method", "path", "body", "who"), MATRIX)
def test_a_token_does_what_it_may_and_nothing_else(
    server: ApiServer, method: str, path: str, body: object, who: set[str]
) -> None:
    statuses = {name: server.call(method, path, body, token=token).status for name, token in server.tokens.items()}  # type: ignore[attr-defined]
    assert {name for name, status in statuses.items() if status < 300} == who
    assert {status for name, status in statuses.items() if name not in who} <= {403}


@pytest.mark.parametrize(("method", "path", "body", "who"), MATRIX)
def test_nobody_gets_in_without_a_token(server: ApiServer, method: str, path: str, body: object, who: set[str]) -> None:
    for token in ("", "wrong", f"{SECRET}x"):
        reply = server.call(method, path, body, Authorization=f"Bearer {token}")
        assert reply.status == 401
        assert reply.headers["www-authenticate"] == "Bearer"
    assert server.call(method, path, body, Authorization=f"Basic {SECRET}").status == 401


def test_deleting_needs_a_token_for_writing(server: ApiServer) -> None:
    tokens = server.tokens  # type: ignore[attr-defined]
    for who in ("reader", "of-ana", "reader-of-ana"):
        assert server.call("DELETE", "/v1/chats/bo", token=tokens[who]).status == 403
        assert server.call("DELETE", "/v1/chats/bo/messages/D1:1", token=tokens[who]).status == 403


def test_a_limited_token_sees_its_chats_alone(server: ApiServer) -> None:
    token = server.tokens["reader-of-ana"]  # type: ignore[attr-defined]
    assert [one["chat"] for one in server.ok("GET", "/v1/chats", token=token)["chats"]] == ["ana"]
    people = server.ok("GET", "/v1/people", token=token)["people"]
    assert {chat for one in people for chat in one["chats"]} == {"ana"}
    found = server.ok("POST", "/v1/search", {"question": "Porto moved"}, token=token)
    assert {one["chat"] for one in found["lines"]} <= {"ana"}
    assert "bo" not in found["text"]
    of_ana = server.tokens["of-ana"]  # type: ignore[attr-defined]
    server.ok("DELETE", "/v1/chats/ana", token=of_ana)
    assert "bo" not in server.call("GET", "/v1/chats/ana/messages", token=of_ana).detail
    server.ok("POST", "/v1/chats/ana/messages", {"messages": [SAID]}, token=of_ana)


def test_what_has_nothing_of_a_chat_needs_no_token(server: ApiServer) -> None:
    for path in ("/", "/health", "/openapi.json", "/page/main.js"):
        assert server.call("GET", path, Authorization="none").status == 200


def test_a_token_is_taken_once_it_is_in_the_file_and_no_longer_after(server: ApiServer) -> None:
    path = server.store / "tokens.json"
    token = new_token(path, "late", None, read_only=True)
    assert server.call("GET", "/v1/chats", token=token).status == 200
    path.write_text(json.dumps([one for one in json.loads(path.read_text()) if one["name"] != "late"]))
    assert server.call("GET", "/v1/chats", token=token).status == 401


def test_the_file_has_no_token_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    token = new_token(path, "phone", ["family"], read_only=True)
    assert token not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    access = Tokens(None, path).access(token)
    assert access is not None
    assert (access.name, access.chats, access.read_only) == ("phone", frozenset({"family"}), True)
    with pytest.raises(ValueError, match="already"):
        new_token(path, "phone", None, read_only=False)
    path.chmod(0o644)
    with pytest.raises(ValueError, match="chmod 600"):
        Tokens(None, path)


@pytest.mark.parametrize("content", ["{", "{}", '[{"name": "x"}]', '[{"name": "x", "sha256": "y", "chat": "z"}]'])
def test_a_damaged_file_of_tokens_is_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "tokens.json"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(ValueError, match=r"tokens\.json"):
        Tokens(None, path)


def command(store: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "memoryqa", "serve", "--store", str(store), *arguments]
    return subprocess.run(
        line, cwd=store.parent, env=environment(**env), capture_output=True, text=True, timeout=120, check=False
    )


def test_the_command_makes_a_token_and_prints_it_once(tmp_path: Path) -> None:
    made = command(tmp_path / "s", "--new-token", "phone", "--only", "family", "--read-only")
    assert made.returncode == 0
    token = made.stdout.strip()
    assert len(token) > 30
    access = Tokens(None, tmp_path / "s" / "tokens.json").access(token)
    assert access is not None
    assert access.chats == {"family"}


UNSERVED: list[tuple[list[str], dict[str, str], str]] = [
    (["--host", "0.0.0.0"], {"MEMORYQA_TOKEN": ""}, "MEMORYQA_TOKEN"),
    ([], {"MEMORYQA_TOKEN": "short"}, "16"),
    (["--rate", "0"], {}, "--rate"),
    (["--port", "99999999"], {}, "--port"),
    (["--max-tokens", "0"], {}, "--max-tokens"),
    (["--timeout", "nan"], {}, "--timeout"),
    (["--mcp", "--num-ctx", "-1"], {}, "--num-ctx"),
    (["--api-base", "http://127.0.0.1:9/v1"], {}, "--api-base"),
]
SERVING_EACH = """
import contextlib, io, json, os, sys
from unittest import mock

from memoryqa.cli import main

store, *cases = json.loads(sys.argv[1])
for arguments, env in cases:
    said = io.StringIO()
    with mock.patch.dict(os.environ, env), contextlib.redirect_stderr(said):
        try:
            status = main(["serve", "--store", store, *arguments])
        except SystemExit as ended:
            status = ended.code
    print(json.dumps([status, said.getvalue()]), flush=True)
"""


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, str]]:
    """Status and errors of each of UNSERVED, in one process: importing a server takes two seconds."""
    folder = tmp_path_factory.mktemp("unserved")
    cases = json.dumps([str(folder / "s"), *(case[:2] for case in UNSERVED)])
    line = [sys.executable, "-c", SERVING_EACH, cases]
    done = subprocess.run(
        line, cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True, timeout=120, check=True
    )
    return [tuple(json.loads(one)) for one in done.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(UNSERVED)))
def test_what_cannot_be_served_is_one_line(refusals: list[tuple[int, str]], number: int) -> None:
    status, errors = refusals[number]
    assert status == 2
    assert UNSERVED[number][-1] in errors.splitlines()[-1]


# -- browsers ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """Without a token, at a low rate."""
    with api_server(tmp_path_factory.mktemp("open") / "store", "--rate", "20", "--allow-host", "memory.example") as one:
        one.add("ana", SAID)
        yield one


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "",
        "[::1",
        "10.0.0.1",
        "evil.example@127.0.0.1",
        "127.0.0.1@evil",
        "127.0.0.1/x",
    ],
)
def test_a_name_that_was_rebound_is_refused(open_server: ApiServer, host: str) -> None:
    assert open_server.call("GET", "/v1/chats", Host=host).status in (400, 421)
    assert open_server.call("POST", "/mcp", {}, Host=host).status in (400, 421)


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:8765", "memory.example", "MEMORY.example:443"])
def test_names_of_this_machine_are_answered(open_server: ApiServer, host: str) -> None:
    assert open_server.call("GET", "/v1/chats", Host=host).status == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://localhost", "http://[::1", "[", "//"]
)
def test_a_page_of_another_origin_changes_nothing(open_server: ApiServer, origin: str) -> None:
    body = {"messages": [SAID]}
    assert open_server.call("POST", "/v1/chats/ana/messages", body, Origin=origin).status == 403
    assert open_server.call("DELETE", "/v1/chats/ana", Origin=origin).status == 403
    reply = open_server.call("OPTIONS", "/v1/search", Origin=origin, Access_Control_Request_Method="POST")
    assert not [name for name in reply.headers if name.startswith("access-control")]
    reply = open_server.call("GET", "/v1/chats", Origin=origin)
    assert not [name for name in reply.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "twice",
    ["Host: 127.0.0.1", "Origin: http://127.0.0.1", "Authorization: Bearer x", "Content-Type: application/json"],
)
def test_what_is_decided_by_may_be_there_once(open_server: ApiServer, twice: str) -> None:
    name = twice.partition(":")[0]
    head = (
        f"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\n{name}: evil.example\r\n{twice}\r\nContent-Length: 0\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", open_server.port)) as one:
        one.sendall(head.encode())
        assert b" 400 " in one.recv(100)


def test_the_page_itself_may_send(open_server: ApiServer) -> None:
    host = f"127.0.0.1:{open_server.port}"
    assert open_server.call("POST", "/v1/search", {"question": "x"}, Origin=f"http://{host}", Host=host).status == 200


# -- sizes, rates, times -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_rate_is_bounded_and_says_when_to_come_again(tmp_path: Path) -> None:
    with api_server(tmp_path / "store", "--rate", "1") as server:  # a busy machine too sends more in a second
        replies = [server.call("GET", "/v1/people") for _ in range(12)]
        refused = [reply for reply in replies if reply.status == 429]
        assert refused
        wait_sec = int(refused[-1].headers["retry-after"])
        assert wait_sec >= 1
        time.sleep(wait_sec)
        assert server.call("GET", "/v1/people").status == 200


def test_a_body_that_is_too_large_is_refused_before_and_while_it_comes(server: ApiServer) -> None:
    reply = server.call("POST", "/v1/search", b"", Content_Length=str(10**9))
    assert reply.status == 413
    head = (
        "POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
        f"Authorization: Bearer {SECRET}\r\nContent-Type: application/json\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port)) as one:
        one.sendall(head.encode())
        try:
            for _ in range(40):
                one.sendall(b"100000\r\n" + b" " * 0x100000 + b"\r\n")
        except OSError:
            pass  # it has hung up
        else:
            assert b" 413 " in one.recv(100)
    assert server.call("GET", "/health").status == 200


def test_a_head_without_end_is_hung_up_on(server: ApiServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as one:
        one.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        with contextlib.suppress(OSError):  # it hangs up in between
            for _ in range(100):
                one.sendall(b"X-More: " + b"x" * 10_000 + b"\r\n")
        with contextlib.suppress(OSError):
            assert one.recv(100).split()[1] == b"400"
    assert server.call("GET", "/health").status == 200


def test_a_head_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SEC", 0.5)
    port = free_port()
    served = uvicorn.Server(uvicorn.Config(page_routes()[0].app, port=port, http=BoundedProtocol, log_level="error"))
    thread = threading.Thread(target=served.run)
    thread.start()
    try:
        wait_for(lambda: served.started, "it listens")
        silent, begun, quick = (socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(3))
        begun.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        whole = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        quick.sendall(whole)
        assert quick.recv(100_000).startswith(b"HTTP/1.1 200")
        assert (silent.recv(10), begun.recv(10)) == (b"", b"")  # they were hung up on
        time.sleep(0.6)
        quick.sendall(whole)  # a connection that waits for its next request is kept
        assert b"HTTP/1.1 200" in quick.recv(100_000) + quick.recv(100_000)
        for one in (silent, begun, quick):
            one.close()
    finally:
        served.should_exit = True
        thread.join()


def test_many_and_long_messages_are_bounded_with_a_line(server: ApiServer) -> None:
    long = {"messages": [{**SAID, "text": "x" * 1_000_001}]}
    assert "text" in server.call("POST", "/v1/chats/ana/messages", long).detail
    many = {"messages": [SAID] * 10_001}
    assert server.call("POST", "/v1/chats/ana/messages", many).status == 422


@pytest.mark.slow
def test_no_word_of_a_request_is_logged(tmp_path: Path) -> None:
    with api_server(tmp_path / "store") as server:
        server.add("secretchat", SAID)
        server.call("POST", "/v1/search", {"question": "secretquestion", "since": "secretday"})
        server.call("GET", "/v1/chats/secretchat/messages?around=secretid")
        server.call("POST", "/v1/chats/secretchat/messages", b'{"secretjson')
        server.process.terminate()
        _, written = server.process.communicate(timeout=60)
    assert "secret" not in written
