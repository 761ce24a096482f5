from __future__ import annotations

import json

import pytest

from benchmarks.store import costs
from benchmarks.store.costs import Row


@pytest.mark.slow
def test_it_prints_every_figure_with_what_is_to_be_reached(capsys: pytest.CaptureFixture[str]) -> None:
    assert costs.main(["--turns", "1000", "--chats", "3", "--adds", "100", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in document["rows"]}
    assert len(rows) == 17
    assert all(row["value"] > 0 for name, row in rows.items() if "chats of" not in name)
    assert rows["open 1,000 turns"]["fresh"] > 0 < rows["open 1,000 turns"]["sqlite"]
    assert {name for name, row in rows.items() if row["is_reached"] is not None} == {
        *("add, durable, p99", "index in bulk", "size of the file", "open 1,000 turns", "first search"),
        "correct a turn",
        *("3 chats of 100 turns, open", "3 chats of 100 turns, all searched"),
    }


def test_the_table_has_ratios_and_says_what_was_reached() -> None:
    rows = costs.table_of(
        [Row("size", "MB", 50, 20, most=60), Row("index", "turns/s", 4_000, 80_000, 5_000, least=5_000)]
    )
    assert rows[0] == {
        **{"": "size", "value": "50 MB", "of sqlite": "2.5", "of fresh": None, "target": "<= 60", "reached": "yes"}
    }
    assert (rows[1]["of sqlite"], rows[1]["of fresh"], rows[1]["reached"]) == ("0.05", "0.8", "no")


@pytest.mark.parametrize("flags", [["--turns", "999"], ["--chats", "-1"], ["--adds", "0"]])
def test_too_few_are_refused(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        costs.main(flags)
    assert ended.value.code == 2
    assert "must be at least" in capsys.readouterr().err
