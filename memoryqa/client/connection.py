"""Requests to a server: with its token, in bounded time, again where that does no harm."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

from memoryqa.errors import MemoryQAError, UsageError

_IDLE_SEC = 30.0
_BUSY = (429, 502, 503, 504)


class ServerError(MemoryQAError, RuntimeError):
    """The server refused or failed. status: of HTTP; None when it could not be reached. retry_after_sec: what the
    server asks to wait."""

    def __init__(self, message: str, status: int | None = None, retry_after_sec: float = 0.0) -> None:
        super().__init__(message)
        self.status, self.retry_after_sec = status, retry_after_sec

    @property
    def is_undone(self) -> bool:
        """Whether the server says that it has done nothing, and when it will."""
        return self.status in (429, 503) and self.retry_after_sec > 0


class Connection:
    """A server. May be used from several threads; each has a connection of its own.

    token: a bearer token, where the server needs one. timeout_sec: without a word of the server, after which a call is
    sent again or given up. total_sec: of a call with what is tried again; of one that changes a chat `change_sec`, as
    long as the server is there: longer than it works on one.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8765",
        token: str | None = None,
        *,
        timeout_sec: float = 60.0,
        total_sec: float = 120.0,
        change_sec: float = 660.0,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"url must be like http://127.0.0.1:8765, got {url!r}")
        self._is_secure, self._address, self._prefix = parts.scheme == "https", parts.netloc, parts.path.rstrip("/")
        self._headers = {"Accept": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        self._timeout_sec, self._total_sec, self._change_sec = timeout_sec, total_sec, change_sec
        self._local = threading.local()

    def close(self) -> None:
        """Close the connection of this thread."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- requests ------------------------------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: Any = None, *, again: bool | None = None) -> Any:
        """The JSON of a reply. again: whether it may be made twice; None: by the method. Raises ServerError, and
        UsageError for what the server cannot use."""
        content = self._tried(method, path, body, {}, method != "POST" if again is None else again)
        return json.loads(content)

    def change(self, method: str, path: str, body: Any = None) -> Any:
        """`call` for a change that a server makes once however often it is sent, and that may take long: while the
        server is there, its reply is waited for."""
        headers = {"Idempotency-Key": uuid4().hex}
        return json.loads(self._tried(method, path, body, headers, True, self._change_sec))

    def download(self, path: str) -> bytes:
        """The content of a reply."""
        return self._tried("GET", path, None, {}, True)

    def _tried(
        self,
        method: str,
        path: str,
        body: Any,
        headers: Mapping[str, str],
        again: bool,
        answer_sec: float = 0.0,
    ) -> bytes:
        """answer_sec: how long the reply of a server that has taken the request is waited for, if that is longer."""
        began, pause = time.monotonic(), 0.2
        content = None if body is None else json.dumps(body).encode()
        headers = headers if content is None else {**headers, "Content-Type": "application/json"}
        while True:
            total_sec = self._total_sec
            try:
                return self.send(method, path, content, headers).read()
            except TimeoutError:
                self.close()
                failure, wait = ServerError(f"{self._address} has not answered yet, and may still be at it"), pause
                total_sec = max(total_sec, answer_sec)
            except (OSError, HTTPException) as error:
                self.close()
                failure, wait = ServerError(f"{self._address} cannot be reached ({_reason(error)})"), pause
            except ServerError as error:
                if error.status not in _BUSY or not (again or error.is_undone):
                    raise
                failure, wait = error, max(pause, error.retry_after_sec)
            if not (again or failure.is_undone) or time.monotonic() + wait > began + total_sec:
                raise failure
            time.sleep(wait * random.uniform(0.8, 1.2))
            pause = min(2 * pause, 10.0)

    def send(self, method: str, path: str, content: Any, headers: Mapping[str, str]) -> HTTPResponse:
        """The reply, its body unread; ServerError for one of an error."""
        connection = self._connection()
        self._local.used = time.monotonic()
        connection.request(method, self._prefix + path, content, {**self._headers, **headers})
        reply = connection.getresponse()
        if reply.status >= 400:
            _refuse(reply)
        return reply

    def _connection(self) -> HTTPConnection:
        if time.monotonic() - getattr(self._local, "used", 0.0) > _IDLE_SEC:
            self.close()  # the server may have hung up
        connection: HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            kind = HTTPSConnection if self._is_secure else HTTPConnection
            connection = self._local.connection = kind(self._address, timeout=self._timeout_sec)
        return connection

    def events(self, path: str, body: Any) -> Iterator[tuple[str, Any]]:
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        name, is_whole = "", False
        try:
            for line in self.send("POST", path, json.dumps(body).encode(), headers):
                field, _, value = line.decode().rstrip("\r\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    yield name, json.loads(value)
            is_whole = True
        except (OSError, HTTPException) as error:
            raise ServerError(f"{self._address} cannot be reached ({_reason(error)})") from error
        finally:
            if not is_whole:  # the rest of the reply is in its way
                self.close()


def _refuse(reply: HTTPResponse) -> None:
    content = reply.read()
    try:
        detail = json.loads(content)["detail"]
    except (ValueError, KeyError, TypeError):
        detail = f"the server answered {reply.status}"
    if reply.status in (404, 422):
        raise UsageError(detail)
    wait = reply.headers.get("Retry-After", "")
    raise ServerError(detail, reply.status, float(wait) if wait.isdigit() else 0.0)


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
