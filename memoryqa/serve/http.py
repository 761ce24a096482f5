"""Runs the servers: bounded requests, an orderly end on SIGTERM, no request in a log."""

from __future__ import annotations

import asyncio
import hmac
import sys
import threading
from collections.abc import Callable
from socket import socket
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from memoryqa.errors import UsageError
from memoryqa.serve.ending import EndingListeners
from memoryqa.serve.protocol import BoundedProtocol

if TYPE_CHECKING:
    from mcp.server import MCPServer

MAX_REQUEST_BYTES = 16 * 1024 * 1024
_MAX_CONNECTIONS = 1_000
_KEEP_ALIVE_SEC = 75  # of an idle connection: longer than clients keep one
_SWITCH_SEC = 0.001  # after which a thread that computes lets another one go on: the event loop, above all
_SHUTDOWN_SEC = 35  # for what is in flight when the server is asked to end: longer than a request may take


class BearerToken:
    """Passes requests that send `token` to `app`; answers others with 401."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._expected = app, b"Bearer " + token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                headers = [(b"www-authenticate", b"Bearer"), (b"content-type", b"text/plain; charset=utf-8")]
                await send({"type": "http.response.start", "status": 401, "headers": headers})
                await send({"type": "http.response.body", "body": b"a bearer token is needed\n"})
                return
        await self._app(scope, receive, send)


def run_mcp(
    server: MCPServer, host: str, port: int, token: str | None, begun: Callable[[], object] = lambda: None
) -> None:
    """Serve MCP at http://host:port/mcp until SIGINT or SIGTERM, then finish what is in flight. UsageError for a port
    that is taken. begun: see `run_app`."""
    stopping = asyncio.Event()
    app: ASGIApp = server.streamable_http_app(host=host, max_request_body_size=MAX_REQUEST_BYTES)
    app = EndingListeners(app, stopping)
    if token is not None:
        app = BearerToken(app, token)
    run_app(app, host, port, stopping.set, begun)


def run_app(
    app: ASGIApp, host: str, port: int, stop: Callable[[], None], begun: Callable[[], object] = lambda: None
) -> None:
    """Serve `app` until SIGINT or SIGTERM, then call `stop` and finish what is in flight. UsageError for a port that is
    taken. Nothing that a request has is logged. begun: is called in a thread once requests are answered."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=BoundedProtocol,
        log_level="error",
        access_log=False,
        server_header=False,
        limit_concurrency=_MAX_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_SEC,
        timeout_graceful_shutdown=_SHUTDOWN_SEC,
    )
    try:
        listening = config.bind_socket()
    except (SystemExit, OverflowError):  # uvicorn has logged why
        raise UsageError(f"--port {port}: cannot listen there; is it taken? choose another") from None
    sys.setswitchinterval(_SWITCH_SEC)
    _Server(config, stop, begun).run([listening])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, stop: Callable[[], None], begun: Callable[[], object]) -> None:
        super().__init__(config)
        self._stop, self._begun = stop, begun

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        threading.Thread(target=self._begun, name="begun", daemon=True).start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stop()
        super().handle_exit(sig, frame)
