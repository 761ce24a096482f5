"""Several processes that meet in a store that is not there yet."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from checkout import ROOT

from harness.tracking.tracker import EXPERIMENT


@pytest.mark.slow
def test_processes_that_make_a_store_at_once_make_one(tmp_path: Path) -> None:
    """MLflow's migrations fail when two processes make the tables."""
    uri, begin = f"sqlite:///{tmp_path}/new.db", tmp_path / "begin"
    code = (
        "import sys, time, pathlib, mlflow\n"
        "from harness.tracking.tracker import open_tracker\n"
        "print('ready', flush=True)\n"
        f"while not pathlib.Path({str(begin)!r}).exists(): time.sleep(0.01)\n"
        f"with open_tracker({uri!r}, run_name=sys.argv[1]) as tracker:\n"
        "    tracker.log_metrics({'f1': 1.0})\n"
        "    assert tracker.run_id is not None\n"
    )
    quiet = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, name], cwd=ROOT, env=quiet, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for name in "abc"
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    begin.touch()
    said = [process.communicate(timeout=120)[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], said
    with closing(sqlite3.connect(tmp_path / "new.db")) as database:
        assert sorted(database.execute("select name from runs")) == [("a",), ("b",), ("c",)]
        assert list(database.execute("select count(*) from experiments where name = ?", [EXPERIMENT])) == [(1,)]
    assert not [line for line in "\n".join(said).splitlines() if "warning" in line.lower() or "Traceback" in line]
