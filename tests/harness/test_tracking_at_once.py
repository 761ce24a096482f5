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

from harness.tracking.address import one_at_a_time
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
    assert not list(tmp_path.glob("*.lock"))
    assert not [line for line in "\n".join(said).splitlines() if "warning" in line.lower() or "Traceback" in line]


def test_what_locks_a_database_is_beside_it_and_goes_with_the_last_process(tmp_path: Path) -> None:
    """Four processes count in a file, each after the others: a lock that was removed under a waiting one is no lock."""
    database, counted = tmp_path / "new" / "mlflow.db", tmp_path / "counted"
    counted.write_text("0")
    code = (
        "import pathlib, sys, time\n"
        "from harness.tracking.address import one_at_a_time\n"
        "counted = pathlib.Path(sys.argv[2])\n"
        "for _ in range(20):\n"
        "    with one_at_a_time(pathlib.Path(sys.argv[1])):\n"
        "        assert [path.name for path in pathlib.Path(sys.argv[1]).parent.iterdir()] == ['mlflow.db.lock']\n"
        "        number = int(counted.read_text())\n"
        "        time.sleep(0.001)\n"
        "        counted.write_text(str(number + 1))\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(database), str(counted)], cwd=ROOT) for _ in range(4)
    ]
    assert [process.wait(timeout=120) for process in processes] == [0] * 4
    assert counted.read_text() == "80"
    assert list(database.parent.iterdir()) == []


def test_a_database_in_a_folder_that_may_not_be_written_is_worked_on_without_a_lock() -> None:
    with one_at_a_time(Path("/proc/none/mlflow.db")):
        pass
