"""Real `memoryqa serve --mcp` processes, for tests that speak to them as any client would."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from checkout import ROOT
from mcp import StdioServerParameters
from ports import free_port
from waiting import wait_for

STARTED = [sys.executable, "-m", "memoryqa", "serve", "--mcp"]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "MEMORY_MODEL": "offline", **more}


def by_stdio(store: Path) -> StdioServerParameters:
    return StdioServerParameters(
        command=STARTED[0], args=[*STARTED[1:], "--store", str(store)], env=environment(), cwd=str(store.parent)
    )


@contextmanager
def by_http(
    store: Path, *arguments: str, env: Mapping[str, str] | None = None
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a server, and its process."""
    port = free_port()
    command = [*STARTED, "--store", str(store), "--port", str(port), *arguments]
    process = subprocess.Popen(
        command, cwd=store.parent, env=environment(**(env or {})), stderr=subprocess.PIPE, text=True
    )
    try:
        wait_for(lambda: _is_listening(port) or process.poll() is not None)
        yield f"http://127.0.0.1:{port}/mcp", process
    finally:
        process.kill()
        process.communicate()


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
