"""The documented studies of one's own run as written, on the bundled sample."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from checkout import ROOT


def run(example: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, str(ROOT / "examples" / example), "--n-trials", "3"]
    outcome = subprocess.run(
        [*command, "--dataset", os.path.relpath(ROOT / "data/sample.json", folder)],
        cwd=folder,
        env={**os.environ, "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr[-3_000:]
    assert len(outcome.stdout.splitlines()) == 1
    result: dict[str, Any] = json.loads(outcome.stdout)
    return result


@pytest.mark.slow
def test_the_optuna_example_measures_the_default_first_and_finds_the_best(tmp_path: Path) -> None:
    result = run("tune_optuna.py", tmp_path)
    assert 0 < result["default_value"] <= result["best_value"] <= 1
    assert result["best_params"].keys() == {"bm25_k1", "synonym_weight"}


@pytest.mark.ray
def test_the_ray_example_measures_the_same_in_rays_processes(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs pip install '.[ray]'")
    result = run("tune_ray.py", tmp_path)
    assert result["trials"] == 3
    assert result["best_value"] >= run("tune_optuna.py", tmp_path)["default_value"]
    assert result["best_params"].keys() == {"bm25_k1", "synonym_weight"}
