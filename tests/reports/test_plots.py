"""The PNG files beside a report: they are there, they are pictures with something on them, and nothing stays open."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import matplotlib.image
import pytest
from checkout import ROOT
from run_folders import answer_row, garden_run, write_run

from harness.runs import RunFolderError
from reports.plots import write_plots

pytestmark = pytest.mark.slow

ALL = ["evidence.png", "f1_by_category.png", "latency.png", "prompt_tokens.png"]


def names(paths: list[Path]) -> list[str]:
    return sorted(path.name for path in paths)


def test_a_run_has_four_plots_with_something_on_them(tmp_path: Path) -> None:
    ci95 = {"f1_by_category": {"temporal": [0.25, 1.0]}}
    paths = write_plots(garden_run(tmp_path / "run", ci95=ci95))
    assert names(paths) == ALL
    for path in paths:
        picture = matplotlib.image.imread(path)
        assert picture.shape[:2] == (675, 1200)
        inside = picture[80:-100, 150:-50, :3]
        assert len({tuple(colour) for colour in inside.reshape(-1, 3)[::7]}) > 5, path


def test_what_was_not_measured_has_no_plot(tmp_path: Path) -> None:
    rows = [answer_row("memory", "a:1", gold_evidence_ids=[], lm_calls_cached=2)]
    assert names(write_plots(write_run(tmp_path / "run", rows))) == ["f1_by_category.png", "prompt_tokens.png"]


def test_odd_program_names_are_drawn_as_they_are(tmp_path: Path) -> None:
    rows = [answer_row(name, "a:1") for name in ("$x", "$x$", "_hidden", "a_b^c", "<b>")]
    assert names(write_plots(write_run(tmp_path / "run", rows))) == ALL


def test_drawing_uses_no_global_state_and_warns_of_nothing(tmp_path: Path) -> None:
    run_dir = garden_run(tmp_path / "run")
    code = "import sys; from pathlib import Path; from reports.plots import write_plots; write_plots(Path(sys.argv[1]))"
    code += "; assert 'matplotlib.pyplot' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", code, str(run_dir)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="is not a run folder"):
        write_plots(tmp_path)
    assert list(tmp_path.iterdir()) == []
