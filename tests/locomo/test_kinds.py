from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from judged_runs import answer_row

from locomo.formats.beam import KINDS as BEAM
from locomo.judging.ask import judge_one
from locomo.judging.names import JudgeName
from locomo.judging.verdicts import judges_category, summarise_verdicts
from locomo.kinds import LOCOMO, kinds_of
from memoryqa.lms.usage import measure_usage


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


class _AlwaysDeclines:
    """An abstention judge that finds every answer to decline."""

    name: JudgeName = "abstention"
    model, num_votes, prompt_digest = "m", 1, "0" * 16
    finding: bool | None = True
    votes: Sequence[tuple[bool | None, str]] = ((True, "it declines"),)

    def __call__(self, *, question: str, gold: str, answer: str) -> _AlwaysDeclines:
        return self


def test_judges_take_what_is_to_be_declined_from_the_kinds() -> None:
    by_name = {name: number for number, name in BEAM.names.items()}
    assert not judges_category("strict", by_name["abstention"], BEAM)
    assert judges_category("strict", by_name["multi_session_reasoning"], BEAM)  # its number is LoCoMo's of adversarial
    rows = []
    for kind in ("abstention", "multi_session_reasoning", "summarization"):
        answer = answer_row(by_name[kind], category=by_name[kind])
        rows.append(judge_one(_AlwaysDeclines(), answer, measure_usage, BEAM)[0])
    assert [row["verdict"] for row in rows] == ["CORRECT", "WRONG", "WRONG"]
    summary = summarise_verdicts(rows, BEAM)
    assert (summary["accuracy"], summary["n"]) == (1.0, 1)
    assert (summary["false_abstention_rate"], summary["false_abstention_questions"]) == (1.0, 2)
    assert list(summary["n_by_category"]) == list(BEAM.names.values())


def test_only_what_counts_is_in_a_judges_headline() -> None:
    by_name = {name: number for number, name in BEAM.names.items()}
    strict = _AlwaysDeclines()
    strict.name = "strict"
    answers = [answer_row(by_name[kind], category=by_name[kind]) for kind in ("knowledge_update", "summarization")]
    rows = [judge_one(strict, one, measure_usage, BEAM)[0] for one in answers]
    summary = summarise_verdicts(rows, BEAM)
    assert (summary["n"], summary["accuracy_by_category"]["summarization"]) == (1, 1.0)
