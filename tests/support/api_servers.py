"""Real `memoryqa serve` processes, for tests that speak to them by HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

from mcp_servers import environment
from ports import free_port
from waiting import wait_for


class Replied(NamedTuple):
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def detail(self) -> str:
        """The line of a problem."""
        assert self.headers["content-type"] == "application/problem+json"
        assert self.json["status"] == self.status
        return str(self.json["detail"])

    @property
    def events(self) -> list[tuple[str, Any]]:
        """Names and data of a stream."""
        blocks = [block for block in self.content.decode().split("\n\n") if block and not block.startswith(":")]
        split = [block.split("\n") for block in blocks]
        return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in split]


class ApiServer:
    """A server on loopback, and its process."""

    def __init__(self, store: Path, port: int, process: subprocess.Popen[str], token: str | None) -> None:
        self.store, self.port, self.process, self.token = store, port, process, token

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        timeout: float = 120,
        token: str | None = None,
        **headers: str,
    ) -> Replied:
        """A request on a connection of its own; `body`: JSON, or bytes as they are. headers: _ for -."""
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if content is not None else {}
        if (token := token or self.token) is not None:
            sent["Authorization"] = f"Bearer {token}"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, content, sent)
            reply = connection.getresponse()
            found = {name.lower(): value for name, value in reply.getheaders()}
            return Replied(reply.status, found, reply.read())
        finally:
            connection.close()

    def ok(self, method: str, path: str, body: Any = None, **how: Any) -> Any:
        """The JSON of a reply that is none of an error."""
        reply = self.call(method, path, body, **how)
        assert reply.status < 300, reply.content
        return reply.json

    def add(self, chat: str, *said: Mapping[str, Any]) -> Any:
        return self.ok("POST", f"/v1/chats/{chat}/messages", {"messages": list(said)})

    def upload(self, content: bytes, name: str, **fields: str) -> Replied:
        """Import a file."""
        boundary = "a-boundary-of-the-tests"
        parts = [
            f'--{boundary}\r\ncontent-disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
            for field, value in fields.items()
        ]
        disposition = f'content-disposition: form-data; name="file"; filename="{name}"'
        parts.append(f"--{boundary}\r\n{disposition}\r\n\r\n".encode() + content + b"\r\n")
        body = b"".join([*parts, f"--{boundary}--\r\n".encode()])
        return self.call("POST", "/v1/import", body, Content_Type=f"multipart/form-data; boundary={boundary}")

    def wait(self) -> None:
        """Until it answers."""
        wait_for(self._answers, "the server answers")

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.process.stderr.read() if self.process.stderr else ""
        try:
            return self.call("GET", "/health").status == 200
        except OSError:
            return False


@contextmanager
def api_server(
    store: Path, *arguments: str, env: Mapping[str, str] | None = None, token: str | None = None
) -> Iterator[ApiServer]:
    """`memoryqa serve` on the chats of `store`, killed at the end."""
    server = start_api(store, *arguments, env=env, token=token)
    try:
        server.wait()
        yield server
    finally:
        server.process.kill()
        server.process.communicate()


def start_api(
    store: Path, *arguments: str, env: Mapping[str, str] | None = None, token: str | None = None
) -> ApiServer:
    """A server that may not answer yet; whoever starts it ends it."""
    port = free_port()
    command = [sys.executable, "-m", "memoryqa", "serve", "--store", str(store), "--port", str(port), *arguments]
    settings = {**({"MEMORYQA_TOKEN": token} if token else {}), **(env or {})}
    process = subprocess.Popen(
        command, cwd=store.parent, env=environment(**settings), stderr=subprocess.PIPE, text=True
    )
    return ApiServer(store, port, process, token)
