"""How streams of MCP end when the server is asked to: those that only wait end at once, replies are finished."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send


def finish_replies() -> None:
    """Let the package that streams MCP's replies not cut them off at SIGTERM, as it does of its own accord."""
    with suppress(ImportError, AttributeError):  # the SDK may do without it one day
        from sse_starlette.sse import AppStatus

        AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]


class EndingListeners:
    """Passes requests to `app`. Once `stopping` is set, a stream on which a client listens for what may come (a GET)
    ends as if the client had left: the server's end would wait for it."""

    def __init__(self, app: ASGIApp, stopping: asyncio.Event) -> None:
        self._app, self._stopping = app, stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        is_open = False

        async def watched() -> Message:
            coming, ending = asyncio.ensure_future(receive()), asyncio.ensure_future(self._stopping.wait())
            try:
                await asyncio.wait((coming, ending), return_when=asyncio.FIRST_COMPLETED)
                return coming.result() if coming.done() else {"type": "http.disconnect"}
            finally:
                coming.cancel()
                ending.cancel()

        async def noted(message: Message) -> None:
            nonlocal is_open
            is_open = message["type"] == "http.response.start" or message.get("more_body", False)
            await send(message)

        await self._app(scope, watched, noted)
        if is_open and self._stopping.is_set():
            await send({"type": "http.response.body", "body": b"", "more_body": False})
