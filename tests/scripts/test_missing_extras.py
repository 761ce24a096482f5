"""A script whose extra is not installed says in one line what to install, before anything else happens."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
from checkout import ROOT
from without_packages import hide_packages

from memoryqa.errors import EXTRAS

NEEDS_TORCH = ("dspy", "transformers", "peft")  # train.py looks for torch first, and would name it instead
SAMPLE = ("--data", "data/sample.json")
COMMANDS = {
    "evaluate.py": ("dspy mlflow matplotlib nltk", (*SAMPLE, "--num-test", "1", "--run-dir", "{folder}/run")),
    "evaluate.py --embedder": ("sentence_transformers", ("all-MiniLM-L6-v2", *SAMPLE, "--dry-run")),
    "optimize.py": ("dspy", (*SAMPLE, "--dry-run", "--optimizer", "miprov2")),
    "tune.py": ("optuna", (*SAMPLE, "--n-trials", "1")),
    "tune.py list": ("psycopg2", ("--storage", "postgresql+psycopg2://nobody@127.0.0.1:1/none")),
    "tune.py --engine": ("ray", ("ray", *SAMPLE, "--n-trials", "1", "--no-mlflow", "--storage", "{folder}/journal")),
    "train.py": ("dspy torch transformers peft", ("--backend", "local", "--dry-run")),
    "-m tuning.service": ("fastapi uvicorn", ("--storage", "{folder}/journal")),
    "arbor/deploy.py": ("runpod", ("--api", "graphql", "--dry-run")),
}
SCRIPTS = ("evaluate.py", "optimize.py", "tune.py", "train.py")
IMPORT_OF = {  # distribution -> what is imported, where the names differ
    "psycopg2-binary": "psycopg2",
    "sentence-transformers": "sentence_transformers",
    "optuna-dashboard": "optuna_dashboard",
    "langchain-core": "langchain_core",
    "langgraph-checkpoint": "langgraph",
    "llama-index-core": "llama_index",
    "openai-agents": "agents",
    "pydantic-ai-slim": "pydantic_ai",
    "python-multipart": "python_multipart",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "package"),
    [(command, package) for command, (packages, _) in COMMANDS.items() for package in packages.split()],
)
def test_a_command_without_a_package_says_what_to_install(command: str, package: str, tmp_path: Path) -> None:
    if command == "train.py" and package in NEEDS_TORCH and find_spec("torch") is None:
        pytest.skip("torch is missed first")
    hide_packages(tmp_path, {package})
    arguments = [one.format(folder=tmp_path) for one in COMMANDS[command][1]]
    ran = subprocess.run(
        [sys.executable, *command.split(), *arguments],
        cwd=ROOT,
        env={"PYTHONPATH": str(tmp_path), "PATH": "", "HOME": str(tmp_path), "RUNPOD_API_KEY": "none"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 2, ran.stderr
    assert "Traceback" not in ran.stderr
    last = ran.stderr.strip().splitlines()[-1]
    assert re.search(rf"{package}.*pip install '(?:\.\[[a-z-]+\]|{package}[^']*)'", last, re.IGNORECASE), last


def test_the_service_without_any_extra_names_the_one_that_brings_all(tmp_path: Path) -> None:
    hide_packages(tmp_path, EXTRAS)
    ran = subprocess.run(
        [sys.executable, "-m", "tuning.service", "--storage", tmp_path / "journal"],
        cwd=ROOT,
        env={"PYTHONPATH": str(tmp_path), "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
    assert ran.stderr.strip().endswith("needs the package fastapi: pip install '.[tune]'")


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_needs_no_extra(script: str, tmp_path: Path) -> None:
    hide_packages(tmp_path, EXTRAS)
    ran = subprocess.run(
        [sys.executable, ROOT / script, "--help"],
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_every_package_of_an_extra_is_known_by_that_extra() -> None:
    """So that the line names an extra which brings the package."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    brought = {
        extra: {
            IMPORT_OF.get(name, name)
            for name in (re.match(r"[A-Za-z0-9-]+", one)[0].lower() for one in wanted)  # type: ignore[index]
        }
        for extra, wanted in extras.items()
    }
    for package, extra in EXTRAS.items():
        assert package in brought[extra], f"[{extra}] does not bring {package}"
    needed = set().union(*(brought[extra] for extra in ("ask", "bench", "dense", "e5", "tune", "train-local")))
    assert needed - {"memoryqa", "psutil"} <= set(EXTRAS)
