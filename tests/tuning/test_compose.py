"""The compose file and the Dockerfile of tuning/, without Docker: valid, pinned, no default secret; and they start."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from checkout import ROOT
from ports import free_port
from postgres_server import run_postgres
from tuning_objective import SPACE_JSON

TEXT = (ROOT / "tuning" / "docker-compose.yml").read_text()
SECRETS = {"POSTGRES_PASSWORD": "p-w/ith:every@thing", "MEMORY_TUNER_TOKEN": "0123456789abcdef0123"}
LOCATION = "postgresql+psycopg2://tuner@postgres/tuner"


class MissingError(Exception):
    """A required variable is not set."""


def interpolated(value: Any, variables: dict[str, str]) -> Any:
    """`${NAME:?message}` and `${NAME:-default}` as Compose replaces them."""
    if isinstance(value, dict):
        return {key: interpolated(one, variables) for key, one in value.items()}
    if isinstance(value, list):
        return [interpolated(one, variables) for one in value]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if not variables.get(name) and kind == ":?":
            raise MissingError(f"{name} {rest}")
        return variables.get(name) or rest

    return re.sub(r"\$\{(\w+)(:[?-])([^}]*)\}", replace, value)


@pytest.fixture
def services() -> dict[str, Any]:
    found: dict[str, Any] = interpolated(yaml.safe_load(TEXT), SECRETS)["services"]
    return found


def test_the_file_follows_the_compose_specification() -> None:
    compose_spec = pytest.importorskip("compose_spec", reason="needs pip install '.[dev]'")
    parsed = compose_spec.PyCompose.from_yaml(yaml.safe_dump(interpolated(yaml.safe_load(TEXT), SECRETS)))
    assert sorted(parsed.service_names()) == ["dashboard", "postgres", "service"]
    with pytest.raises(ValueError, match="imagee"):
        compose_spec.PyCompose.from_yaml("services: {a: {imagee: x}}")


@pytest.mark.parametrize("missing", SECRETS)
def test_no_secret_has_a_default(missing: str) -> None:
    with pytest.raises(MissingError, match=rf"{missing} is required"):
        interpolated(yaml.safe_load(TEXT), {**SECRETS, missing: ""})
    assert not re.search(r"(PASSWORD|TOKEN):-", TEXT)


def test_images_are_pinned_and_services_are_watched(services: dict[str, Any]) -> None:
    for service in services.values():
        assert re.search(r":\d+\.\d+", service["image"]), "a version, and not `latest`"
        assert service["healthcheck"]["test"][0] == "CMD"
        assert service["restart"] == "unless-stopped"
    assert services["service"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["dashboard"]["depends_on"] == {"service": {"condition": "service_healthy"}}


def test_studies_are_kept_in_a_volume(services: dict[str, Any]) -> None:
    volume, _, folder = services["postgres"]["volumes"][0].partition(":")
    assert folder == "/var/lib/postgresql/data"
    assert volume in yaml.safe_load(TEXT)["volumes"]


def test_nothing_is_open_to_other_machines_unless_asked(services: dict[str, Any]) -> None:
    assert "ports" not in services["postgres"]
    assert services["service"]["ports"] == ["127.0.0.1:8000:8000"]
    assert services["dashboard"]["ports"] == ["127.0.0.1:8080:8080"]
    opened = interpolated(yaml.safe_load(TEXT), {**SECRETS, "TUNER_ADDRESS": "0.0.0.0"})["services"]
    assert opened["service"]["ports"] == ["0.0.0.0:8000:8000"]
    assert opened["dashboard"]["ports"] == ["127.0.0.1:8080:8080"], "it knows no users"


def test_the_image_is_pinned_runs_as_a_user_and_copies_what_is_there() -> None:
    lines = [
        line.split() for line in (ROOT / "tuning" / "Dockerfile").read_text().splitlines() if line and line[0] != "#"
    ]
    by_word: dict[str, list[list[str]]] = {}
    for word, *rest in lines:
        by_word.setdefault(word, []).append(rest)
    assert [re.fullmatch(r"python:3\.11\.\d+-slim-\w+", image) is not None for (image,) in by_word["FROM"]] == [True]
    assert by_word["USER"] == [["tuner"]]
    copied = [source for *sources, _ in by_word["COPY"] for source in sources]
    assert all(list(ROOT.glob(source.rstrip("/"))) for source in copied)
    assert not {"data/", "runs/", ".", "./"} & set(copied), "the data set may not be passed on"
    assert {f"{folder}/" for folder in ("memoryqa", "locomo", "harness", "tuning")} <= set(copied)


@contextlib.contextmanager
def started(service: dict[str, Any], location: str) -> Iterator[str]:
    """What the container would run, but for port and database, once it is healthy by its own check."""
    container_port, port = service["ports"][0].split(":")[-1], str(free_port())

    def here(word: str) -> str:
        return word.replace(LOCATION, location).replace(f"--port={container_port}", f"--port={port}")

    programs = Path(sys.executable).parent
    command = [here(word) for word in service["command"]]
    command[0] = sys.executable if command[0] == "python" else str(programs / command[0])
    check = [word.replace(f":{container_port}/", f":{port}/") for word in service["healthcheck"]["test"][1:]]
    assert check[0] == "python"
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **service["environment"]}) as process:
        try:
            deadline = time.monotonic() + 90
            while subprocess.run([sys.executable, *check[1:]], capture_output=True, check=False).returncode != 0:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.3)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


@pytest.mark.slow
def test_what_the_containers_run_starts_on_postgresql_and_is_healthy(services: dict[str, Any]) -> None:
    pytest.importorskip("psycopg2", reason="needs pip install '.[tune]'")
    pytest.importorskip("optuna_dashboard", reason="needs pip install '.[tune]'")
    with run_postgres() as location, started(services["service"], location) as service:
        headers = {"Authorization": f"Bearer {SECRETS['MEMORY_TUNER_TOKEN']}"}
        assert httpx.get(f"{service}/studies", timeout=60).status_code == 401
        body = {"name": "mine", "space": SPACE_JSON}
        made = httpx.post(f"{service}/studies", headers=headers, json=body, timeout=60)
        assert made.status_code == 201
        with started(services["dashboard"], location) as dashboard:
            shown = httpx.get(f"{dashboard}/api/studies", timeout=60).json()
            assert [study["study_name"] for study in shown["study_summaries"]] == ["mine"]
