"""MCP for each token of the HTTP server: its tools, resources and prompts reach what the token may, and no more.

Each access has an MCP server of its own. So a token that only reads is shown no tool that changes anything, and no
token can go on with the session of another one. A token whose limits change begins new sessions.

The first request imports the package, in a thread, while the page and the API answer others.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

from memoryqa.serve.api.problems import problem
from memoryqa.serve.mcp_package import MakeServer, McpMissingError
from memoryqa.serve.tokens import Access

if TYPE_CHECKING:
    from mcp.server import MCPServer

MAX_SESSIONS = 1_000  # of an access, until they were idle for half an hour; each takes about 0.1 MB
MAX_SERVERS = 100  # of accesses that were used last; who comes back after that begins a new session


class McpByAccess:
    """Passes a request to the server of its access, which `make` makes when it is first needed."""

    def __init__(self, make: MakeServer, max_bytes: int) -> None:
        self._make, self._max_bytes = make, max_bytes
        self._servers: OrderedDict[Access, asyncio.Task[_Running]] = OrderedDict()
        self._is_open = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Answer requests in the block, and end all sessions at its end."""
        self._is_open = True
        try:
            yield
        finally:
            self._is_open = False
            servers = list(self._servers.values())
            self._servers.clear()
            await asyncio.gather(*map(_end, servers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            running = await asyncio.shield(self._server(scope["memoryqa.access"]))
        except McpMissingError as error:
            await problem(501, str(error))(scope, receive, send)
            return
        app = await running.app()
        await app(scope, receive, send)

    def _server(self, access: Access) -> asyncio.Task[_Running]:
        """What makes the server of an access, or has made it: once, for all who ask meanwhile."""
        if not self._is_open:
            raise RuntimeError("the server has not begun, or has ended")
        if access not in self._servers:
            self._servers[access] = asyncio.create_task(self._begin(access))
        self._servers.move_to_end(access)
        while len(self._servers) > MAX_SERVERS:
            _, oldest = self._servers.popitem(last=False)
            oldest.add_done_callback(_leave)
        return self._servers[access]

    async def _begin(self, access: Access) -> _Running:
        try:
            return _Running(await asyncio.to_thread(self._make, access), self._max_bytes)
        except BaseException:
            self._servers.pop(access, None)  # who asks next tries again
            raise


def _leave(made: asyncio.Task[_Running]) -> None:
    if not made.cancelled() and made.exception() is None:
        made.result().leave()


async def _end(made: asyncio.Task[_Running]) -> None:
    with suppress(McpMissingError):
        running = await made
        await running.end()


class _Running:
    """A server with its sessions, which live in a task of their own: their task group has to be left where it was
    entered."""

    def __init__(self, server: MCPServer, max_bytes: int) -> None:
        self._app = server.streamable_http_app(
            host="0.0.0.0",  # Guard looks at hosts
            max_request_body_size=max_bytes,
            max_sessions=MAX_SESSIONS,
        )
        self._has_begun, self._ending = asyncio.Event(), asyncio.Event()
        self._task = asyncio.create_task(self._run())

    async def app(self) -> ASGIApp:
        await self._has_begun.wait()
        return self._app

    def leave(self) -> None:
        """Let it end, without waiting."""
        self._ending.set()

    async def end(self) -> None:
        self._ending.set()
        await self._task

    async def _run(self) -> None:
        try:
            async with self._app.router.lifespan_context(self._app):
                self._has_begun.set()
                await self._ending.wait()
        finally:
            self._has_begun.set()  # who waits is answered by an app that has not begun: with an error
