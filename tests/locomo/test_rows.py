"""Checking rows that were read from files against the shapes that are written."""

from __future__ import annotations

from typing import Any

import checkout
import pytest

from locomo.asking import Finding, ask_for_answer, ask_for_evidence
from locomo.questions import choose
from locomo.rows import AnswerRow, ScoredRow, SearchRow, VerdictRow, json_types, problem_of

SAMPLE = str(checkout.SAMPLE)


def asked_row(**more: Any) -> dict[str, Any]:
    (question,) = choose(SAMPLE, split="all", num=1).questions
    row, _ = ask_for_answer("p", lambda **inputs: type("Answer", (), {"answer": "a kite"})(), question)
    return {**row, **more}


def test_what_asking_writes_is_what_readers_expect() -> None:
    (question,) = choose(SAMPLE, split="all", num=1).questions
    found, _ = ask_for_evidence("p", lambda **inputs: Finding(("D1:1",), 9), question, budgets_tokens=(10,))
    assert problem_of(asked_row(), AnswerRow) is None
    assert problem_of(found, SearchRow) is None
    assert set(asked_row()) == set(json_types(AnswerRow))
    assert set(found) == set(json_types(SearchRow))


@pytest.mark.parametrize(
    ("row", "kind", "problem"),
    [
        ([], AnswerRow, " is not a JSON object"),
        (asked_row(f1="1.0"), AnswerRow, ": 'f1' must be int or float, found str"),
        (asked_row(hops="two"), AnswerRow, ": 'hops' must be int or NoneType, found str"),
        (asked_row(), ScoredRow, " has no 'score'"),
        ({"verdict": "MAYBE"}, VerdictRow, ": 'verdict' must be 'CORRECT' or 'WRONG' or 'UNREADABLE', found 'MAYBE'"),
    ],
)
def test_a_row_that_is_none_is_described_in_words_that_follow_its_place(row: Any, kind: type, problem: str) -> None:
    assert problem_of(row, kind, None if kind is not VerdictRow else ("verdict",)) == problem
