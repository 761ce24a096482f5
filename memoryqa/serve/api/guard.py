"""What every request passes before any route: its host and origin, its token, its rate, its size, its time to arrive.

Browsers are the danger of a server on loopback: any web page can send requests to it. So a page of another origin may
change nothing (its Origin is refused, and no CORS header lets it read), and a name that was rebound to 127.0.0.1 is
refused by its Host.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from math import ceil
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from memoryqa.serve.api.metrics import Metrics
from memoryqa.serve.api.problems import RefusedError, problem
from memoryqa.serve.hosts import is_one_of
from memoryqa.serve.tokens import Access, Tokens

IMPORT_PATH = "/v1/import"
_MAX_BUCKETS = 10_000
_SAFE = ("GET", "HEAD")
_DECIDING = (b"host", b"origin", b"authorization", b"content-type")
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_API_HEADERS = (
    *_HEADERS,
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of requests. rate, burst: of requests a second by token or, without one, by address. bytes: of a body.
    upload_bytes: of an export. idle_sec: between two pieces of a body, and for all of it but what comes at `body_rate`
    bytes a second. timeout_sec: of a reply."""

    rate: float = 500.0
    burst: float = 1_000.0
    bytes: int = 16 * 1024 * 1024
    upload_bytes: int = 4 * 1024 * 1024 * 1024
    idle_sec: float = 30.0
    body_rate: float = 1_000.0
    timeout_sec: float = 30.0


class Guard:
    """Passes requests to `app` that may pass. hosts: the only names that the server answers to; None for any."""

    def __init__(
        self, app: ASGIApp, tokens: Tokens, limits: Limits, metrics: Metrics, hosts: Collection[str] | None
    ) -> None:
        self._app, self._tokens, self._limits, self._metrics, self._hosts = app, tokens, limits, metrics, hosts
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        reply = _Reply(send)
        with self._metrics.request(scope, reply):
            try:
                self._check(scope)
            except RefusedError as error:
                await problem(error.status, error.detail, error.headers)(scope, receive, reply)
                return
            await self._app(scope, _Body(receive, self._most_bytes(scope), self._limits), reply)

    def _check(self, scope: Scope) -> None:
        """RefusedError for what may not pass; else the scope has the access of the request."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        if len(headers) < len(scope["headers"]):
            _check_once(name for name, _ in scope["headers"])
        host = headers.get(b"host", "")
        if self._hosts is not None and not is_one_of(host, self._hosts):
            raise RefusedError(421, "this server answers to other names; --allow-host adds one")
        origin = headers.get(b"origin")
        if origin is not None and scope["method"] not in _SAFE and not _is_of(origin, host):
            raise RefusedError(403, "a page of another origin may not send this")
        address = scope["client"][0] if scope.get("client") else "?"
        access = self._access(scope, headers.get(b"authorization", ""), address)
        self._take(f"token {access.name}" if self._tokens.are_needed else address)
        scope["memoryqa.access"] = access
        if headers.get(b"content-length", "0").isdigit() and int(headers.get(b"content-length", "0")) > (
            most := self._most_bytes(scope)
        ):
            raise RefusedError(413, _too_large(most), {"Connection": "close"})

    def _access(self, scope: Scope, sent: str, address: str) -> Access:
        if not self._tokens.are_needed:
            return Access()
        kind, _, token = sent.partition(" ")
        access = self._tokens.access(token.strip()) if kind.lower() == "bearer" else None
        if access is not None:
            return access
        self._take(address)
        if is_open(scope["path"]):
            return Access("anyone", frozenset(), read_only=True)
        raise RefusedError(401, "send a token: Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"})

    def _take(self, who: str) -> None:
        """Take a token from the bucket of `who`. RefusedError, 429, when it is empty."""
        now = time.monotonic()
        left, since = self._buckets.pop(who, (self._limits.burst, now))
        left = min(self._limits.burst, left + (now - since) * self._limits.rate)
        self._buckets[who] = (left - 1 if left >= 1 else left, now)
        if len(self._buckets) > _MAX_BUCKETS:
            self._buckets.popitem(last=False)
        if left < 1:
            wait = ceil((1 - left) / self._limits.rate)
            raise RefusedError(429, f"too many requests; try again in {wait} s", {"Retry-After": str(wait)})

    def _most_bytes(self, scope: Scope) -> int:
        return self._limits.upload_bytes if scope["path"] == IMPORT_PATH else self._limits.bytes


class _Reply:
    """Sends a reply with the headers of all replies. status: 0 before it has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            have = {name.lower() for name, _ in message.get("headers", ())}
            more = [(name, value) for name, value in _API_HEADERS if name not in have]
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await self._send(message)


class _Body:
    """Receives a body of at most `most` bytes, in the time of `limits`."""

    def __init__(self, receive: Receive, most: int, limits: Limits) -> None:
        self._receive, self._most, self._limits = receive, most, limits
        self._bytes, self._is_whole, self._began = 0, False, time.monotonic()

    async def __call__(self) -> Message:
        if self._is_whole:  # now it waits for the client to leave, for as long as the reply takes
            return await self._receive()
        so_far = time.monotonic() - self._began - self._bytes / self._limits.body_rate
        try:
            async with asyncio.timeout(self._limits.idle_sec - max(so_far, 0.0)):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, "the body did not arrive in time", {"Connection": "close"}) from None
        self._is_whole = not message.get("more_body", False)
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._most:
            raise HTTPException(413, _too_large(self._most), {"Connection": "close"})
        return message


def _check_once(names: Iterable[bytes]) -> None:
    """RefusedError where what is decided by is there twice: a proxy may have read the other one."""
    counts = Counter(names)
    if any(counts[name] > 1 for name in _DECIDING):
        raise RefusedError(
            400, "Host, Origin, Authorization and Content-Type may each be there once", {"Connection": "close"}
        )


def _is_of(origin: str, host: str) -> bool:
    try:
        return urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


def is_open(path: str) -> bool:
    """Whether an address needs no token: it has nothing of any chat."""
    return path in ("/", "/health", "/openapi.json") or path.startswith("/page/")


def _too_large(most: int) -> str:
    return f"a request may have {most:,} bytes here; send less at once"
