"""Sends requests by HTTP/1.1 over connections that are kept: as little work as that can be."""

from __future__ import annotations

import asyncio
import time

_WAIT_SEC = 60.0
_IDLE_SEC = 30.0  # after which a connection is not used again: the server may be about to hang up on it
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class Sender:
    """A client of the server at `port`, with as many connections as there are requests at once."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[float, _Connection]] = []  # since when, the one used last at the end

    async def wait(self) -> None:
        """Until the server listens. TimeoutError."""
        end = time.monotonic() + _WAIT_SEC
        while True:
            try:
                self._keep(await self._connect())
                return
            except OSError:
                if time.monotonic() > end:
                    raise TimeoutError("the server does not answer") from None
                await asyncio.sleep(0.1)

    async def send(self, path: str, body: bytes) -> int:
        """Post `body`; the status of the reply, which is read whole, 0 when none came."""
        return (await self.reply(path, body))[0]

    async def reply(self, path: str, body: bytes) -> tuple[int, str]:
        """Post `body`; the status of the reply, which is read whole, and "", or 0 and why none came."""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        try:
            connection = self._kept() or await self._connect()
        except OSError as error:
            return 0, f"cannot connect: {error.strerror or error}"
        try:
            status = await connection.post(head.encode() + body)
        except OSError as error:
            return 0, str(error)
        self._keep(connection)
        return status, ""

    def _keep(self, connection: _Connection) -> None:
        self._idle.append((time.monotonic(), connection))

    def _kept(self) -> _Connection | None:
        """A connection on which the server has not hung up."""
        while self._idle:
            since, connection = self._idle.pop()
            if not connection.transport.is_closing() and time.monotonic() - since < _IDLE_SEC:
                return connection
            connection.transport.close()
        return None

    async def close(self) -> None:
        for _, connection in self._idle:
            connection.transport.close()

    async def _connect(self) -> _Connection:
        _, connection = await asyncio.get_running_loop().create_connection(_Connection, "127.0.0.1", self._port)
        return connection


class _Connection(asyncio.Protocol):
    """One request at a time. The replies have a length, as those of our server have."""

    transport: asyncio.Transport
    _reply: asyncio.Future[int] | None = None

    def post(self, request: bytes) -> asyncio.Future[int]:
        """The status of the reply. ConnectionError."""
        self._received, self._most = bytearray(), 0
        self._reply = asyncio.get_running_loop().create_future()
        if self.transport.is_closing():
            self.connection_lost(None)
        else:
            self.transport.write(request)
        return self._reply

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._most and (end := self._received.find(_HEAD_END)) >= 0:
            head = bytes(self._received[:end]).lower()
            self._most = end + len(_HEAD_END) + int(head.partition(_LENGTH)[2].partition(b"\r\n")[0])
        if self._most and len(self._received) >= self._most and self._reply is not None and not self._reply.done():
            self._reply.set_result(int(self._received[9:12]))

    def connection_lost(self, error: Exception | None) -> None:
        if self._reply is not None and not self._reply.done():
            amid = "amid its reply" if self._received else "before its reply"
            self._reply.set_exception(ConnectionResetError(f"the server hung up {amid}"))
