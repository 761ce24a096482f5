"""optuna-dashboard on the journal of a local study, by the command that docs/tuning.md gives."""

from __future__ import annotations

import contextlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from checkout import ROOT
from ports import free_port
from tuning_objective import DEFAULTS, SPACE, run_trial
from waiting import wait_for

from tuning.studies.storage import DEFAULT_STORAGE, open_storage
from tuning.studies.study import StudySpec, load_study, open_study
from tuning.studies.worker import run_worker


@pytest.mark.slow
def test_the_dashboard_shows_a_study_while_it_is_being_tuned(tmp_path: Path) -> None:
    pytest.importorskip("optuna_dashboard", reason="needs pip install '.[tune]'")
    documented = re.search(r"^(optuna-dashboard .*?)\s*#", (ROOT / "docs/tuning.md").read_text(), re.MULTILINE)
    assert documented is not None
    program, journal = shlex.split(documented[1])
    assert journal == DEFAULT_STORAGE
    location = tmp_path / journal
    run_worker(open_study(open_storage(location), StudySpec("mine", SPACE, seed=1)), run_trial, n_trials=4)
    port = free_port()

    command = [str(Path(sys.executable).with_name(program)), journal, "--port", str(port)]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as dashboard:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, follow_redirects=True) as http:
                wait_for(lambda: is_up(http, dashboard), "an answer of the dashboard")
                page = http.get("/")
                assert (page.status_code, "<title>Optuna Dashboard</title>" in page.text) == (200, True)
                bundle = http.get("/static/bundle.js")
                assert bundle.status_code == 200
                assert len(bundle.content) > 1_000_000, "its interface is here, not on a CDN"
                assert shown_trials(http) == 4
                run_worker(load_study(open_storage(location), "mine")[0], run_trial, n_trials=6)
                wait_for(lambda: shown_trials(http) == 6, "six trials", every_sec=1)  # it reads a study every 10 s
        finally:
            dashboard.terminate()
            dashboard.wait(20)


def is_up(http: httpx.Client, dashboard: subprocess.Popen[bytes]) -> bool:
    assert dashboard.poll() is None
    with contextlib.suppress(httpx.TransportError):
        http.get("/api/studies")
        return True
    return False


def shown_trials(http: httpx.Client) -> int:
    """The completed trials that the dashboard's API gives, whose first are the shipped defaults."""
    (study,) = http.get("/api/studies").json()["study_summaries"]
    trials = http.get(f"/api/studies/{study['study_id']}").json()["trials"]
    first = {param["name"]: param["param_external_value"] for param in trials[0]["params"]}
    assert first == {name: str(value) for name, value in DEFAULTS.items()}
    return sum(trial["state"] == "Complete" for trial in trials)
