from __future__ import annotations

import json

import pytest

from benchmarks.silence import main


@pytest.mark.slow
def test_a_larger_least_score_makes_more_searches_silent_and_answered_ones_last(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--data", "data/sample.json", "--split", "all"]) == 0
    printed = capsys.readouterr().out
    (rows,) = json.loads(printed.splitlines()[-1])["silence"].values()
    assert "of another conversation" in printed
    assert rows["n"]["answered"] > 20
    silent = [rows[least]["silent"] for least in ("0.0", "0.3", "0.5")]
    assert silent[0]["answered"] == silent[0]["of another conversation"] == 0
    assert silent[0]["of another conversation"] < silent[1]["of another conversation"]
    assert silent[1]["answered"] < silent[1]["of another conversation"] <= silent[2]["of another conversation"]
    assert rows["0.0"]["recall"] >= rows["0.3"]["recall"]
