"""What the stand-ins of HTTP services share: a real server on 127.0.0.1 that records requests and can go wrong.

    class Greeter(HttpStandIn):
        def respond(self, request):
            return Fault(body={"hello": request.path})

It speaks HTTP/1.0, one request per connection, so that it can stop at any moment without waiting for idle clients.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Fault:
    """An answer, wrong on purpose or right.

    `status`: None closes the connection without an answer. `body`: text is sent as it is, anything else as JSON.
    `delay_sec`: the wait before the answer; it ends early when the server stops. `truncate`: the connection closes half
    way through the announced body. `drip_sec`: for so long only white space comes, a byte at a time. `obeyed`: the
    service carries the request out, and only its answer is lost. pieces: sent one by one in place of `body`, each
    `pause_sec` after the one before.
    """

    status: int | None = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_sec: float = 0.0
    truncate: bool = False
    obeyed: bool = False
    drip_sec: float = 0.0
    pieces: tuple[str, ...] = ()
    pause_sec: float = 0.0

    @property
    def payload(self) -> bytes:
        if self.status == 204:
            return b""
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


DISCONNECTED = Fault(None)
SILENT = Fault(None, delay_sec=threading.TIMEOUT_MAX)  # until the server stops
NOT_FOUND = Fault(404, {"detail": "Not Found"})


@dataclass(frozen=True)
class RecordedRequest:
    """One request as it arrived; header names are lower-case."""

    method: str
    path: str
    headers: Mapping[str, str]
    text: str

    @cached_property
    def body(self) -> Any:
        """The JSON that was sent; {} when nothing was."""
        return json.loads(self.text) if self.text else {}


class HttpStandIn:
    """The server; listens from construction on, answers within the `with` block. Thread-safe.

    A subclass answers in `respond`, which runs in the thread of its request. An exception there closes the connection
    and is raised again at the end of the block. `port`: 0 takes a free one; a server that stopped can be started again
    at its old port. `stopping` is set when the server stops. left: how many clients went away while pieces were sent.
    """

    def __init__(self, port: int = 0) -> None:
        self.requests: list[RecordedRequest] = []
        self.left = 0
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self._http = _Server(("127.0.0.1", port), _handler_of(self))
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def respond(self, request: RecordedRequest) -> Fault:
        raise NotImplementedError

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:<port>`"""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, error_type: object, *_: object) -> None:
        self.stop()
        if error_type is None and self._http.errors:
            raise self._http.errors[0]

    def stop(self) -> None:
        """Refuse further connections and wait for the requests in flight. Idempotent."""
        self.stop_listening()
        self._http.server_close()
        self._thread.join()

    def stop_listening(self) -> None:
        """Refuse further connections. A request's own thread may call it."""
        self.stopping.set()
        self._http.shutdown()
        self._http.socket.close()

    def answer_to(self, request: RecordedRequest) -> Fault:
        with self.lock:
            self.requests.append(request)
        answer = self.respond(request)
        self.stopping.wait(answer.delay_sec)
        return answer


class FixedAnswers(HttpStandIn):
    """Answers by path, whatever the method; NOT_FOUND for a path that has none."""

    def __init__(self, answers: Mapping[str, Fault]) -> None:
        super().__init__()
        self._answers = answers

    def respond(self, request: RecordedRequest) -> Fault:
        return self._answers.get(request.path, NOT_FOUND)


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close() joins the handler threads and nothing outlives a test

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.errors: list[BaseException] = []
        super().__init__(address, handler)

    def handle_error(self, request: object, client_address: object) -> None:
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError):  # a client that gave up waiting is not a fault
            self.errors.append(error)


def _handler_of(stand_in: HttpStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = stand_in.answer_to(RecordedRequest(self.command, self.path, headers, text))
            if answer.status is not None:
                self.send(answer.status, answer)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815

        def send(self, status: int, answer: Fault) -> None:
            payload = answer.payload
            headers = {"Content-Length": str(len(payload)), **answer.headers}
            if not isinstance(answer.body, str):
                headers["Content-Type"] = "application/json"
            if answer.drip_sec or answer.pieces or headers.get("Content-Type") == "text/event-stream":
                del headers["Content-Length"]  # such a body ends with its connection
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            until = time.monotonic() + answer.drip_sec
            while time.monotonic() < until and not stand_in.stopping.wait(0.02):
                self.wfile.write(b" ")
                self.wfile.flush()
            if answer.pieces:
                self.send_pieces(answer)
            else:
                self.wfile.write(payload[: len(payload) // 2] if answer.truncate else payload)

        def send_pieces(self, answer: Fault) -> None:
            try:
                for piece in answer.pieces[: len(answer.pieces) // 2] if answer.truncate else answer.pieces:
                    self.wfile.write(piece.encode())
                    self.wfile.flush()
                    stand_in.stopping.wait(answer.pause_sec)
            except ConnectionError:
                with stand_in.lock:
                    stand_in.left += 1

        def log_message(self, format: str, *args: object) -> None:
            """Silence: the requests are recorded, not printed."""

    return Handler
