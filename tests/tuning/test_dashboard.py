"""optuna-dashboard on the journal of a local study, by the command that docs/tuning.md gives."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from checkout import ROOT
from tuning_objective import DEFAULTS, SPACE, run_trial

from tuning.studies.storage import DEFAULT_STORAGE, open_storage
from tuning.studies.study import StudySpec, load_study, open_study
from tuning.studies.worker import run_worker


def test_the_dashboard_shows_a_study_while_it_is_being_tuned(tmp_path: Path) -> None:
    pytest.importorskip("optuna_dashboard", reason="needs pip install '.[tune]'")
    documented = re.search(r"^(optuna-dashboard .*?)\s*#", (ROOT / "docs/tuning.md").read_text(), re.MULTILINE)
    assert documented is not None
    program, journal = shlex.split(documented[1])
    assert journal == DEFAULT_STORAGE
    location = tmp_path / journal
    run_worker(open_study(open_storage(location), StudySpec("mine", SPACE, seed=1)), run_trial, n_trials=4)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    command = [str(Path(sys.executable).with_name(program)), journal, "--port", str(port)]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as dashboard:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, follow_redirects=True) as http:
                wait_for(http, dashboard)
                page = http.get("/")
                assert (page.status_code, "<title>Optuna Dashboard</title>" in page.text) == (200, True)
                bundle = http.get("/static/bundle.js")
                assert bundle.status_code == 200
                assert len(bundle.content) > 1_000_000, "its interface is here, not on a CDN"
                assert shown_trials(http) == 4
                run_worker(load_study(open_storage(location), "mine")[0], run_trial, n_trials=6)
                deadline = time.monotonic() + 60
                while shown_trials(http) < 6:  # it reads a study anew every ten seconds
                    assert time.monotonic() < deadline
                    time.sleep(1)
        finally:
            dashboard.terminate()
            dashboard.wait(20)


def wait_for(http: httpx.Client, dashboard: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            http.get("/api/studies")
            return
        except httpx.TransportError:
            assert dashboard.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)


def shown_trials(http: httpx.Client) -> int:
    """The completed trials that the dashboard's API gives, whose first are the shipped defaults."""
    (study,) = http.get("/api/studies").json()["study_summaries"]
    trials = http.get(f"/api/studies/{study['study_id']}").json()["trials"]
    first = {param["name"]: param["param_external_value"] for param in trials[0]["params"]}
    assert first == {name: str(value) for name, value in DEFAULTS.items()}
    return sum(trial["state"] == "Complete" for trial in trials)
