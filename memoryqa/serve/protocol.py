"""HTTP/1.1 whose heads of requests are bounded in size and in time: a client that sends one for ever holds nothing.

uvicorn bounds neither, and the guard sees a request only once its head is whole.
"""

from __future__ import annotations

from asyncio import Transport
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024
HEAD_SEC = 30.0  # for a head to arrive


class BoundedProtocol(HttpToolsProtocol):
    """Hangs up when a head is too large, or does not come."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        self._head_bytes, self._is_in_head = 0, True
        super().connection_made(transport)
        self._late: Any = self.loop.call_later(HEAD_SEC, transport.close)

    def data_received(self, data: bytes) -> None:
        if self.timeout_keep_alive_task is not None and not data.strip(b"\r\n"):
            return  # between two requests it means nothing, and is waited for no longer
        super().data_received(data)
        if self._is_in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._late.cancel()
        self._late = self.loop.call_later(HEAD_SEC, self.transport.close)
        self._head_bytes, self._is_in_head = 0, True

    def on_headers_complete(self) -> None:
        self._late.cancel()
        self._is_in_head = False
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._late.cancel()
        super().connection_lost(exc)
