"""The OpenAPI document, fuzzed against a real server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs pip install '.[serve]'")

from api_servers import api_server
from waiting import wait_for

SECRET = "the-secret-of-these-tests"


@pytest.mark.slow
def test_schemathesis_finds_no_server_error(tmp_path: Path) -> None:
    pytest.importorskip("schemathesis", reason="needs pip install '.[dev]'")
    program = Path(sys.executable).with_name("st")
    with api_server(tmp_path / "store", token=SECRET) as server:
        for chat in ("ana", "bo"):
            server.add(chat, {"text": "I moved to Porto last Saturday!", "speaker": "Ana", "time": "2023-05-25"})
        begun = server.upload(b"2023-05-25 14:05 Ana: I moved to Porto!\n", "talk.txt").json["id"]
        # the first import loads the importers, and those that come meanwhile may be too many, which is a 503
        wait_for(lambda: server.ok("GET", f"/v1/imports/{begun}")["state"] in ("done", "failed"), "the import is over")
        checks = "not_a_server_error,status_code_conformance,content_type_conformance,ignored_auth"
        command = [
            str(program),
            "run",
            f"{server.url}/openapi.json",
            "--checks",
            checks,
            "--max-examples",
            "5",
            "--request-timeout",
            "60",
        ]
        command += ["--max-time", "40", "--seed", "1", "-H", f"Authorization: Bearer {SECRET}"]
        outcome = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=170, check=False)
        assert server.call("GET", "/health").status == 200
    assert outcome.returncode == 0, outcome.stdout[-6_000:] + outcome.stderr[-2_000:]
