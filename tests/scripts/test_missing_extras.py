"""A script whose extra is not installed says in one line what to install, before anything else happens."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from checkout import ROOT

from memoryqa.errors import EXTRAS

# A package is missing for a process that has this on its path: the finder stands before all others.
SITECUSTOMIZE = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
"""
SCRIPTS = {
    "evaluate.py": (["dspy", "mlflow", "matplotlib", "nltk"], ["--data", "data/sample.json", "--num-test", "1"]),
    "optimize.py": (["dspy"], ["--dry-run", "--data", "data/sample.json", "--optimizer", "miprov2"]),
    "tune.py": (["optuna"], ["--data", "data/sample.json", "--n-trials", "1"]),
    "train.py": (["dspy", "torch", "transformers", "peft"], ["--backend", "local", "--dry-run"]),
}
IMPORT_OF = {  # distribution -> what is imported, where the names differ
    "psycopg2-binary": "psycopg2",
    "sentence-transformers": "sentence_transformers",
    "optuna-dashboard": "optuna_dashboard",
}


@pytest.mark.parametrize(
    ("script", "package"), [(script, package) for script, (packages, _) in SCRIPTS.items() for package in packages]
)
def test_a_script_without_a_package_says_what_to_install(script: str, package: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SITECUSTOMIZE.format(names={package}))
    ran = subprocess.run(
        [sys.executable, ROOT / script, *SCRIPTS[script][1], "--run-dir", str(tmp_path / "run")]
        if script in ("evaluate.py", "optimize.py")
        else [sys.executable, ROOT / script, *SCRIPTS[script][1]],
        cwd=ROOT,
        env={"PYTHONPATH": str(tmp_path), "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 2, ran.stderr
    assert "Traceback" not in ran.stderr
    last = ran.stderr.strip().splitlines()[-1]
    assert re.search(rf"{package}.*pip install '\.\[[a-z-]+\]'", last), last


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_needs_no_extra(script: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SITECUSTOMIZE.format(names=set(EXTRAS)))
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
    needed = set().union(*(brought[extra] for extra in ("ask", "bench", "dense", "tune", "train-local")))
    assert needed - {"memoryqa", "psutil"} <= set(EXTRAS)
