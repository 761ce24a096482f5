"""What docs/http.md tells people to paste prints what stands below it, on a real server."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs pip install '.[serve]'")

from api_servers import api_server
from checkout import ROOT

PAGE = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8765"


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_calls_of_the_page_answer_what_stands_below_them(tmp_path: Path) -> None:
    with api_server(tmp_path / "store") as server:
        script = block("sh").replace(ADDRESS, server.url)
        done = subprocess.run(["sh", "-e", "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == block("text")


@pytest.mark.slow
def test_the_program_of_the_page_finds_what_it_added(tmp_path: Path) -> None:
    with api_server(tmp_path / "store") as server:
        program = block("python").replace(ADDRESS, server.url)
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, cwd=ROOT)
    assert done.stdout == "[D1, 25 May 2023]\n1 Ana: I moved to Porto last Saturday (= 20 May 2023)!\n"


@pytest.mark.slow
@pytest.mark.parametrize("call", re.findall(r"`(?:[A-Z]+ )?(/v1/[^`?]+)", PAGE))
def test_every_call_of_the_page_is_a_route(call: str, paths: set[str]) -> None:
    assert call in paths


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    with api_server(tmp_path_factory.mktemp("paths") / "store") as server:
        return set(server.call("GET", "/openapi.json").json["paths"])
