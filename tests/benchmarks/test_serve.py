"""`python -m benchmarks.serve`: a small load, and its figures."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from checkout import ROOT

pytest.importorskip("fastapi", reason="needs pip install '.[serve]'")


@pytest.mark.slow
def test_the_load_is_sent_and_its_figures_are_printed() -> None:
    command = [sys.executable, "-m", "benchmarks.serve", "--chats", "2", "--turns", "30", "--minutes", "0.05"]
    command += ["--searches", "20", "--adds", "10", "--warm-up", "2", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    outcome = json.loads(done.stdout)
    assert outcome["failures"] == 0
    assert outcome["searches"]["p95"] > outcome["searches"]["p50"] > 0
    assert outcome["adds"]["p50"] > 0
    assert len(outcome["resident_mib"]) >= 5
    assert outcome["machine"]
    assert outcome["cpu_ms"] > 0
