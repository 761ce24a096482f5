"""`python -m benchmarks.serve`: a small load, and its figures."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest
from checkout import ROOT

from benchmarks.serve.sending import Sender

pytest.importorskip("fastapi", reason="needs pip install '.[serve]'")


@pytest.mark.slow
def test_the_load_is_sent_and_its_figures_are_printed() -> None:
    command = [sys.executable, "-m", "benchmarks.serve", "--chats", "2", "--turns", "30", "--minutes", "0.05"]
    command += ["--searches", "20", "--adds", "10", "--warm-up", "2", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    outcome = json.loads(done.stdout)
    assert (outcome["failures"], outcome["failed"]) == (0, {})
    assert outcome["searches"]["p95"] > outcome["searches"]["p50"] > 0
    assert outcome["adds"]["p50"] > 0
    assert len(outcome["resident_mib"]) >= 5
    assert outcome["machine"]
    assert outcome["cpu_ms"] > 0
    assert outcome["load_cpu_share"] > 0
    assert outcome["refused"] == 0
    assert isinstance(outcome["kib_an_add"], float)


class Busy(asyncio.Protocol):
    """A server that answers the first request of a connection, in two pieces, refuses the second, and hangs up."""

    def __init__(self) -> None:
        self._requests = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._requests += 1
        if self._requests == 1:
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n{")
            asyncio.get_running_loop().call_later(0.01, self._transport.write, b'"":')
            asyncio.get_running_loop().call_later(0.02, self._transport.write, b"1}")
        elif self._requests == 2:
            self._transport.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
        else:
            self._transport.close()


def test_replies_refusals_and_broken_connections_are_told_apart() -> None:
    async def run() -> list[int]:
        server = await asyncio.get_running_loop().create_server(Busy, "127.0.0.1", 0)
        sender = Sender(server.sockets[0].getsockname()[1])
        await sender.wait()
        found = [await sender.send("/", b"{}") for _ in range(4)]
        await sender.close()
        server.close()
        return found

    assert asyncio.run(run()) == [200, 503, 0, 200]


class Impatient(Busy):
    """A server that hangs up on a connection that is idle for a moment."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        asyncio.get_running_loop().call_later(0.1, self._transport.close)


def test_a_connection_on_which_the_server_hung_up_is_no_failure() -> None:
    async def run() -> list[tuple[int, str]]:
        server = await asyncio.get_running_loop().create_server(Impatient, "127.0.0.1", 0)
        sender = Sender(server.sockets[0].getsockname()[1])
        await sender.wait()
        found = []
        for _ in range(3):
            found.append(await sender.reply("/", b"{}"))
            await asyncio.sleep(0.3)
        server.close()
        found.append(await sender.reply("/", b"{}"))
        await sender.close()
        return found

    *answered, (status, why) = asyncio.run(run())
    assert answered == [(200, "")] * 3
    assert status == 0
    assert "cannot connect" in why
