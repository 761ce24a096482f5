from __future__ import annotations

import json
from typing import Any

import pytest

from locomo.formats.beam import KINDS as BEAM
from locomo.kinds import LOCOMO, kinds_of


def test_what_counts_is_what_is_neither_declined_nor_apart() -> None:
    for kinds in (LOCOMO, BEAM):
        assert kinds.counted | kinds.apart | kinds.declined == set(kinds.names)
        assert not kinds.counted & kinds.declined
        assert kinds.answerable == kinds.counted | kinds.apart
    assert (LOCOMO.counted, LOCOMO.declined) == ({1, 2, 3, 4}, {5})


def test_a_summary_gives_the_kinds_back_and_one_without_them_is_locomos() -> None:
    document = {"data": {"name": "beam", "kinds": BEAM.to_json()}}
    assert kinds_of(json.loads(json.dumps(document))) == BEAM
    assert kinds_of({"data": {"name": "locomo10"}}) is LOCOMO
    assert kinds_of({}) is LOCOMO


def test_the_rule_of_an_unknown_kind_is_an_error() -> None:
    assert [LOCOMO.kind(number).rule for number in (1, 5)] == ["parts", "declines"]
    with pytest.raises(ValueError, match=r"unknown category 6; it is one of \[1, 2, 3, 4, 5\]"):
        LOCOMO.kind(6)


@pytest.mark.parametrize(
    "kinds",
    [
        [],
        "kinds",
        {},
        {"members": []},
        {"members": [{"number": 1}]},
        {"members": [{"number": True, "name": "a"}]},
        {"members": [{"number": 1, "name": "a", "rule": "guess"}]},
        {"members": [{"number": 1, "name": "a"}], "noun": 3},
        {"members": [{"number": 1, "name": "a"}], "colour": "red"},
        {"members": [{"number": 1, "name": "a"}, {"number": 1, "name": "b"}]},
    ],
)
def test_kinds_that_no_run_wrote_are_refused(kinds: Any) -> None:
    with pytest.raises(ValueError, match=r"^kinds "):
        kinds_of({"data": {"kinds": kinds}})
