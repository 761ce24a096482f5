from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from format_files import JSON, check_parsed
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import num_examples

from locomo.dataset import load
from locomo.formats.longmemeval import parse_document, parse_time
from locomo.formats.records import DataError, Parsed
from locomo.split_data import splits


def item(question_id: str = "q1", **more: Any) -> dict[str, Any]:
    """A question on two sessions that are listed newest first."""
    return {
        "question_id": question_id,
        "question_type": "multi-session",
        "question": "How many kites do I have?",
        "answer": 2,
        "question_date": "2023/06/01 (Thu) 10:00",
        "haystack_session_ids": ["s2", "s1"],
        "haystack_dates": ["2023/05/20 (Sat) 02:21", "2023/05/01 (Mon) 09:00"],
        "haystack_sessions": [
            [
                {"role": "user", "content": "I got a second kite.", "has_answer": True},
                {"role": "assistant", "content": ""},
            ],
            [
                {"role": "user", "content": "I got a kite.", "has_answer": True},
                {"role": "assistant", "content": "Nice."},
            ],
        ],
        "answer_session_ids": ["s1", "s2"],
        **more,
    }


def parsed(*items: object) -> Parsed:
    return parse_document(list(items))


def test_sessions_are_in_the_order_of_their_dates_and_marked_turns_are_evidence() -> None:
    found = parsed(item())
    (conversation,), (question,) = found.conversations, found.questions
    assert [(turn.id, turn.speaker, turn.text) for turn in conversation.turns] == [
        ("D1:1", "User", "I got a kite."),
        ("D1:2", "Assistant", "Nice."),
        ("D2:1", "User", "I got a second kite."),
    ]
    assert conversation.sessions[1].time == datetime(2023, 5, 20, 2, 21)
    assert (question.id, question.gold, question.kind.name) == ("q1:0", "2", "multi_session")
    assert set(question.evidence) == {"D1:1", "D2:1"}
    assert found.notes == ("left out 1 turn with neither text nor caption: question q1, session 0, turn 2",)


def test_every_item_is_a_conversation_of_its_own_and_abs_is_to_be_declined() -> None:
    found = parsed(item(), item("q2_abs"))
    assert [one.id for one in found.conversations] == ["q1", "q2_abs"]
    assert [question.is_declined for question in found.questions] == [False, True]
    assert found.questions[1].evidence == ()


def test_what_is_missing_is_counted() -> None:
    unmarked = item("q2", haystack_sessions=[[{"role": "user", "content": "Hello."}]], haystack_dates=["soon"])
    notes = "\n".join(parsed(item("q1", answer=""), unmarked).notes)
    assert "left out 1 question that have no answer to score against: q1:0" in notes
    assert "kept 1 session without a readable date: question q2, session 0" in notes
    assert "kept 1 question without evidence: no turn is marked has_answer: q2:0" in notes


def test_a_file_is_recognised_and_split_by_seed(tmp_path: Path) -> None:
    path = tmp_path / "lme.json"
    path.write_text(json.dumps([item(f"q{number}") for number in range(4)]))
    dataset = load(path)
    assert (dataset.format, len(dataset.questions)) == ("longmemeval", 4)
    assert {split: len(ids) for split, ids in splits(dataset).items()} == {"train": 2, "val": 1, "test": 1}


def test_times_have_one_form() -> None:
    assert parse_time("2023/05/20 (Sat) 02:21") == datetime(2023, 5, 20, 2, 21)
    assert parse_time("2023/5/2") == datetime(2023, 5, 2)
    with pytest.raises(ValueError, match="month"):
        parse_time("2023/13/20 (Sat) 02:21")


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ([], "holds no question"),
        ([item(), item()], "two questions have the question_id 'q1'"),
        ([item(question_type="riddle")], "unknown question_type 'riddle'"),
        ([item(haystack_sessions=[])], "2 haystack_dates for 0 haystack_sessions"),
        ([item(haystack_sessions=[], haystack_dates=[])], "no session holds a turn"),
        ([item(question=" ")], '"question" must not be empty'),
    ],
)
def test_what_is_wrong_is_one_line(items: list[Any], reason: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_document(items)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=num_examples(100), deadline=None)
@given(st.dictionaries(st.sampled_from(list(item())), JSON, max_size=3))
def test_any_item_is_parsed_or_a_data_error(changes: dict[str, Any]) -> None:
    check_parsed(lambda: parsed(item() | changes))
