"""Two processes on one run would both ask and both pay."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from checkout import ROOT

from harness.runs import Run, RunFolderError

HOLD = """
import sys
from pathlib import Path
from harness.runs import Run
folder = Path(sys.argv[1])
run = Run.resume(folder, {"a": 1}) if (folder / "config.json").exists() else Run.create(folder, {"a": 1}, {})
print("held", flush=True)
sys.stdin.read()
"""


def holding(folder: Path, before: str = "", **pipes: Any) -> subprocess.Popen[str]:
    code = [sys.executable, "-c", before + HOLD, str(folder)]
    process = subprocess.Popen(code, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **pipes)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.slow
def test_a_run_that_another_process_works_on_is_refused_until_that_ends(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with holding(folder) as other:
        for act in (lambda: Run.resume(folder, {"a": 1}), Run.open(folder).lock, lambda: Run.create(folder, {}, {})):
            with pytest.raises(RunFolderError, match="another process is working on"):
                act()
        assert Run.open(folder).config == {"a": 1}  # reading is free, and so is a dry run
        Run.resume(folder, {"a": 1}, lock=False)
        other.kill()
    Run.resume(folder, {"a": 1})


FILES_ONLY = """
import errno, fcntl, os, stat
whole = fcntl.flock
def flock(descriptor, operation):
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        raise OSError(errno.EBADF, "Bad file descriptor")  # as NFS
    return whole(descriptor, operation)
fcntl.flock = flock
"""
NO_LOCKS = """
import errno, fcntl
def flock(descriptor, operation):
    raise OSError(errno.ENOLCK, "No locks available")
fcntl.flock = flock
"""


@pytest.mark.slow
def test_where_only_files_are_locked_a_hidden_one_is_and_is_free_after_a_kill(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    for _ in range(2):  # as a new run, and as one that is resumed after a kill
        with holding(folder, FILES_ONLY) as first:
            second = subprocess.run(
                [sys.executable, "-c", FILES_ONLY + HOLD, str(folder)], cwd=ROOT, capture_output=True, text=True
            )
            first.kill()
        assert "another process is working on" in second.stderr
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "config.json", "manifest.json"]
    Run.resume(folder, {"a": 1})


def test_a_file_system_without_locks_is_told(tmp_path: Path) -> None:
    with holding(tmp_path / "run", NO_LOCKS, stderr=subprocess.PIPE) as process:
        _, said = process.communicate("")
    assert said.count("\n") == 1
    assert "its file system has no locks" in said


def test_one_process_may_work_on_its_run_in_several_places_and_leaves_it_free(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", {"a": 1}, {})
    again = Run.resume(tmp_path / "run", {"a": 1})
    again.lock()
    del run, again
    gc.collect()
    with holding(tmp_path / "run") as other:
        other.kill()


def test_a_folder_with_a_lock_holds_no_file_of_it(tmp_path: Path) -> None:
    Run.create(tmp_path / "run", {}, {})
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["config.json", "manifest.json"]
