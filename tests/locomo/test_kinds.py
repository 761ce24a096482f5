from __future__ import annotations

from typing import Any

import pytest

from locomo.formats.beam import KINDS as BEAM
from locomo.kinds import LOCOMO, Kinds, kinds_of


def test_what_counts_is_what_is_neither_declined_nor_apart() -> None:
    for kinds in (LOCOMO, BEAM):
        assert kinds.counted | kinds.apart | kinds.declined == set(kinds.names)
        assert not kinds.counted & kinds.declined
        assert kinds.answerable == kinds.counted | kinds.apart
    assert (LOCOMO.counted, LOCOMO.declined) == ({1, 2, 3, 4}, {5})


def test_a_summary_gives_the_kinds_back_and_one_without_them_is_locomos() -> None:
    document = {"data": {"name": "beam", "kinds": BEAM.to_json()}}
    assert kinds_of(document).members == BEAM.members
    assert kinds_of({"data": {"name": "locomo10"}}) is LOCOMO
    assert kinds_of({}) is LOCOMO


def test_the_rule_of_an_unknown_kind_is_an_error() -> None:
    assert [LOCOMO.rule(number) for number in (1, 5)] == ["parts", "declines"]
    with pytest.raises(ValueError, match=r"unknown category 6; it is one of \[1, 2, 3, 4, 5\]"):
        LOCOMO.rule(6)


@pytest.mark.parametrize(
    "kinds",
    [
        [],
        "kinds",
        [{"number": 1}],
        [{"number": True, "name": "a", "rule": "tokens", "is_apart": False}],
        [{"number": 1, "name": "a", "rule": "guess", "is_apart": False}],
        [*Kinds(BEAM.members[:1]).to_json()] * 2,
    ],
)
def test_kinds_that_no_run_wrote_are_refused(kinds: Any) -> None:
    with pytest.raises(ValueError, match=r"^kinds "):
        kinds_of({"data": {"kinds": kinds}})
