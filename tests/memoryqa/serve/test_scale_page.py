"""docs/scale.md is right: its nginx sends a chat to one of three servers, and a copy of a chat is restored."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from checkout import ROOT
from mcp_servers import environment
from ports import free_port
from waiting import wait_for

from memoryqa import AdaptiveMemory

PAGE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
TOKEN = "0123456789abcdef0123456789abcdef"
CHATS = [f"user {number}" for number in range(30)] + ["änne", "a+b"]


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def is_healthy(port: int, path: str = "/health") -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5).status_code in (200, 400)
    except httpx.HTTPError:
        return False


@contextmanager
def started(command: list[str], folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, cwd=folder, env=environment(MEMORYQA_TOKEN=TOKEN), stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: is_healthy(port) or process.poll() is not None)
        assert process.poll() is None
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def server(folder: Path, port: int) -> list[str]:
    folder.mkdir()
    return [sys.executable, "-m", "memoryqa", "serve", "--store", str(folder), "--host", "0.0.0.0", "--port", str(port)]


def proxy(folder: Path, port: int, ports: list[int]) -> list[str]:
    folder.mkdir()
    config = block("nginx").replace("listen 8080", f"listen 127.0.0.1:{port}")
    for number, one in enumerate(ports, start=1):
        config = config.replace(f"10.0.0.{number}:8765", f"127.0.0.1:{one}")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"    {kind}_temp_path {folder / kind};\n" for kind in kinds)
    config = config.replace("http {\n", f"http {{\n    access_log off;\n{temporary}")
    (folder / "nginx.conf").write_text(f"daemon off;\npid {folder}/nginx.pid;\n{config}")
    return ["nginx", "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]


def ask(port: int, chat: str) -> httpx.Response:
    """A search in a chat. Its name is in the header in UTF-8, as the path has it once it is decoded."""
    headers = [(b"Authorization", f"Bearer {TOKEN}".encode()), (b"X-Memoryqa-Chat", chat.encode())]
    body = {"question": "Who moved to Porto?", "chats": [chat]}
    return httpx.post(f"http://127.0.0.1:{port}/v1/search", headers=headers, json=body, timeout=30)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("nginx") is None, reason="needs nginx")
def test_nginx_sends_each_chat_to_one_of_three_servers(tmp_path: Path) -> None:
    pytest.importorskip("memoryqa.serve.api.app")
    ports, port = [free_port() for _ in range(3)], free_port()
    authorized: Any = {"Authorization": f"Bearer {TOKEN}"}
    with ExitStack() as stack:
        servers = [stack.enter_context(started(server(tmp_path / f"s{n}", n), tmp_path, n)) for n in ports]
        stack.enter_context(started(proxy(tmp_path / "nginx", port, ports), tmp_path, port))
        homes: dict[str, str] = {}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=authorized, timeout=60) as client:
            for chat in CHATS:
                said = {"messages": [{"text": f"{chat} moved to Porto!", "speaker": chat, "time": "2024-01-01"}]}
                added = client.post(f"/v1/chats/{chat}/messages", json=said)
                assert added.status_code == 201, added.text
                homes[chat] = added.headers["x-memoryqa-server"]
            assert client.post("/v1/search", json={"question": "Who?"}).status_code == 400
        kept = {n: {path.stem for path in (tmp_path / f"s{n}").glob("*.db")} for n in ports}
        assert all(kept.values()), "each server has some"
        assert sorted(chat for chats in kept.values() for chat in chats) == sorted(CHATS)
        for chat in CHATS:
            found = ask(port, chat)
            assert found.headers["x-memoryqa-server"] == homes[chat]
            assert "moved to Porto!" in found.json()["text"]
        servers[0].send_signal(signal.SIGTERM)
        servers[0].wait(30)
        lost = next(chat for chat, home in homes.items() if home.endswith(f":{ports[0]}"))
        assert ask(port, lost).status_code == 502, "and no other server begins the chat anew"


def test_a_copy_that_is_taken_while_others_write_is_restored(tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    exec(block("python"), names)
    (tmp_path / "copies").mkdir()
    with AdaptiveMemory.open(tmp_path / "ana.db") as memory:
        memory.add("I moved to Porto!", speaker="Ana", time="2023-05-25")
        names["copy_chat"](tmp_path / "ana.db", str(tmp_path / "copies" / "ana.db"))
        memory.add("The oven is broken.", speaker="Bo", time="2023-05-26")
        assert len(memory) == 2
    with AdaptiveMemory.open(tmp_path / "copies" / "ana.db") as restored:
        assert [turn.text for turn in restored.turns()] == ["I moved to Porto!"]
        assert "Porto" in restored.search("Where did Ana move?").text
        restored.add("A new oven.", speaker="Bo", time="2023-05-27")
    with pytest.raises(Exception, match="already exists"):
        names["copy_chat"](tmp_path / "ana.db", str(tmp_path / "copies" / "ana.db"))
