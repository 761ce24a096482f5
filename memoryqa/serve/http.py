"""Serves MCP by streamable HTTP: a bearer token where one is set, bounded requests, an orderly end on SIGTERM."""

from __future__ import annotations

import hmac

import uvicorn
from mcp.server import MCPServer
from starlette.types import ASGIApp, Receive, Scope, Send

from memoryqa.errors import UsageError

MAX_REQUEST_BYTES = 16 * 1024 * 1024
_SHUTDOWN_SEC = 10  # for what is in flight when the server is asked to end


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


def run_http(server: MCPServer, host: str, port: int, token: str | None) -> None:
    """Serve at http://host:port/mcp until SIGINT or SIGTERM, then finish what is in flight. UsageError for a port that
    is taken."""
    app: ASGIApp = server.streamable_http_app(host=host, max_request_body_size=MAX_REQUEST_BYTES)
    if token is not None:
        app = BearerToken(app, token)
    config = uvicorn.Config(
        app, host=host, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=_SHUTDOWN_SEC
    )
    try:
        listening = config.bind_socket()
    except SystemExit:  # uvicorn has logged why
        raise UsageError(f"--port {port}: cannot listen there; is it taken? choose another") from None
    uvicorn.Server(config).run([listening])
