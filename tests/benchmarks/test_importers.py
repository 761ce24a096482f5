from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.importers.__main__ import main
from benchmarks.importers.exports import WRITERS, write_export
from memoryqa.importers import read


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_generated_exports_are_read_whole(name: str, tmp_path: Path) -> None:
    path = write_export(name, tmp_path, 90)
    report = read(path).scan()
    assert (report.messages, dict(report.skipped)) == (90, {})


@pytest.mark.slow
def test_the_benchmark_prints_a_row_for_each_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--messages", "400", "--format", "whatsapp", "--format", "chatgpt", "--json"]) == 0
    document = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [(row["format"], row["messages"]) for row in document["rows"]] == [("whatsapp", 400), ("chatgpt", 400)]
    assert all(row["messages_per_s"] > 0 and row["peak_mb"] > 1 for row in document["rows"])


def test_too_few_messages_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--messages", "3"]) == 2
    assert "messages must be at least 4, got 3" in capsys.readouterr().err
