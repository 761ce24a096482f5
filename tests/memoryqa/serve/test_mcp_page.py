"""What docs/mcp.md tells people to paste starts the server, and its program prints what stands below it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import anyio
import pytest
from checkout import ROOT
from mcp import Client, StdioServerParameters
from mcp_servers import environment

from memoryqa.home.folder import store_folder

PAGE = (ROOT / "docs" / "mcp.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def pasted() -> list[tuple[str, list[str]]]:
    """Command and arguments of each configuration on the page."""
    documents: list[dict[str, Any]] = [json.loads(block) for block in blocks("json")]
    documents += [tomllib.loads(block) for block in blocks("toml")]
    servers = [next(iter(document.values()))["memory"] for document in documents]
    found = [(server["command"], server["args"]) for server in servers]
    (added,) = re.findall(r"^claude mcp add memory -- (.*)$", PAGE, re.MULTILINE)
    command, *arguments = shlex.split(added)
    return [*found, (command, arguments)]


@pytest.fixture
def on_path(tmp_path: Path) -> dict[str, str]:
    """An environment in which `memoryqa` is this checkout's, with its chats in a folder of the test."""
    program = tmp_path / "bin" / "memoryqa"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m memoryqa "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return environment(PATH=path, MEMORYQA_HOME=str(tmp_path / "home"))


@pytest.mark.slow
def test_every_configuration_starts_a_server_that_has_the_tools(on_path: dict[str, str], tmp_path: Path) -> None:
    assert len(pasted()) == 4

    async def tools(command: str, arguments: list[str]) -> set[str]:
        server = StdioServerParameters(command=command, args=arguments, env=on_path, cwd=str(tmp_path))
        async with Client(server) as client:
            return {tool.name for tool in (await client.list_tools()).tools}

    for command, arguments in dict.fromkeys((command, tuple(arguments)) for command, arguments in pasted()):
        assert {"search", "remember"} <= anyio.run(tools, command, list(arguments))
    assert (tmp_path / "home").is_dir()


@pytest.mark.slow
def test_a_stranger_gets_cited_lines_from_an_export_in_under_a_minute(on_path: dict[str, str], tmp_path: Path) -> None:
    """The commands and the program of the page as they are, by somebody who has nothing yet."""
    (program,), (walk,) = blocks("python"), [block for block in blocks("bash") if "memoryqa import" in block]
    printed = PAGE.rpartition("```\n[D1")[2].removesuffix("```\n")
    # the SDK's client hands on only some of the environment, PATH and HOME among them
    wrapper = tmp_path / "bin" / "memoryqa"
    wrapper.write_text(wrapper.read_text().replace("exec ", f'PYTHONPATH="{ROOT}" exec '))
    (tmp_path / "home").mkdir()
    bare = {"PATH": on_path["PATH"], "HOME": str(tmp_path / "home"), "LANG": "C.UTF-8"}
    begun = time.monotonic()
    for command in (["bash", "-eu", "-c", walk], [sys.executable, "-c", program]):
        done = subprocess.run(command, cwd=tmp_path, env=bare, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
    assert done.stdout == f"[D1{printed}"
    assert time.monotonic() - begun < 60
    assert [path.name for path in (tmp_path / "home").rglob("*.db")] != []


@pytest.mark.parametrize(
    ("given", "variables", "wanted"),
    [
        (Path("here"), {"MEMORYQA_HOME": "/a"}, "here"),
        (None, {"MEMORYQA_HOME": "/a", "XDG_DATA_HOME": "/b"}, "/a"),
        (None, {"XDG_DATA_HOME": "/b"}, "/b/memoryqa"),
        (None, {"XDG_DATA_HOME": "relative", "HOME": "/h"}, "/h/.local/share/memoryqa"),
        (None, {"HOME": "/h"}, "/h/.local/share/memoryqa"),
    ],
)
def test_the_chats_are_where_the_page_says(
    given: Path | None, variables: dict[str, str], wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MEMORYQA_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert store_folder(given) == Path(wanted)
