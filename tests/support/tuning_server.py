"""The tuning service on a real socket of 127.0.0.1, for tests: in a thread, or as the process that a user starts."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import optuna
import uvicorn
from checkout import ROOT
from ports import free_port

from tuning.service.app import build_app


@contextmanager
def serving(storage: optuna.storages.BaseStorage, *, token: str | None = None, port: int = 0) -> Iterator[str]:
    """The address of a service on `storage`; at any free port unless one is given."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        server = uvicorn.Server(uvicorn.Config(build_app(storage, token=token), log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


@contextmanager
def serving_process(location: str | Path, *, token: str | None = None, host: str = "127.0.0.1") -> Iterator[str]:
    """`python -m tuning.service` on a storage, once it answers; SIGTERM ends it."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "tuning.service",
        "--storage",
        str(location),
        "--host",
        host,
        "--port",
        str(port),
    ]
    environment = {**os.environ, "MEMORY_TUNER_TOKEN": token or ""}
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            deadline = time.monotonic() + 60
            while not _answers(url):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield url
        finally:
            process.terminate()
            process.wait(20)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=10).status_code == 200
    except httpx.TransportError:
        return False
