from __future__ import annotations

import json

import checkout
import pytest

from benchmarks import tuning

SAMPLE = str(checkout.SAMPLE)


@pytest.mark.slow
def test_both_ways_are_measured_from_the_same_seed(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--data", SAMPLE, "--budget-tokens", "300", "--n-trials", "8", "--seeds", "0", "--spaces", "quick"]
    assert tuning.main(flags) == 0
    document = json.loads(capsys.readouterr().out.splitlines()[-1])
    (study,) = document["studies"]
    assert 0 < study["questions_wilcoxon"] <= study["questions_none"]
    assert study["best_none"] >= study["default"]
    assert document["saved"] == study["saved"] == 1 - study["questions_wilcoxon"] / study["questions_none"]


def test_bad_input_is_one_line_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert tuning.main(["--data", "gone.json"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("benchmarks.tuning: gone.json: cannot be read")
    with pytest.raises(SystemExit, match="2"):
        tuning.main(["--spaces", "huge"])
