from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from format_files import JSON, chat_record, chat_turn, check_parsed, write_realtalk
from hypothesis import given, settings
from hypothesis import strategies as st

from locomo.dataset import load
from locomo.formats.realtalk import conversation_id, find_evidence, parse, parse_time, recognises
from locomo.formats.records import DataError, Parsed


def parsed(**more: Any) -> Parsed:
    return parse({"Chat_2_Kim_Lee.json": chat_record(**more)})


def test_turns_are_numbered_by_the_list_they_are_in_and_keep_their_own_times() -> None:
    first, second = parsed().conversations[0].sessions
    assert [turn.id for turn in (*first.turns, *second.turns)] == ["D1:1", "D1:2", "D1:3", "D2:1", "D2:2"]
    assert first.turns[1].time == datetime(2023, 12, 29, 22, 43)
    assert (second.time, second.turns[1].speaker) == (datetime(2024, 1, 2, 9), "lee")
    assert (first.turns[2].text, first.turns[2].caption) == ("Red.", "a red boat")


def test_evidence_is_translated_and_what_names_no_turn_is_counted() -> None:
    found = parsed()
    assert [question.evidence for question in found.questions] == [("D1:1", "D1:3"), ("D2:1",), ()]
    assert [question.id for question in found.questions] == ["rt-2:0", "rt-2:1", "rt-2:2"]
    notes = "\n".join(found.notes)
    assert "numbered anew 4 turns whose dia_id is not its session and place in it" in notes
    assert "left out 1 evidence id that name no turn: rt-2:2 'D9:9'" in notes
    assert "kept 1 question none of whose evidence ids names a turn: rt-2:2" in notes


@pytest.mark.parametrize(
    ("raw", "found", "missing"),
    [
        (["D5:12;D5:16"], ["a", "c"], []),
        (["D5:12-D5:16"], ["a", "b", "c"], []),
        (["D5:13 – D6:1"], ["b", "c", "d"], []),
        (["D5:12-16"], ["a", "b", "c"], []),
        (["D6:1."], ["d"], []),
        (["d6:1", "D6:01"], ["d"], []),
        (["", " "], [], []),
        (["D5:12, D17;39"], ["a"], ["D17", "39"]),
        (["D7:1-D7:9"], [], ["D7:1-D7:9"]),
    ],
)
def test_evidence_is_written_in_several_ways(raw: list[str], found: list[str], missing: list[str]) -> None:
    addresses = {(5, 12): "a", (5, 13): "b", (5, 16): "c", (6, 1): "d"}
    assert find_evidence(raw, addresses) == (found, missing)


def test_a_range_of_a_thousand_million_numbers_takes_no_time() -> None:
    started = time.process_time()
    assert find_evidence(["D1:1-D999999999:999999999"], {(5, 1): "a"}) == (["a"], [])
    assert time.process_time() - started < 1


def test_a_turn_without_a_readable_time_is_dated_by_its_session() -> None:
    turns = [chat_turn("D1:1", "Hello.", time="some day"), chat_turn("D1:2", "", time="29.12.2023, 22:50:00")]
    found = parsed(session_1=turns, qa=[])
    assert found.conversations[0].turns[0].time == datetime(2023, 12, 29, 22, 42, 4)
    assert found.notes[:2] == (
        "dated by its session 1 turn without a readable time of its own: chat rt-2, session_1, turn 1",
        "left out 1 turn with neither text nor caption: chat rt-2, session_1, turn 2",
    )


def test_a_folder_is_one_data_set_in_the_order_of_the_chats_and_other_files_are_noted(tmp_path: Path) -> None:
    folder = write_realtalk(tmp_path / "rt", (10, 9, 2))
    (folder / "queries.json").write_text("{}")
    dataset = load(folder)
    assert (dataset.name, dataset.format) == ("realtalk", "realtalk")
    assert [one.id for one in dataset.conversations] == ["rt-2", "rt-9", "rt-10"]
    assert dataset.notes[-1] == "left out queries.json: no chat"
    assert list(dataset.kinds.names.values()) == ["multi_hop", "temporal", "commonsense"]
    (folder / "queries.json").unlink()
    assert load(folder).sha256 == dataset.sha256
    (folder / "Chat_2_Kim_Lee.json").write_text(json.dumps(chat_record(qa=[])))
    assert load(folder).sha256 != dataset.sha256


def test_ids_come_from_the_names_of_files() -> None:
    assert (conversation_id("Chat_2_Kim_Lee.json"), conversation_id("mine.json")) == ("rt-2", "rt-mine")


def test_times_have_one_form() -> None:
    assert parse_time(" 29.12.2023, 22:42:04 ") == datetime(2023, 12, 29, 22, 42, 4)
    for wrong in ("29.13.2023, 22:42:04", "29.12.2023", "29.12.2023, 25:00:00", "2023-12-29"):
        with pytest.raises(ValueError, match=r".+"):
            parse_time(wrong)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"session_1": [chat_turn("one", "Hello.")]}, "dia_id 'one' is not of the form D1:1"),
        ({"session_1": [chat_turn("D1:1", "a"), chat_turn("D1:1", "b")]}, "is taken by another turn"),
        ({"session_1": {}}, "expected a list"),
        ({"session_1": [], "session_2": []}, "no session_N holds a turn"),
        ({"session_01": []}, "are the same session"),
        ({"qa": [{"question": "Why?", "answer": "x", "category": 9}]}, "unknown category 9; it is one of [1, 2, 3]"),
        ({"qa": [{"question": " ", "answer": "x", "category": 1}]}, '"question" must not be empty'),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(more: dict[str, Any], reason: str) -> None:
    with pytest.raises(DataError) as caught:
        parsed(**more)
    assert reason in str(caught.value)
    assert "rt-2" in str(caught.value)
    assert "\n" not in str(caught.value)


TURNS = st.lists(
    st.fixed_dictionaries(
        {"dia_id": st.sampled_from(["D1:1", "D1:2", "D2:1", "x"]) | JSON, "speaker": st.just("Kim") | JSON},
        optional={"clean_text": st.text() | JSON, "date_time": st.text() | JSON, "blip_caption": JSON},
    ),
    max_size=3,
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(JSON, TURNS | JSON, st.lists(JSON | st.fixed_dictionaries({"question": st.text(), "category": JSON})) | JSON)
def test_any_document_is_parsed_or_a_data_error(time_text: Any, turns: Any, questions: Any) -> None:
    document = {"session_1": turns, "session_1_date_time": time_text, "qa": questions}
    assert recognises(document)
    check_parsed(lambda: parse({"Chat_1_A_B.json": document}))
