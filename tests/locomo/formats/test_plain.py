from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from format_files import JSON, check_parsed
from hypothesis import given, settings
from hypothesis import strategies as st

from locomo.dataset import load
from locomo.formats.plain import parse
from locomo.formats.records import DataError, Parsed

MESSAGES = [
    {"speaker": "Ana", "text": "I moved to Porto.", "time": "2024-03-02T10:15", "id": "m1"},
    {"role": "user", "content": "Nice!", "timestamp": "2024-03-02T10:20", "id": 2},
    {"speaker": "Ana", "text": "My cat came too.", "time": "2024-03-09T08:00"},
]
QUESTIONS: list[dict[str, Any]] = [
    {"question": "Where does Ana live?", "answer": "Porto", "evidence": ["m1"], "kind": "facts"},
    {"question": "Who came too?", "answer": "her cat", "evidence": ["D2:1", "m9"], "kind": "facts"},
    {"question": "What is the cat's name?", "declined": True},
]


def parsed(messages: object = MESSAGES, questions: object = QUESTIONS) -> Parsed:
    return parse({"messages": messages, "questions": questions}, "mine")


def test_sessions_come_from_pauses_and_evidence_from_the_ids_of_messages_or_turns() -> None:
    found = parsed()
    assert [(turn.id, turn.speaker) for turn in found.conversations[0].turns] == [
        ("D1:1", "Ana"),
        ("D1:2", "user"),
        ("D2:1", "Ana"),
    ]
    assert found.conversations[0].sessions[1].time == datetime(2024, 3, 9, 8)
    assert [question.evidence for question in found.questions] == [("D1:1",), ("D2:1",), ()]
    assert found.notes == ("left out 1 evidence id that name no turn: mine:1 'm9'",)


def test_kinds_are_the_questions_own_and_a_declined_one_is_scored_as_such() -> None:
    found = parsed()
    assert list(found.kinds.names.values()) == ["facts", "declined"]
    assert found.kinds.declined_names == {"declined"}
    assert [question.is_declined for question in found.questions] == [False, False, True]


def test_messages_may_name_their_conversation_session_and_number() -> None:
    messages = [{**one, "conversation": name, "session": 7} for name in ("a", "b") for one in MESSAGES[:2]]
    found = parsed(messages, [{"question": "Where?", "answer": "Porto", "evidence": ["m1"], "conversation": "b"}])
    assert [one.id for one in found.conversations] == ["a", "b"]
    assert found.questions[0].conversation_id == "b"
    assert found.questions[0].evidence == ("D7:1",)


@pytest.mark.parametrize("ending", [".json", ".jsonl", ".csv"])
def test_the_three_ways_to_write_messages_are_the_same(tmp_path: Path, ending: str) -> None:
    rows = [{"speaker": one.get("speaker", "user"), "text": one.get("text", "Nice!")} for one in MESSAGES]
    times = ["2024-03-02T10:15", "2024-03-02T10:20", "2024-03-09T08:00"]
    rows = [{**row, "time": time, "id": f"m{place}"} for place, (row, time) in enumerate(zip(rows, times, strict=True))]
    texts = {
        ".json": json.dumps(rows),
        ".jsonl": "\n".join(map(json.dumps, rows)),
        ".csv": "Speaker;Text;Time;Id\n" + "\n".join(";".join(row.values()) for row in rows),
    }
    (tmp_path / f"mine{ending}").write_text(texts[ending], encoding="utf-8")
    (tmp_path / "mine.questions.csv").write_text("question,answer,evidence\nWhere?,Porto,m0 m2\n", encoding="utf-8")
    dataset = load(tmp_path / f"mine{ending}")
    assert (dataset.name, dataset.format) == ("mine", "plain")
    assert [turn.id for turn in dataset.conversations[0].turns] == ["D1:1", "D1:2", "D2:1"]
    assert dataset.questions[0].evidence == ("D1:1", "D2:1")
    before = dataset.sha256
    (tmp_path / "mine.questions.csv").write_text("question,answer\nWhere?,Porto\n", encoding="utf-8")
    assert load(tmp_path / f"mine{ending}").sha256 != before


def test_lines_and_tables_are_read_as_the_importers_read_them(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    first = '{"speaker": "Ana", "text": "one\u2028two"}\n'
    path.write_text(first * 2, encoding="utf-8")
    assert [turn.text for turn in load(path).conversations[0].turns] == ["one\u2028two"] * 2
    path.write_text(first + '\n{"speaker": "Ana", "text"\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"mine\.jsonl: line 3: not JSON"):
        load(path)
    path.write_text(first + '{"text": "a", "text": "b"}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"line 2: the key 'text' stands twice"):
        load(path)
    table = tmp_path / "mine.csv"
    table.write_text("Speaker|Text\nAna|hi\n", encoding="utf-8")
    assert [turn.text for turn in load(table).conversations[0].turns] == ["hi"]


def test_questions_are_optional() -> None:
    assert parse(MESSAGES, "mine").questions == ()


@pytest.mark.parametrize(
    ("messages", "questions", "reason"),
    [
        ([], [], "no message holds text"),
        ([{"text": "Hello."}], [], "message 0: speaker is missing"),
        ([{"speaker": "Ana"}], [], 'message 0: a chat message needs "content"'),
        ([{"speaker": "Ana", "text": "a", "time": "soon"}], [], "message 0: time 'soon' is not ISO 8601"),
        (
            [{"speaker": "A", "text": "a", "id": "x"}, {"speaker": "A", "text": "b", "id": "x"}],
            [],
            "has the id 'x', too",
        ),
        ([{"speaker": "A", "text": "a", "session": 1, "number": 1}] * 2, [], "has session 1 and number 1, too"),
        (MESSAGES, [{"question": "Who?", "answer": "x", "conversation": "z"}], "there is no conversation 'z'"),
        (MESSAGES, [{"question": "Who?", "declined": "maybe"}], '"declined" must be true or false'),
        (
            MESSAGES,
            [{"question": "a", "kind": "k", "declined": True}, {"question": "b", "kind": "k", "answer": "x"}],
            "kind 'k' is declined in one question and not in another",
        ),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(messages: Any, questions: Any, reason: str) -> None:
    with pytest.raises(DataError) as caught:
        parsed(messages, questions)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


FIELDS = ["speaker", "text", "content", "role", "time", "id", "session", "number", "caption", "conversation", "tags"]
ASKED = ["question", "answer", "kind", "declined", "evidence", "conversation"]


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=4) | JSON) | JSON, max_size=3) | JSON,
    st.lists(st.dictionaries(st.sampled_from(ASKED), st.text(max_size=4) | JSON) | JSON, max_size=2) | JSON,
)
def test_any_document_is_parsed_or_a_data_error(messages: Any, questions: Any) -> None:
    check_parsed(lambda: parsed(messages, questions))
    check_parsed(lambda: parsed([*MESSAGES, *(messages if isinstance(messages, list) else [])], questions))
