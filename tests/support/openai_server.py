"""A real OpenAI-compatible HTTP server on 127.0.0.1, scripted to answer or to fail, for tests over the wire.

    with OpenAIServer(answer=lambda messages, body: chat_fields(answer="Paris")) as server:
        lm = dspy.LM("hosted_vllm/test-model", api_base=server.api_base)

It serves `POST /v1/chat/completions` and `GET /v1/models`, speaks HTTP/1.0 (one request per connection, so that it can
stop at any moment without waiting for idle clients) and records every request. Faults are taken from `faults`, one per
chat request in order of arrival; a None in it, or an exhausted script, means a normal answer.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Message = Mapping[str, Any]
Answer = Callable[[list[Message], Mapping[str, Any]], str]
"""(messages, whole request body) -> the assistant's text. Called in the request's own thread."""


@dataclass(frozen=True)
class Fault:
    """How one chat request goes wrong: a status with a body, a delay before answering, a cut body, or another text."""

    status: int = 200
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_sec: float = 0.0
    truncate: bool = False
    text: str | None = None


def rate_limited(retry_after_sec: float | None = 0.01) -> Fault:
    """429; with a Retry-After header unless `retry_after_sec` is None."""
    headers = {} if retry_after_sec is None else {"Retry-After": str(retry_after_sec)}
    return Fault(429, _error("Rate limit reached", "requests", "rate_limit_exceeded"), headers)


def server_error() -> Fault:
    return Fault(500, _error("The server had an error", "server_error", None))


def unauthorized() -> Fault:
    return Fault(401, _error("Incorrect API key provided", "invalid_request_error", "invalid_api_key"))


def context_too_long(style: str = "openai") -> Fault:
    """400 for a prompt that is too long: `openai` nests the error and has a code, `vllm` is flat and has none."""
    text = "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens."
    if style == "vllm":
        return Fault(400, {"object": "error", "message": text, "type": "BadRequestError", "param": None, "code": 400})
    return Fault(400, _error(text, "invalid_request_error", "context_length_exceeded"))


def delayed(seconds: float) -> Fault:
    """A normal answer, `seconds` late."""
    return Fault(delay_sec=seconds)


def truncated() -> Fault:
    """A normal answer whose connection closes half way through the announced body."""
    return Fault(truncate=True)


def off_format(text: str = "I would rather talk about the weather.") -> Fault:
    """A normal completion whose text does not follow the prompt's format."""
    return Fault(text=text)


def chat_fields(**fields: object) -> str:
    """The fields in the format of dspy.ChatAdapter."""
    return "\n\n".join([*(f"[[ ## {name} ## ]]\n{value}" for name, value in fields.items()), "[[ ## completed ## ]]"])


def json_fields(**fields: object) -> str:
    """The fields in the format of dspy.JSONAdapter."""
    return json.dumps(fields)


@dataclass(frozen=True)
class RecordedRequest:
    """One request as it arrived; header names are lower-case, `body` is {} for a GET."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


class OpenAIServer:
    """The server; listens from construction on, answers within the `with` block. Thread-safe.

    `models`: the names that `/v1/models` lists; any other gets a 404, an empty list accepts all.
    `api_key`: when given, anything but `Authorization: Bearer <api_key>` gets a 401.
    `die_after`: with that many chat requests answered (faults included) it stops listening, as if killed; None = never.
    `port`: 0 takes a free one; a server that stopped can be started again at its old port.
    """

    def __init__(
        self,
        answer: Answer = lambda messages, body: "ok",
        *,
        faults: Iterable[Fault | None] = (),
        models: Iterable[str] = (),
        api_key: str | None = None,
        die_after: int | None = None,
        port: int = 0,
    ) -> None:
        self.answer = answer
        self.models = list(models)
        self.api_key = api_key
        self._faults = deque(faults)
        self._answers_left = die_after
        self._requests: list[RecordedRequest] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._http = _Server(("127.0.0.1", port), _handler_of(self))
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    @property
    def api_base(self) -> str:
        """`http://127.0.0.1:<port>/v1`"""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def chat_requests(self) -> list[RecordedRequest]:
        """A snapshot of the chat requests so far, in order of arrival."""
        with self._lock:
            return [request for request in self._requests if request.path.endswith("/chat/completions")]

    @property
    def unexpected_errors(self) -> list[BaseException]:
        """Exceptions of handler threads, clients that hung up excepted; `__exit__` raises the first."""
        return self._http.errors

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, error_type: object, *_: object) -> None:
        self.stop()
        if error_type is None and self.unexpected_errors:
            raise self.unexpected_errors[0]

    def stop(self) -> None:
        """Stop listening (further connections are refused) and wait for the requests in flight. Idempotent."""
        self._stop_listening()
        self._http.server_close()
        self._thread.join()

    def _stop_listening(self) -> None:
        self._stopping.set()
        self._http.shutdown()
        self._http.socket.close()

    def record(self, request: RecordedRequest) -> None:
        with self._lock:
            self._requests.append(request)

    def respond(self, request: RecordedRequest, reply: Callable[[Fault], None]) -> None:
        """Decide on one chat request and send it through `reply`."""
        with self._lock:
            if self._answers_left is not None and self._answers_left <= 0:
                return  # the connection closes without a response, as when a process is killed
            if self._answers_left is not None:
                self._answers_left -= 1
            is_last = self._answers_left == 0
            fault = (self._faults.popleft() if self._faults else None) or Fault()
        self._stopping.wait(fault.delay_sec)
        if is_last:
            self._stop_listening()  # before replying: whoever holds the last answer finds the port closed
        if fault.status != 200:
            reply(fault)
        elif refusal := self._refusal(request):
            reply(refusal)
        else:
            reply(Fault(body=self._completion(request.body, fault.text), truncate=fault.truncate))

    def _refusal(self, request: RecordedRequest) -> Fault | None:
        if self.api_key is not None and request.headers.get("authorization") != f"Bearer {self.api_key}":
            return unauthorized()
        model = request.body.get("model")
        if self.models and model not in self.models:
            return Fault(404, _error(f"The model `{model}` does not exist.", "NotFoundError", "model_not_found"))
        return None

    def _completion(self, body: Mapping[str, Any], text: str | None) -> dict[str, Any]:
        messages = list(body["messages"])
        if text is None:
            text = self.answer(messages, body)
        prompt_tokens = sum(len(str(message["content"]).split()) for message in messages)
        completion_tokens = len(text.split())
        return {
            "id": "chatcmpl-test",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {
                "prompt_tokens": prompt_tokens,
                "completion_tokens": completion_tokens,
                "total_tokens": prompt_tokens + completion_tokens,
            },
        }


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close() joins the handler threads and nothing outlives a test

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.errors: list[BaseException] = []
        super().__init__(address, handler)

    def handle_error(self, request: object, client_address: object) -> None:
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError):  # a client that gave up waiting is not a fault
            self.errors.append(error)


def _handler_of(server: OpenAIServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.record(RecordedRequest(self.path, self._headers(), {}))
            if self.path == "/v1/models":
                self._reply(Fault(body={"object": "list", "data": [{"id": name} for name in server.models]}))
            else:
                self._reply(Fault(404, {"detail": "Not Found"}))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            request = RecordedRequest(self.path, self._headers(), body)
            server.record(request)
            if self.path == "/v1/chat/completions":
                server.respond(request, self._reply)
            else:
                self._reply(Fault(404, {"detail": "Not Found"}))

        def _headers(self) -> dict[str, str]:
            return {name.lower(): value for name, value in self.headers.items()}

        def _reply(self, fault: Fault) -> None:
            payload = json.dumps(fault.body).encode()
            self.send_response(fault.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            for name, value in fault.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(payload[: len(payload) // 2] if fault.truncate else payload)

        def log_message(self, format: str, *args: object) -> None:
            """Silence: the requests are recorded, not printed."""

    return Handler


def _error(message: str, kind: str, code: str | None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}
