"""Two processes on one run would both ask and both pay."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

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


def holding(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
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
