from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryqa import AdaptiveMemory
from memoryqa.memory.selection import selector
from memoryqa.turns import Turn

PEOPLE = ("Ana", "José", "Bo")
START = datetime(2023, 5, 1, 9)


def chat() -> AdaptiveMemory:
    """90 turns of three people in 30 days, all about boats, one of each person a day."""
    memory = AdaptiveMemory(600)
    for number in range(90):
        time = START + timedelta(days=number // 3, hours=number % 3)
        memory.add(f"The boat number {number} is blue.", speaker=PEOPLE[number % 3], time=time)
    return memory


CHAT = chat()


@given(
    speakers=st.none() | st.sampled_from(PEOPLE) | st.lists(st.sampled_from(PEOPLE), max_size=2),
    since=st.none() | st.dates(date(2023, 4, 20), date(2023, 5, 20)),
    days=st.none() | st.integers(0, 20),
    scope=st.sampled_from(["all", "working"]),
)
def test_a_search_finds_those_that_are_meant_in_the_order_of_all(
    speakers: Any, since: date | None, days: int | None, scope: Any
) -> None:
    until = None if days is None else (since or date(2023, 5, 3)) + timedelta(days=days)
    names = set(PEOPLE) if speakers is None else {speakers} if isinstance(speakers, str) else set(speakers)
    wanted = [
        turn.id
        for turn in CHAT.search("Which boat is blue?", 100_000, scope=scope)
        if turn.speaker in names
        and turn.time is not None
        and (since is None or turn.time.date() >= since)
        and (until is None or turn.time.date() <= until)
    ]
    only: dict[str, Any] = {"speakers": speakers, "since": since, "until": until}
    found = CHAT.search("Which boat is blue?", 100_000, scope=scope, **only)
    assert list(found.ids) == wanted
    few = CHAT.search("Which boat is blue?", 200, scope=scope, **only)
    assert list(few.ids[:1]) == wanted[:1]
    assert set(few.ids) <= set(wanted)


@pytest.mark.parametrize("name", ["jose", "JOSÉ", "Jose\u0301", " José "])
def test_a_person_is_the_same_in_any_spelling(name: str) -> None:
    found = CHAT.search("boat", 100_000, speakers=name)
    assert {turn.speaker for turn in found} == {"José"}
    assert len(found) == 30


def test_a_kept_turn_that_is_not_meant_is_left_out() -> None:
    bo = CHAT.search("boat", speakers="Bo").ids[0]
    assert bo not in CHAT.search("boat", keep=[bo], speakers="Ana").ids
    assert CHAT.search("boat", keep=[bo], speakers="Bo").ids[0] == bo


@pytest.mark.parametrize(
    ("since", "until", "is_meant"),
    [
        ("2023-05-25", None, True),
        ("2023-05-26", None, False),
        (None, "2023-05-25", True),
        (None, "2023-05-24", False),
        (None, date(2023, 5, 25), True),
        (None, datetime(2023, 5, 25, 18, 30), True),
        (None, datetime(2023, 5, 25, 18, 29), False),
        ("2023-05-25T18:30", "2023-05-25T18:30", True),
        ("2023-05-25T18:31", None, False),
        (None, date.max, True),
    ],
)
def test_a_day_is_whole_and_a_moment_is_itself(since: Any, until: Any, is_meant: bool) -> None:
    zone = timezone(timedelta(hours=-9))  # a turn is said by its own clock
    for time in (datetime(2023, 5, 25, 18, 30), datetime(2023, 5, 25, 18, 30, tzinfo=zone)):
        meant = selector(None, since, until)
        assert meant is not None
        assert meant(Turn(1, 1, "Ana", "Hi", time)) is is_meant


def test_what_has_no_time_is_not_found_by_time() -> None:
    meant = selector(None, "2000-01-01", None)
    assert meant is not None
    assert not meant(Turn(1, 1, "Ana", "Hi", None))


@pytest.mark.parametrize(
    ("only", "error", "told"),
    [
        ({"speakers": [1]}, TypeError, "speakers must be names"),
        ({"since": "May"}, ValueError, "since 'May' is not ISO 8601"),
        ({"since": "2023-05-25", "until": "2023-05-20"}, ValueError, "since 2023-05-25 is not before until 2023-05-20"),
    ],
)
def test_what_is_no_selection_is_named(only: dict[str, Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        CHAT.search("boat", **only)
