"""What goes wrong between the sockets, byte by byte, whichever client makes the call."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
import traceback
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from dspy.utils.exceptions import LMError
from http_stand_in import Fault, HttpStandIn, RecordedRequest
from openai_server import chat_completion

from memoryqa.lms.endpoint import EndpointLM
from memoryqa.lms.preflight import diagnose
from memoryqa.lms.roles import build, resolve

ANSWER = json.dumps(chat_completion("m", "Málaga", 9, 1), ensure_ascii=False)
MODELS = ["hosted_vllm/m", "together_ai/m"]  # DSPy makes the calls of the first, LiteLLM those of the second
KEY = "a-key-of-no-known-form-0123456789"


def head(length: int | None, *lines: str, status: str = "200 OK") -> bytes:
    counted = [] if length is None else [f"Content-Length: {length}"]
    return "\r\n".join([f"HTTP/1.1 {status}", "Content-Type: application/json", *counted, *lines, "", ""]).encode()


class RawServer:
    """Hands each connection, its request read, to `act`."""

    def __init__(self, act: Callable[[socket.socket], None]) -> None:
        self._act, self.ended = act, threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def api_base(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    def __enter__(self) -> RawServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._one, args=(self._socket.accept()[0],), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(20)
            _read_request(connection)
            self._act(connection)
        self.ended.set()


def _read_request(connection: socket.socket) -> None:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    lines, _, body = received.partition(b"\r\n\r\n")
    length = next(
        (int(one.split(b":")[1]) for one in lines.lower().splitlines() if one.startswith(b"content-length")), 0
    )
    while len(body) < length:
        body += connection.recv(65_536)


def sends(*pieces: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: [connection.sendall(piece) for piece in pieces] and None


def lm_at(model: str, api_base: str, **settings: Any) -> EndpointLM:
    choice = resolve("task", model=model, api_base=api_base)
    lm = build(choice, cache=False, num_retries=0)
    assert isinstance(lm, EndpointLM)
    lm.kwargs |= settings
    return lm


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOSTED_VLLM_API_KEY", "TOGETHER_API_KEY"):
        monkeypatch.setenv(name, KEY)


@pytest.mark.parametrize("model", MODELS)
def test_a_call_that_was_given_up_takes_in_no_more(model: str) -> None:
    """Its thread would go on to fill the memory of the machine."""

    def endless(connection: socket.socket) -> None:
        connection.sendall(head(None))
        while True:
            connection.sendall(b" " * 1_000)
            threading.Event().wait(0.001)

    with RawServer(endless) as server:
        with pytest.raises(LMError, match=r"timed out|no whole answer"):
            lm_at(model, server.api_base, timeout=1)("Where?")
        assert server.ended.wait(10), "the client still reads"


@pytest.mark.parametrize("model", MODELS)
def test_a_body_beyond_all_measure_is_not_taken_in(model: str) -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(head(None))
        while True:
            connection.sendall(b" " * 1_000_000)

    with RawServer(endless) as server:
        with pytest.raises(LMError):
            lm_at(model, server.api_base, timeout=60)("Where?")
        assert server.ended.wait(10)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("body", [gzip.compress(ANSWER.encode()), ANSWER.encode("latin-1"), ANSWER.encode("utf-16")])
def test_an_answer_in_an_encoding_that_nothing_names_is_kept(model: str, body: bytes) -> None:
    with RawServer(sends(head(len(body)), body)) as server:
        (answer,) = lm_at(model, server.api_base)("Where?")
    assert answer in ("Málaga", "M\ufffdlaga")


PLAIN, GZIP, ZLIB = ANSWER.encode(), gzip.compress(ANSWER.encode()), zlib.compress(ANSWER.encode())
RAW_DEFLATE = ZLIB[2:-4]
ENCODED = [
    ("gzip", PLAIN),  # unpacked on the way, and the header left
    ("gzip", ZLIB),
    ("gzip", RAW_DEFLATE),
    ("deflate", PLAIN),
    ("deflate", GZIP),
    ("deflate", ZLIB),
    ("deflate", RAW_DEFLATE),
    ("br", PLAIN),
    ("br", GZIP),
    ("zstd", PLAIN),
    ("utf-8", PLAIN),
    ("aws-chunked", PLAIN),
    ("identity, none", PLAIN),
    ("X-GZip", GZIP),
    ("gzip, gzip", gzip.compress(GZIP)),
    ("gzip, gzip", GZIP),
    ("gzip", gzip.compress(PLAIN[:50]) + gzip.compress(PLAIN[50:])),
    ("gzip", GZIP[:-8]),  # whole JSON, without its checksum
    ("gzip", GZIP[:-3]),
    ("gzip", GZIP[:-8] + b"xxxxyyyy"),
    ("gzip", GZIP + b"more"),
]


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_a_wrong_content_encoding_loses_no_answer_that_can_be_read(model: str) -> None:
    lost = []
    for coding, body in ENCODED:
        chunks = [b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:30], body[30:], b"")]
        whole = sends(head(len(body), f"Content-Encoding: {coding}"), body)
        in_chunks = sends(head(None, f"Content-Encoding: {coding}", "Transfer-Encoding: chunked"), *chunks)
        until_closed = sends(head(None, f"Content-Encoding: {coding}"), body)
        for way in (whole, in_chunks, until_closed):
            with RawServer(way) as server, contextlib.suppress(LMError):
                if lm_at(model, server.api_base, timeout=20)("Where?") == ["Málaga"]:
                    continue
            lost.append((coding, body[:20]))
    assert lost == []


@pytest.mark.parametrize("model", MODELS)
def test_a_gateways_page_with_a_wrong_content_encoding_is_named(model: str) -> None:
    page = b"<html><title>Bad Gateway</title></html>"
    with RawServer(sends(head(len(page), "Content-Encoding: gzip", status="502 Bad Gateway"), page)) as server:
        assert "Bad Gateway" in failed_at(model, server.api_base)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
@pytest.mark.parametrize("model", MODELS)
def test_a_body_without_end_that_is_called_packed_is_not_taken_in(model: str, coding: str) -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(head(None, f"Content-Encoding: {coding}"))
        while True:
            connection.sendall(b" " * 1_000_000)

    with RawServer(endless) as server:
        with pytest.raises(LMError):
            lm_at(model, server.api_base, timeout=60)("Where?")
        assert server.ended.wait(10)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("cut", [0, 40])
def test_a_packed_answer_that_is_too_large_or_cut_off_is_none(model: str, cut: int) -> None:
    packed = gzip.compress((b"" if cut else b" " * 70_000_000) + ANSWER.encode())
    body = packed[: len(packed) - cut]
    with RawServer(sends(head(len(body)), body)) as server:
        failed_at(model, server.api_base)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("pieces", [(), (b"SSH-2.0\r\n",), (head(500), ANSWER.encode())])
def test_a_connection_that_is_broken_off_is_called_that(model: str, pieces: tuple[bytes, ...]) -> None:
    with RawServer(sends(*pieces)) as server:
        line = failed_at(model, server.api_base)
    assert "broke off the connection" in line
    assert "(500)" not in line


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("<html><title>Sign in</title></html>", "a web page, 'Sign in' answers"),
        ('{"error": {"message": "model overloaded"}}', "has too much to do, or is not ready"),
    ],
)
def test_what_comes_in_place_of_an_answer_is_called_what_it_is(model: str, said: str, line: str) -> None:
    with RawServer(sends(head(len(said)), said.encode())) as server:
        found = failed_at(model, server.api_base)
    assert line in found
    assert "(400)" not in found


@pytest.mark.parametrize("model", MODELS)
def test_no_key_is_in_a_traceback(model: str) -> None:
    said = json.dumps({"error": {"message": f"Authorization: Bearer {KEY} is not allowed"}})
    for status in ("403 Forbidden", "400 Bad Request", "500 Internal Server Error"):
        act = sends(head(len(said), status=status), said.encode())
        with RawServer(act) as server, pytest.raises(LMError) as failed:
            lm_at(model, server.api_base)("Where?")
        assert KEY not in "".join(traceback.format_exception(failed.value))


class Elsewhere(HttpStandIn):
    def respond(self, request: RecordedRequest) -> Fault:
        return Fault(body=json.loads(ANSWER))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_neither_key_nor_question_follows_a_redirect(model: str, status: str) -> None:
    with Elsewhere() as other:
        location = f"Location: {other.base_url}/v1/chat/completions"
        with RawServer(sends(head(0, location, status=status))) as server:
            line = failed_at(model, server.api_base)
        assert other.requests == []
    assert "redirects to another address" in line


def failed_at(model: str, api_base: str) -> str:
    """The line for the failure of a call."""
    with pytest.raises(LMError) as failed:
        lm_at(model, api_base)("Where?")
    line = diagnose(failed.value, resolve("task", model=model, api_base=api_base))
    assert "\n" not in line
    assert KEY not in line
    return line
