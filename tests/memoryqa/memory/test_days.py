"""Days: each turn is dated by its own clock, and a question's dates are read by the day of asking."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from memoryqa import AdaptiveMemory
from memoryqa.errors import UsageError
from memoryqa.rendering import count_lines, render
from memoryqa.tokens import count_tokens
from memoryqa.turns import Turn


def turn(number: int, text: str, time: datetime | None, session: int = 1) -> Turn:
    return Turn(session, number, "Ana", text, time)


def shown(*turns: Turn) -> str:
    memory = AdaptiveMemory()
    memory.extend(turns)
    return str(memory.transcript())


LATE, NIGHT = datetime(2024, 5, 1, 23, 50), datetime(2024, 5, 2, 0, 10)


def test_a_session_that_passes_midnight_has_a_header_for_each_day() -> None:
    text = shown(turn(1, "The boat sank.", LATE), turn(2, "It sank yesterday, I mean.", NIGHT), turn(3, "Sad.", NIGHT))
    assert text.splitlines() == [
        "[D1, 1 May 2024]",
        "1 Ana: The boat sank.",
        "[D1, 2 May 2024]",
        "2 Ana: It sank yesterday (= 1 May 2024), I mean.",
        "3 Ana: Sad.",
    ]


def test_a_first_line_without_a_time_does_not_hide_the_day_of_the_others() -> None:
    text = shown(turn(1, "Hello otter.", None), turn(2, "I rowed today.", LATE), turn(3, "So did I.", None))
    assert text.splitlines()[0] == "[D1, date unknown]"
    assert text.splitlines()[2] == "[D1, 1 May 2024]"
    assert text.count("[D1") == 2


@pytest.mark.parametrize(
    "turns",
    [
        [turn(1, "one", NIGHT), turn(2, "two", LATE), turn(3, "three", NIGHT)],  # back in time
        [turn(5, "five", NIGHT), turn(2, "two", LATE), turn(7, "seven", datetime(2024, 5, 3))],  # out of order
        [turn(1, "one", LATE), turn(3, "three", NIGHT), turn(2, "two", LATE)],
        [turn(1, "one", None), turn(2, "two", LATE), turn(3, "three", None), turn(4, "four", NIGHT)],
        [turn(1, "a", LATE), turn(1, "b", NIGHT, session=2), turn(2, "c", NIGHT), turn(2, "d", None, session=2)],
    ],
)
def test_headers_of_days_are_counted_as_they_are_shown(turns: list[Turn]) -> None:
    memory = AdaptiveMemory()
    memory.extend(turns)
    lines = [brief for _, brief in memory.lines()]
    assert count_lines(lines) == count_tokens(render(lines))
    headers = [line for line in render(lines).splitlines() if line.startswith("[")]
    assert len(headers) == len(set(headers))


def test_a_search_finds_a_day_that_its_session_reached_after_midnight() -> None:
    memory = AdaptiveMemory()
    memory.add(turn(1, "The lamp broke.", datetime(2024, 3, 1), session=1))
    memory.extend([turn(1, "So late.", LATE, session=2), turn(2, "The lamp is new.", NIGHT, session=2)])
    memory.add(turn(1, "The lamp fell.", datetime(2024, 9, 1), session=3))
    assert memory.rank("What about the lamp on 2 May 2024?")[0].session == 2


def many_days() -> AdaptiveMemory:
    memory = AdaptiveMemory()
    for number, day in enumerate(range(1, 28), 1):
        memory.add(turn(1, "We painted the boat again.", datetime(2023, 9, day, 12), session=number))
    return memory


@pytest.mark.parametrize(
    ("question", "day"),
    [
        ("What did we paint on 2023-09-03?", 3),
        ("What did we paint on 2023/9/3?", 3),
        ("What did we paint on Sept. 3, 2023?", 3),
        ("What did we paint on 3.9.2023?", 3),
        ("What did we paint on 13/9/2023?", 13),
        ("What did we paint on 9/13/2023?", 13),
        ("What did we paint on the 3rd of Sept. 2023?", 3),
        ("What did we paint between 20 and 21 September 2023?", 20),
    ],
)
def test_a_day_in_any_spelling_brings_its_line_first(question: str, day: int) -> None:
    first = many_days().rank(question)[0].time
    assert first is not None
    assert first.date() == date(2023, 9, day)


@pytest.mark.parametrize(
    ("question", "asked", "day"),
    [
        ("What did we paint yesterday?", None, 26),
        ("What did we paint yesterday?", "2023-09-12", 11),
        ("What did we paint two weeks ago?", date(2023, 9, 20), 6),
        ("What did we paint on Monday?", datetime(2023, 9, 14, 9), 11),
        ("What did we paint today?", "2023-09-09", 9),
        ("What did we paint the day before yesterday?", "2023-09-09", 7),
    ],
)
def test_relative_days_in_a_question_are_read_by_the_day_of_asking(
    question: str, asked: str | date | None, day: int
) -> None:
    memory = many_days()
    first = memory.rank(question, asked=asked)[0].time
    assert first is not None
    assert first.date() == date(2023, 9, day)
    assert memory.search(question, 40, asked=asked).ids[0] == f"D{day}:1"


def test_the_conversations_own_dates_say_which_number_is_the_day() -> None:
    days = [datetime(2023, 9, 3), datetime(2023, 3, 9)]
    for habit, first in (("due 25/12/2023", days[0]), ("due 12/25/2023", days[1])):
        memory = AdaptiveMemory()
        memory.add(turn(1, habit, datetime(2022, 1, 1), session=9))
        for number, day in enumerate(days, 1):
            memory.add(turn(1, "We painted the boat.", day, session=number))
        assert memory.rank("What did we paint on 3/9/2023?")[0].time == first


def test_a_day_of_asking_that_is_no_day_is_refused() -> None:
    with pytest.raises(UsageError, match="never"):
        many_days().search("When?", asked="never")
    with pytest.raises(TypeError):
        many_days().search("When?", asked=[])  # type: ignore[arg-type]


def test_a_question_for_what_happened_finds_its_days_and_no_line_with_the_word_week() -> None:
    memory = AdaptiveMemory()
    said = ["A week of rain!", "Nothing happened.", "The cat had kittens.", "We sold the boat."]
    for number, text in enumerate(said, 1):
        memory.add(turn(1, text, datetime(2024, 3 if number < 3 else 5, 6 + number), session=number))
    found = memory.search("What happened last week?", 60, min_score=0.3, asked="2024-05-15")
    assert found.ids[:2] == ("D3:1", "D4:1")
    assert {"D1:1", "D2:1"}.isdisjoint(found.ids)
