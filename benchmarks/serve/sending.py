"""Sends requests by HTTP/1.1 over connections that are kept: as little work as that can be."""

from __future__ import annotations

import asyncio
import time

_WAIT_SEC = 60.0

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Sender:
    """A client of the server at `port`, with as many connections as there are requests at once."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Connection] = []

    async def wait(self) -> None:
        """Until the server listens. TimeoutError."""
        end = time.monotonic() + _WAIT_SEC
        while True:
            try:
                self._idle.append(await self._connect())
                return
            except OSError:
                if time.monotonic() > end:
                    raise TimeoutError("the server does not answer") from None
                await asyncio.sleep(0.1)

    async def send(self, path: str, body: bytes) -> bool:
        """Post `body`; whether the reply was a good one, which is read whole."""
        try:
            reader, writer = self._idle.pop() if self._idle else await self._connect()
            head = (
                f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            reply = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.partition(b":")[2])
                for line in reply.lower().split(b"\r\n")
                if line.startswith(b"content-length")
            )
            await reader.readexactly(length)
        except (OSError, EOFError, StopIteration):
            return False
        self._idle.append((reader, writer))
        return reply.startswith(b"HTTP/1.1 2")

    async def close(self) -> None:
        for _, writer in self._idle:
            writer.close()

    async def _connect(self) -> Connection:
        return await asyncio.open_connection("127.0.0.1", self._port)
