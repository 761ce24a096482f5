"""train.py where the packages of the extra train-local are not installed."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from checkout import ROOT

SCRIPT = """
import sys
sys.modules.update(dict.fromkeys({blocked!r}))  # their import now fails, as if they were not installed
import train
raise SystemExit(train.main({flags!r}))
"""
ALL = ("torch", "transformers", "peft")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "blocked", "needed"),
    [
        ([], ALL, "--backend local needs the package torch"),
        (["--dry-run"], ALL, "--backend local needs the package torch"),
        (["--backend", "local"], ALL, "--backend local needs the package torch"),
        pytest.param(
            ["--backend", "local"],
            ("peft",),
            "--backend local needs the package peft",
            marks=pytest.mark.skipif(find_spec("torch") is None, reason="torch is missed first"),
        ),
        (["--backend", "arbor"], ALL, "--backend arbor needs the package transformers"),
        (["--mode", "evaluate"], ALL, "--mode evaluate needs the package torch"),
    ],
)
def test_a_missing_package_is_reported_in_one_line_that_installs_it(
    flags: list[str], blocked: tuple[str, ...], needed: str, tmp_path: Path
) -> None:
    nobody = ["--api-base", "http://127.0.0.1:9/v1/"]
    script = SCRIPT.format(blocked=blocked, flags=[*flags, *nobody])
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.stderr.splitlines() == [f"train.py: {needed}: pip install '.[train-local]'"]
    assert (done.returncode, done.stdout) == (2, "")
    assert list(tmp_path.iterdir()) == []
