"""What `add` and `extend` take, and how sessions and numbers are assigned."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import dialogues

from memoryqa.memory import AdaptiveMemory
from memoryqa.messages import SESSION_GAP, Numbering, parse_time, text_of
from memoryqa.turns import Turn

NOON = datetime(2023, 5, 25, 12)


def added(*messages: Any, **options: Any) -> list[Turn]:
    return AdaptiveMemory(**options).extend(messages)


def said(text: str, time: Any = None, **more: Any) -> dict[str, Any]:
    return {"speaker": "Ana", "text": text, "time": time, **more}


# -- times -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        (NOON, NOON),
        (date(2023, 5, 25), datetime(2023, 5, 25)),
        ("2023-05-25", datetime(2023, 5, 25)),
        (" 2023-05-25T18:30 ", datetime(2023, 5, 25, 18, 30)),
        ("2023-05-25T18:30:00Z", datetime(2023, 5, 25, 18, 30, tzinfo=UTC)),
        ("2023-05-25 18:30:00+02:00", datetime(2023, 5, 25, 18, 30, tzinfo=timezone(timedelta(hours=2)))),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (1684990800.5, datetime(2023, 5, 25, 5, 0, 0, 500000, tzinfo=UTC)),
        (np.int64(1684990800), datetime(2023, 5, 25, 5, tzinfo=UTC)),
    ],
)
def test_a_time_is_taken_in_every_form(given: Any, expected: datetime | None) -> None:
    assert parse_time(given) == expected


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("last week", ValueError, r"time 'last week' is not ISO 8601; write it as 2023-05-25"),
        ("25/05/2023", ValueError, "is not ISO 8601"),
        (1684990800000, ValueError, "too large for seconds since 1970; divide milliseconds by 1000"),
        (float("nan"), ValueError, "is no number of seconds"),
        (True, TypeError, "time must be a datetime, .* got bool"),
        ([2023, 5, 25], TypeError, "got list"),
    ],
)
def test_a_time_that_is_none_is_one_line_with_the_fix(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse_time(given)
    memory = AdaptiveMemory()
    with pytest.raises(error, match=message):
        memory.add("hello", speaker="Ana", time=given)
    assert len(memory) == 0


# -- contents ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("plain", ("plain", "")),
        (None, ("", "")),
        ([], ("", "")),
        (["one", {"type": "text", "text": "two"}, {"type": "input_text", "text": "three"}], ("one\ntwo\nthree", "")),
        ([{"type": "image_url", "image_url": {"url": "data:"}}], ("", "image")),
        ([{"type": "text", "text": "look"}, {"type": "input_image", "alt": "a bowl"}], ("look", "a bowl")),
        ([{"type": "input_audio", "transcript": "hi there"}], ("hi there", "")),
        ([{"type": "file", "file": {"file_id": "1"}}], ("[file]", "")),
        ([{"type": "tool_result", "content": [{"type": "text", "text": "42 rows"}]}], ("42 rows", "")),
        ([{"type": "tool_result", "content": "42 rows"}, {"type": "text", "text": "ok"}], ("42 rows\nok", "")),
        ([{"type": "tool_result", "content": [{"type": "image", "alt": "a plot"}]}], ("", "a plot")),
        ([{"type": "tool_use", "input": {}}, {"type": "text", "text": None}], ("[tool_use]", "")),
    ],
)
def test_content_is_text_or_a_list_of_parts(content: Any, expected: tuple[str, str]) -> None:
    assert text_of(content) == expected


@pytest.mark.parametrize("key", ["timestamp", "time", "created_at", "date"])
def test_the_time_of_a_message_has_several_names(key: str) -> None:
    """Under a name that was not read, a message was kept without a date, and nothing said so."""
    assert AdaptiveMemory().add({"role": "user", "content": "a", key: "2023-05-25"}).time == datetime(2023, 5, 25)


@pytest.mark.parametrize("content", [5, {"text": "a"}, [5], [None], b"bytes"])
def test_content_of_another_kind_is_refused(content: Any) -> None:
    with pytest.raises(TypeError, match="content"):
        AdaptiveMemory().add({"role": "user", "content": content})


def test_the_same_message_in_three_forms_is_the_same_turn() -> None:
    turn = Turn(1, 1, "Ana", "I moved to Porto!", datetime(2023, 5, 25), "a suitcase")
    by_text, by_message = AdaptiveMemory(), AdaptiveMemory()
    assert by_text.add("I moved to Porto!", speaker="Ana", time="2023-05-25", caption="a suitcase") == turn
    parts = [{"type": "text", "text": "I moved to Porto!"}, {"type": "image", "alt": "a suitcase"}]
    message = {"role": "user", "name": "Ana", "content": parts, "timestamp": "2023-05-25"}
    assert by_message.add(message) == turn
    by_turn = AdaptiveMemory()
    by_turn.add(turn)
    assert by_text.render() == by_message.render() == by_turn.render() != ""


def test_an_argument_wins_over_what_a_dict_says_and_a_role_is_a_speaker() -> None:
    memory = AdaptiveMemory()
    message = {"role": "assistant", "content": "Done.", "timestamp": 0}
    assert memory.add(message).speaker == "assistant"
    assert memory.add(message, speaker="Bot", time="2023-05-25") == Turn(2, 1, "Bot", "Done.", datetime(2023, 5, 25))


def test_empty_fields_of_an_export_are_fields_that_are_not_given() -> None:
    message = {
        "name": "",
        "speaker": " ",
        "role": "user",
        "content": "hello",
        "timestamp": "",
        "created_at": "2023-05-25",
    }
    assert AdaptiveMemory().add(message) == Turn(1, 1, "user", "hello", datetime(2023, 5, 25))


@pytest.mark.parametrize(
    ("message", "arguments", "error", "fix"),
    [
        ("hello", {}, TypeError, "speaker is missing: add"),
        ("hello", {"speaker": " "}, TypeError, "speaker must be a name, got ' '"),
        ("hello", {"speaker": 7}, TypeError, "speaker must be a name, got 7"),
        ({"content": "hello"}, {}, TypeError, "speaker is missing"),
        ({"role": "user"}, {}, ValueError, "a chat message needs \"content\" .* this one has 'role'"),
        ({}, {}, ValueError, "this one has nothing"),
        (b"hello", {"speaker": "Ana"}, TypeError, "add takes text, a Turn or a chat message .* got bytes"),
        (None, {}, TypeError, "got NoneType"),
        (Turn(1, 1, "Ana", "hello"), {"speaker": "Ana"}, TypeError, "a Turn has its own speaker"),
        ("hello", {"speaker": "Ana", "session": "3"}, TypeError, "session must be a whole number, got str"),
        ("hello", {"speaker": "Ana", "number": True}, TypeError, "number must be a whole number, got bool"),
        ("hello", {"speaker": "Ana", "session": -1}, ValueError, "must not be negative"),
    ],
)
def test_a_wrong_argument_is_one_line_that_names_the_fix_and_adds_nothing(
    message: Any, arguments: dict[str, Any], error: type[Exception], fix: str
) -> None:
    memory = AdaptiveMemory()
    with pytest.raises(error, match=fix) as caught:
        memory.add(message, **arguments)
    assert "\n" not in str(caught.value)
    assert len(memory) == 0
    assert memory.add("hello", speaker="Ana").id == "D1:1"


# -- sessions by gaps --------------------------------------------------------------------------------------------------


def test_a_session_ends_with_the_day_and_with_a_long_pause() -> None:
    times = [
        NOON,
        NOON + SESSION_GAP,
        NOON + SESSION_GAP + timedelta(minutes=1),
        NOON + timedelta(hours=11, minutes=59),  # 23:59
        NOON + timedelta(hours=12, minutes=1),  # the next day, two minutes later
        None,
        NOON + timedelta(hours=12, minutes=3),
    ]
    ids = [turn.id for turn in added(*(said("text", time) for time in times))]
    assert ids == ["D1:1", "D1:2", "D1:3", "D1:4", "D2:1", "D2:2", "D3:1"]
    spread = [NOON.replace(hour=1), NOON.replace(hour=7, minute=1), NOON.replace(hour=7)]
    assert [turn.id for turn in added(*(said("text", time) for time in spread))] == ["D1:1", "D2:1", "D2:2"]


def test_a_date_without_a_time_of_day_joins_any_session_of_that_day() -> None:
    times = ["2023-05-25", "2023-05-25T18:30", "2023-05-25", "2023-05-25T18:40", "2023-05-26", "2023-05-26T23:00"]
    ids = [turn.id for turn in added(*(said("text", time) for time in times))]
    assert ids == ["D1:1", "D1:2", "D1:3", "D1:4", "D2:1", "D2:2"]


def test_a_message_from_before_and_one_after_undated_ones_begin_sessions_of_their_own() -> None:
    undated = [said("a"), said("b")]
    ids = [turn.id for turn in added(*undated, said("c", NOON), said("d", NOON - timedelta(days=30)))]
    assert ids == ["D1:1", "D1:2", "D2:1", "D3:1"]


def test_the_gap_is_a_choice_and_survives_saving(tmp_path: Any) -> None:
    memory = AdaptiveMemory(session_gap=timedelta(minutes=30))
    memory.extend([said("a", NOON), said("b", NOON + timedelta(minutes=31))])
    memory.save(tmp_path / "a.db")
    again = AdaptiveMemory.load(tmp_path / "a.db")
    assert again.add(said("c", NOON + timedelta(minutes=62))).id == "D3:1"
    assert again.add(said("d", NOON + timedelta(minutes=92))).id == "D3:2"


def test_explicit_sessions_and_numbers_win_and_the_next_message_follows_them() -> None:
    memory = AdaptiveMemory()
    assert memory.add("a", speaker="Ana", session=8, number=6).id == "D8:6"
    assert memory.add("b", speaker="Ana").id == "D8:7"
    assert memory.add("c", speaker="Ana", session=2).id == "D2:1"
    assert memory.add("d", speaker="Ana", time=NOON).id == "D9:1"
    assert memory.add(Turn(9, 4, "Bo", "e", NOON)).id == "D9:4"
    assert memory.add("f", speaker="Ana", time=NOON).id == "D9:5"
    with pytest.raises(ValueError, match=r"turn D9:4 is in this memory already"):
        memory.add("g", speaker="Ana", session=9, number=4)


def test_times_with_and_without_a_zone_may_follow_each_other() -> None:
    aware = NOON.replace(tzinfo=timezone(timedelta(hours=2)))
    turns = added(said("a", NOON), said("b", aware), said("c", NOON + timedelta(minutes=1)))
    assert [turn.id for turn in turns] == ["D1:1", "D1:2", "D1:3"]
    assert turns[1].time == aware


@given(dialogues())
def test_turns_go_in_as_they_are(turns: list[Turn]) -> None:
    assert added(*turns) == turns


@given(st.lists(st.one_of(st.none(), st.datetimes(datetime(2020, 1, 1), datetime(2020, 2, 1))), max_size=30))
def test_every_dated_message_of_a_session_has_the_date_of_its_first(times: list[datetime | None]) -> None:
    turns = added(*(said(f"message {place}", time) for place, time in enumerate(times)))
    assert [turn.time for turn in turns] == times
    assert len({turn.id for turn in turns}) == len(turns)
    days: dict[int, set[date]] = {}
    for turn in turns:
        if turn.time is not None:
            days.setdefault(turn.session, set()).add(turn.time.date())
    assert all(len(found) == 1 for found in days.values())


def test_extend_says_which_message_was_refused_and_keeps_those_before_it() -> None:
    memory = AdaptiveMemory()
    with pytest.raises(TypeError, match="speaker is missing") as caught:
        memory.extend([said("a"), Turn(1, 2, "Bo", "b"), "c", said("d")])
    assert caught.value.__notes__ == ["message 3 of extend(); those before it were added"]
    assert len(memory) == 2


def test_numbering_changes_nothing_until_the_turn_is_noted() -> None:
    numbering = Numbering()
    first = numbering.turn_of("a", {"speaker": "Ana"})
    assert numbering.turn_of("b", {"speaker": "Ana"}).id == first.id == "D1:1"
    numbering.note(first)
    assert numbering.turn_of("b", {"speaker": "Ana"}).id == "D1:2"
