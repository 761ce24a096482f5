from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from format_files import JSON, beam_chat, beam_messages, beam_questions, check_parsed, write_beam
from hypothesis import given, settings
from hypothesis import strategies as st

from locomo.dataset import load
from locomo.formats.beam import conversation_id, parse, parse_anchor
from locomo.formats.records import DataError, Parsed


def parsed(chat: object = None, questions: object = None) -> Parsed:
    return parse(
        {"beam-100K-1": (beam_chat() if chat is None else chat, beam_questions() if questions is None else questions)}
    )


def test_a_batch_is_a_session_and_a_message_keeps_its_id_and_the_date_of_its_anchor() -> None:
    (conversation,) = parsed().conversations
    assert [turn.id for turn in conversation.turns] == ["D1:0", "D1:1", "D1:2", "D1:3", "D2:4", "D2:5"]
    assert conversation.speakers == ("User", "Assistant")
    assert [turn.time for turn in conversation.turns] == [datetime(2024, 3, 15)] * 4 + [datetime(2024, 4, 2)] * 2
    assert conversation.sessions[1].time == datetime(2024, 4, 2)


def test_labels_are_cut_off_user_texts_alone_and_counted() -> None:
    chat = [{"batch_number": 1, "turns": [beam_messages(0, "Slow.", "I see ->-> 1,1", "No ->-> 2,N/A", "x")]}]
    chat[0]["turns"][0][0]["time_anchor"] = "May-01-2024"
    found = parsed(chat, {})
    assert [turn.text for turn in found.conversations[0].turns] == ["Slow.", "I see ->-> 1,1", "No ->-> 2,N/A", "x"]
    assert found.notes[0].startswith("cut 2 labels such as ->-> 1,1 off user turns: ")


def test_evidence_is_whatever_ids_the_nested_lists_and_objects_hold() -> None:
    by_kind = {question.id.split(":")[1]: question for question in parsed().questions}
    assert by_kind["knowledge_update"].evidence == ("D1:2", "D2:4")
    assert by_kind["information_extraction"].evidence == ("D1:3",)
    assert by_kind["preference_following"].evidence == ("D1:0",)
    assert by_kind["abstention"].evidence == ()
    assert "left out 1 evidence id that name no turn: beam-100K-1:information_extraction:0 99" in parsed().notes


def test_the_gold_is_the_answer_where_there_is_one_and_the_notes_say_where_there_is_none() -> None:
    questions = {**beam_questions(), "temporal_reasoning": [{"question": "When?", "rubric": ["soon"]}]}
    found = parsed(None, questions)
    golds = {question.id.split(":")[1]: question.gold for question in found.questions}
    assert golds["knowledge_update"] == "3 seconds"
    assert golds["summarization"] == "A parser got fast."
    assert golds["preference_following"] == "names a light one"
    assert "temporal_reasoning" not in golds
    notes = "\n".join(found.notes)
    assert "left out 1 question that have no answer to score against: beam-100K-1:temporal_reasoning:0" in notes
    assert "scored 1 question against what an answer should comply with" in notes


def test_abstention_is_declined_and_questions_on_a_whole_chat_stand_apart() -> None:
    kinds = parsed().kinds
    assert kinds.declined_names == {"abstention"}
    assert {kinds.names[number] for number in kinds.apart} == {"summarization", "event_ordering"}
    assert len(kinds.counted) == 7


@pytest.mark.parametrize("nested", [False, True])
def test_a_chat_and_a_size_are_data_sets(tmp_path: Path, nested: bool) -> None:
    for number in (10, 2):
        write_beam(tmp_path / "100K" / str(number), nested=nested)
    one, size = load(tmp_path / "100K" / "2"), load(tmp_path / "100K")
    assert (one.name, size.name, size.format) == ("beam-100K-2", "beam-100k", "beam")
    assert [chat.id for chat in size.conversations] == ["beam-100K-2", "beam-100K-10"]
    assert len(size.questions) == 2 * len(one.questions) == 10
    assert size.budgets_tokens == (1000, 2000, 4000, 8000)
    assert load(tmp_path / "100K" / "2" / "chat.json").questions == one.questions
    assert [chat.id for chat in load(tmp_path).conversations] == ["beam-100K-2", "beam-100K-10"]


def test_ids_come_from_the_names_of_folders() -> None:
    assert conversation_id("3", "500k") == "beam-500K-3"
    assert conversation_id("mine", "100K") == "beam-mine"


def test_anchors_have_one_form() -> None:
    assert parse_anchor("march-5-2024") == datetime(2024, 3, 5)
    for wrong in ("March 15, 2024", "Foo-15-2024", "February-30-2024"):
        with pytest.raises(ValueError, match=r".+"):
            parse_anchor(wrong)


@pytest.mark.parametrize(
    ("chat", "questions", "reason"),
    [
        ([], {}, "no batch holds a message"),
        ([{"batch_number": 1, "turns": [beam_messages(0, "a") * 2]}], {}, "two messages have the id 0"),
        ([{"batch_number": 1, "turns": [[{"role": "user", "id": "x", "content": "a"}]]}], {}, '"id" must be'),
        ([{"batch_number": 1, "turns": [beam_messages(0, "a", anchor="soon")]}], {}, "'soon' is not a time anchor"),
        (None, {"riddles": []}, "unknown kind 'riddles'; it is one of contradiction_resolution"),
        (None, {"abstention": [{"question": ""}]}, '"question" must not be empty'),
        (None, [], "expected an object"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(chat: Any, questions: Any, reason: str) -> None:
    with pytest.raises(DataError) as caught:
        parsed(chat, questions)
    assert reason in str(caught.value)
    assert "beam-100K-1" in str(caught.value)
    assert "\n" not in str(caught.value)


MESSAGE = st.fixed_dictionaries(
    {"id": st.integers(0, 3) | JSON, "role": st.sampled_from(["user", "assistant"]) | JSON},
    optional={"content": st.text() | JSON, "time_anchor": st.none() | JSON},
)
ASKED = st.fixed_dictionaries({"question": st.text() | JSON, "answer": JSON, "source_chat_ids": JSON})


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.fixed_dictionaries({"turns": st.lists(st.lists(MESSAGE, max_size=2) | JSON, max_size=2) | JSON}))
    | JSON,
    st.dictionaries(st.sampled_from(["abstention", "summarization", "x"]), st.lists(ASKED | JSON) | JSON) | JSON,
)
def test_any_document_is_parsed_or_a_data_error(chat: Any, questions: Any) -> None:
    check_parsed(lambda: parse({"beam-100K-1": (chat, questions)}))
