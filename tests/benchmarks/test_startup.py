from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import startup
from memoryqa.errors import StoppedError

REPORT = """import time: self [us] | cumulative | imported package
import time:       100 |        100 |   encodings
import time:       200 |        900 | site
import time:        50 |         50 | memoryqa
import time:       300 |        300 |   numpy
import time:       150 |        450 | memoryqa.memory
"""


def test_times_are_read_from_pythons_report() -> None:
    assert startup.import_ms(REPORT, "memoryqa") == 0.05
    assert startup.loaded_ms(REPORT, "memoryqa") == 0.5, (
        "what was loaded before does not count, nor twice what is nested"
    )


def test_the_size_of_a_folder_counts_each_file_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1_000_000)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "b").write_bytes(b"x" * 500_000)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert startup.size_mb(tmp_path) == 1.5


def test_a_process_that_fails_stops_the_benchmark(tmp_path: Path) -> None:
    with pytest.raises(StoppedError, match=r"failed: .*No such file"):
        startup.output_of(["ls", "nowhere"], tmp_path)


@pytest.mark.slow
def test_the_document_has_every_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert startup.main(["--runs", "1"]) == 0
    document = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert document["here"].keys() == {"import_ms", "first_use_ms", "help_ms", "help_slowest_ms", "evaluate_help_ms"}
    assert 0 < document["here"]["import_ms"] <= document["here"]["first_use_ms"]
    assert document["here"]["evaluate_help_ms"] > 0
    assert document["fresh"] is None


def test_a_bad_number_of_runs_is_refused() -> None:
    with pytest.raises(SystemExit, match="2"):
        startup.main(["--runs", "0"])
