from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from locomo_files import conversation_record, question_record, turn_record

from locomo.schema import Conversation, DataError, Parsed, Question, normalise_evidence, parse, parse_time


def parse_records(*records: object) -> Parsed:
    return parse(json.dumps(records).encode())


def parse_questions(*qa: dict[str, Any]) -> tuple[Question, ...]:
    return parse_records(conversation_record(qa=list(qa))).questions


def parse_conversation(**sessions: object) -> Conversation:
    """A conversation whose `conversation` object is updated with `sessions`."""
    record = conversation_record()
    record["conversation"] |= sessions
    return parse_records(record).conversations[0]


def test_turns_carry_address_speaker_text_and_the_time_of_their_session() -> None:
    (turn, reply, *_) = parse_records(conversation_record()).conversations[0].turns
    assert (turn.id, turn.speaker, turn.text, turn.time) == (
        "D1:1",
        "Ines",
        "I planted leeks.",
        datetime(2021, 3, 2, 14, 5),
    )
    assert (reply.id, reply.speaker) == ("D1:2", "Bo")


def test_sessions_are_ordered_by_number_not_by_text() -> None:
    conversation = parse_records(conversation_record(num_sessions=12)).conversations[0]
    assert [session.number for session in conversation.sessions] == list(range(1, 13))
    assert [turn.session for turn in conversation.turns][:4] == [1, 1, 2, 2]


def test_sessions_without_turns_are_left_out_and_their_dates_not_read() -> None:
    conversation = parse_conversation(session_3_date_time="some day", session_4=[], session_5=None)
    assert [session.number for session in conversation.sessions] == [1, 2]


def test_a_turn_with_only_a_caption_is_kept_and_a_silent_one_left_out_and_counted() -> None:
    record = conversation_record()
    photo = turn_record("D1:1", "", blip_caption="a blue kite", img_url=["x"], query="kite secret")
    record["conversation"]["session_1"] = [photo, turn_record("D1:2", "  ")]
    record["qa"] = [question_record(evidence=["D1:1", "D1:2"])]
    parsed = parse_records(record)
    assert [(turn.id, turn.text, turn.caption) for turn in parsed.conversations[0].sessions[0].turns] == [
        ("D1:1", "", "a blue kite")
    ]
    assert parsed.questions[0].evidence == ("D1:1",)
    assert parsed.notes == (
        "left out 1 turn with neither text nor caption: conversation garden, session_1, turn 2",
        "left out 1 evidence id that name no turn: garden:0 'D1:2'",
    )


def test_the_image_search_query_is_not_ingested() -> None:
    conversation = parse_conversation(session_1=[turn_record("D1:1", query="kite secret", img_url=["secret.png"])])
    assert "secret" not in repr(conversation)


def test_speakers_are_those_declared_and_whoever_else_speaks() -> None:
    conversation = parse_conversation(session_2=[turn_record("D2:1", speaker="Cleo\n Marsh")])
    assert conversation.speakers == ("Ines", "Bo", "Cleo Marsh")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (["D8:6; D9:17"], ["D8:6", "D9:17"]),
        (["D:11:26"], ["D11:26"]),
        (["D30:05"], ["D30:5"]),
        (["D9:1 D4:4 D4:6"], ["D9:1", "D4:4", "D4:6"]),
        (["D1:2,D1:3", " D1:2 "], ["D1:2", "D1:3"]),
        (["D", ""], ["D"]),
        ([], []),
    ],
)
def test_malformed_evidence_is_normalised(raw: list[str], expected: list[str]) -> None:
    assert normalise_evidence(raw) == expected


def test_evidence_that_names_no_turn_is_dropped_and_counted() -> None:
    missing = [f"D9:{number}" for number in range(1, 7)]
    parsed = parse_records(conversation_record(qa=[question_record(evidence=["D1:1", "D", "D1:01", *missing])]))
    assert parsed.questions[0].evidence == ("D1:1",)
    (note,) = parsed.notes
    assert note.startswith("left out 7 evidence ids that name no turn: garden:0 'D', garden:0 'D9:1',")
    assert note.endswith(", ...")


def test_questions_are_numbered_by_their_index_and_answers_become_text() -> None:
    trap = {"question": "When did Bo plant?", "category": 5, "adversarial_answer": 7}
    first, second, third = parse_questions(question_record(), question_record(2, answer=2022), trap)
    assert [first.id, second.id, third.id] == ["garden:0", "garden:1", "garden:2"]
    assert (first.gold, second.gold, third.gold) == ("leeks", "2022", "")
    assert (third.adversarial_answer, third.evidence) == ("7", ())


def test_nothing_but_conversation_id_and_question_reaches_a_program() -> None:
    question = Question("garden:0", "garden", "What grew?", "gold words", 5, ("D1:1",), "trap words")
    assert question.inputs() == {"conversation_id": "garden", "question": "What grew?"}
    hidden = replace(question, id="garden:9", gold="", category=1, evidence=(), adversarial_answer="")
    assert hidden.inputs() == question.inputs()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1:56 pm on 8 May, 2023", datetime(2023, 5, 8, 13, 56)),
        ("12:09 am on 29 February, 2024", datetime(2024, 2, 29, 0, 9)),
        (" 12:00 PM on 1 december, 2021", datetime(2021, 12, 1, 12, 0)),
    ],
)
def test_session_times_are_read(text: str, expected: datetime) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "8 May 2023", "13:56 pm on 8 May, 2023", "1:56 pm on 30 February, 2023", "1:56 pm on 8 Mai, 2023", "1:56 pm"],
)
def test_any_other_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_time(text)


def edited(edit: Callable[[dict[str, Any]], object]) -> bytes:
    record = conversation_record()
    edit(record)
    return json.dumps([record]).encode()


TURN = turn_record("D1:1")
BAD_FILES = {
    "empty": (b" \n", ["empty"]),
    "not json": (b"[{'sample_id'", ["not JSON", "line 1"]),
    "encoding": ('[{"sample_id": "\u00e9"}]'.encode("utf-16"), ["UTF-8"]),
    "huge number": (b"[" + b"9" * 5000 + b"]", ["not JSON"]),
    "too deep": (b"[" * 200_000, ["nested"]),
    "an object": (b'{"a": 1}', ["list of conversations"]),
    "no conversation": (b"[]", ["list of conversations"]),
    "no record": (b"[3]", ["conversation number 0", "3"]),
    "repeated key": (b'[{"qa": 1, "qa": 2}]', ["'qa'", "twice"]),
    "no id": (b'[{"conversation": {}}]', ["conversation number 0", "sample_id"]),
    "id of two lines": (edited(lambda r: r.update(sample_id="a\nb")), ["conversation number 0", "sample_id"]),
    "same conversation twice": (json.dumps([conversation_record()] * 2).encode(), ["'garden'", "sample_id"]),
    "no turns": (edited(lambda r: r.update(conversation={})), ["conversation garden", "session_N"]),
    "session is text": (edited(lambda r: r["conversation"].update(session_2="hi")), ["garden, session_2", "list"]),
    "session twice": (edited(lambda r: r["conversation"].update(session_02=[])), ["session_2", "session_02"]),
    "no date": (edited(lambda r: r["conversation"].pop("session_2_date_time")), ["garden", "session_2_date_time"]),
    "bad date": (
        edited(lambda r: r["conversation"].update(session_2_date_time="2021-03-02")),
        ["garden, session_2_date_time", "'2021-03-02'", "1:56 pm on 8 May, 2023"],
    ),
    "turn is text": (edited(lambda r: r["conversation"].update(session_1=["hi"])), ["garden, session_1, turn 1"]),
    "same turn twice": (
        edited(lambda r: r["conversation"].update(session_1=[TURN, TURN])),
        ["garden, session_1, turn 2", "D1:1", "taken"],
    ),
    "no speaker": (edited(lambda r: r["conversation"]["session_1"][1].update(speaker=" ")), ["turn 2", '"speaker"']),
    "half a character": (edited(lambda r: r["conversation"]["session_1"][0].update(text="\ud83d")), ["surrogate"]),
    "questions are text": (edited(lambda r: r.update(qa="hi")), ["garden", '"qa"']),
    "unknown category": (edited(lambda r: r["qa"][0].update(category=6)), ["garden, question 0", "category 6"]),
    "boolean category": (edited(lambda r: r["qa"][0].update(category=True)), ["garden, question 0", "category"]),
    "answer is a list": (edited(lambda r: r["qa"][0].update(answer=["a"])), ["garden, question 0", '"answer"']),
    "evidence is a number": (edited(lambda r: r["qa"][0].update(evidence=[3])), ["garden, question 0", '"evidence"']),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_input_gets_one_line_that_names_the_place(case: str) -> None:
    content, fragments = BAD_FILES[case]
    with pytest.raises(DataError) as caught:
        parse(content)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 300
    assert [fragment for fragment in fragments if fragment not in message] == []


@pytest.mark.parametrize("nothing", [None, "", float("nan"), float("inf"), float("-inf")])
def test_an_answer_that_is_nothing_is_none(nothing: object) -> None:
    parsed = parse(edited(lambda r: r["qa"][0].update(answer=nothing)))  # pandas writes NaN, which Python's JSON has
    assert "garden:0" not in [question.id for question in parsed.questions]
    assert [note for note in parsed.notes if "garden:0" in note and "no answer" in note]


def test_a_question_without_an_answer_is_left_out_and_told() -> None:
    whole = parse(edited(lambda r: None))
    parsed = parse(edited(lambda r: r["qa"][0].pop("answer")))
    assert [question.id for question in parsed.questions] == [question.id for question in whole.questions[1:]]
    assert [note for note in parsed.notes if "garden:0" in note and "no answer" in note]


def test_a_turn_goes_by_its_dia_id_and_a_strange_one_is_told() -> None:
    strange = {**TURN, "dia_id": "D7:9"}
    parsed = parse(edited(lambda r: r["conversation"].update(session_2=[strange])))
    turn = next(turn for turn in parsed.conversations[0].turns if turn.id == "D7:9")
    assert turn.time is not None
    assert [note for note in parsed.notes if note.startswith("kept 1 turn whose dia_id names another session")]


def test_a_turn_without_text_is_left_out_and_told() -> None:
    parsed = parse(edited(lambda r: r["conversation"]["session_1"][1].pop("text")))
    assert len(parsed.conversations[0].turns) == len(parse(edited(lambda r: None)).conversations[0].turns) - 1
    assert [note for note in parsed.notes if "neither text nor caption" in note]


def test_a_byte_order_mark_is_no_obstacle() -> None:
    assert parse(b"\xef\xbb\xbf" + json.dumps([conversation_record()]).encode()).questions


def test_ten_thousand_turns_load_within_two_seconds() -> None:
    sessions = {
        f"session_{number}": [turn_record(f"D{number}:{turn}", f"turn {turn} " * 20) for turn in range(1, 101)]
        for number in range(1, 101)
    }
    record = conversation_record(num_sessions=100, qa=[question_record(evidence=["D100:100"])] * 1000)
    record["conversation"] |= sessions
    content = json.dumps([record]).encode()
    start_sec = time.process_time()  # of this process alone: the machine may be busy
    parsed = parse(content)
    assert time.process_time() - start_sec < 2.0
    assert len(parsed.conversations[0].turns) == 10_000
    assert parsed.questions[-1].evidence == ("D100:100",)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def parses_or_raises_one_line(content: bytes) -> None:
    try:
        parsed = parse(content)
    except DataError as error:
        message = str(error)
    else:
        known = {conversation.id: {turn.id for turn in conversation.turns} for conversation in parsed.conversations}
        assert known
        assert all(set(question.evidence) <= known[question.conversation_id] for question in parsed.questions)
        return
    assert message
    assert "\n" not in message


@given(JSON_VALUES)
def test_any_json_value_parses_or_raises_a_data_error(value: object) -> None:
    parses_or_raises_one_line(json.dumps(value).encode())


@given(st.binary(max_size=40))
def test_any_bytes_parse_or_raise_a_data_error(content: bytes) -> None:
    parses_or_raises_one_line(content)


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of every value inside `value`."""
    if isinstance(value, dict):
        return [path, *(deeper for key, inner in value.items() for deeper in places(inner, (*path, key)))]
    if isinstance(value, list):
        return [path, *(deeper for index, inner in enumerate(value) for deeper in places(inner, (*path, index)))]
    return [path]


def replaced(value: Any, path: tuple[str | int, ...], new: object) -> Any:
    """A copy of `value` with `new` at `path`, or without a change when the path is gone."""
    if not path:
        return new
    step, *rest = path
    if isinstance(value, dict) and step in value:
        return value | {step: replaced(value[step], tuple(rest), new)}
    if isinstance(value, list) and step in range(len(value)):
        return [replaced(item, tuple(rest), new) if index == step else item for index, item in enumerate(value)]
    return value


VALID = [conversation_record("one"), conversation_record("two", qa=[question_record(5), question_record(1)])]
CHANGES = st.tuples(st.sampled_from(places(VALID)), JSON_VALUES | st.sampled_from(["session_2", "D1:1", "two", "", 5]))


@pytest.mark.slow
@settings(max_examples=300)
@given(st.lists(CHANGES, max_size=3))
def test_a_valid_file_with_any_value_replaced_parses_or_raises_a_data_error(
    changes: list[tuple[tuple[str | int, ...], object]],
) -> None:
    records: Any = VALID
    for path, value in changes:
        records = replaced(records, path, value)
    parses_or_raises_one_line(json.dumps(records).encode())
