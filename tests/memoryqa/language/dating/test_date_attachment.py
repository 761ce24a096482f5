"""Dates whose verb is not the nearest one: done by others, for a coming event, in a title, counted from a feast."""

from __future__ import annotations

from datetime import datetime

import pytest

from memoryqa.language.dating.dates import resolve

WEDNESDAY = datetime(2024, 5, 15, 10, 30)


def values(text: str, said: datetime = WEDNESDAY) -> list[str]:
    return [found.value for found in resolve(text, said)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("We're having the boiler serviced on Tuesday.", "21 May 2024"),
        ("I need the report finished by Friday.", "17 May 2024"),
        ("He's getting his wisdom teeth removed on Thursday.", "16 May 2024"),
        ("I want it done by Monday.", "20 May 2024"),
        ("She wants the curtains hemmed by Sunday.", "19 May 2024"),
        ("I'd like the walls painted by Sunday.", "19 May 2024"),
        ("I had my hair cut on Friday.", "10 May 2024"),
        ("We had the roof repaired in March.", "March 2024"),
        ("I just found out the exam's on Monday.", "20 May 2024"),
        ("We heard the wedding's on Saturday.", "18 May 2024"),
        ("We ate at Anna's on Friday.", "10 May 2024"),
        ("They let me go on Monday.", "13 May 2024"),
        ("I helped my sister move on Saturday.", "11 May 2024"),
        ("We watched the boys play on Sunday.", "12 May 2024"),
        ("The event set for Saturday sold out.", "18 May 2024"),
    ],
)
def test_the_verb_that_counts_decides(text: str, value: str) -> None:
    assert values(text) == [value]


@pytest.mark.parametrize(
    "text",
    [
        "I studied all day for the exam on Friday.",
        "She practised for her recital on Sunday.",
        "I packed for the trip on Saturday.",
        "I was nervous about the interview on Monday.",
        "I registered for the marathon on Sunday.",
        "I've signed up for the race on Sunday.",
        "She enrolled in a course in September.",
        "They announced the tour in October.",
        "Got a new job starting Monday.",
        "They offered him a place beginning in August.",
        "The class on Monday was cancelled.",
        "Friday's meeting got postponed.",
        "The concert on Saturday has sold out.",
        "I baked a cake for Sunday.",
        "I asked my boss for Friday off.",
        "They gave us until Monday.",
        "She confirmed Thursday works.",
        "I'll never forget Sunday.",
        "I said Saturday.",
        "I have yoga on Tuesdays and pottery on Thursday.",
        "A week on Monday is fine.",
        "See you Monday week.",
        "I'll be there tomorrow week.",
        "Less than a month ago it broke.",
        "More than two years ago I quit.",
    ],
)
def test_a_day_of_something_else_than_the_verb_is_left_alone(text: str) -> None:
    assert values(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "Have you seen Friday the 13th?",
        "The movie Friday the 13th scared me.",
        "I was born on Friday the 13th.",
        "It happened on Friday the 13th.",
        "We binged Wednesday on Netflix.",
        "I'm reading The Man Who Was Thursday.",
        "Yesterday is my favourite Beatles song.",
        "Tomorrow Never Dies is the one with the stealth boat.",
        "Tomorrow is another day.",
        "We danced like there's no tomorrow.",
        "Friday is a great movie.",
    ],
)
def test_titles_and_sayings_have_no_day(text: str) -> None:
    assert values(text) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("We watched a film yesterday.", "14 May 2024"),
        ("She wrote the song last week.", "the week before 15 May 2024"),
        ("Yesterday Maria came by.", "14 May 2024"),
        ("Meet me at 7 PM Friday.", "17 May 2024"),
        ("We met on Friday the 10th.", "10 May 2024"),
        ("Thanks for coming on Saturday.", "11 May 2024"),
        ("Three days after Christmas we left.", "28 December 2023"),
        ("We flew home the Monday after Easter.", "1 April 2024"),
        ("Two days before Halloween he broke his leg.", "29 October 2023"),
        ("Two years ago today we met.", "15 May 2022"),
        ("A month ago today we met.", "15 April 2024"),
    ],
)
def test_days_beside_such_words_are_read(text: str, value: str) -> None:
    assert values(text) == [value]
