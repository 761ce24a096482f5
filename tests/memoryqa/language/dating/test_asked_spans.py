"""Days that a question counts back from the day of asking, and quarters of a year."""

from __future__ import annotations

from datetime import date

import pytest

from memoryqa.language.dating.english.question_dates import read_windows
from memoryqa.language.question import Asking, read_query

ASKED = date(2024, 5, 15)  # a Wednesday


def windows(text: str) -> list[tuple[date, date]]:
    return [(window.first, window.last) for window in read_windows(text, (2024,), ASKED)]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("What did I do in the last three days?", date(2024, 5, 12), ASKED),
        ("What did he say over the past two weeks?", date(2024, 5, 1), ASKED),
        ("Who came in the past 10 days?", date(2024, 5, 5), ASKED),
        ("What did we cook during the last few days?", date(2024, 5, 11), ASKED),
        ("What did we cook these past couple of weeks?", date(2024, 5, 1), ASKED),
        ("What did we talk about since Monday?", date(2024, 5, 13), ASKED),
        ("What have I bought since last Friday?", date(2024, 5, 10), ASKED),
        ("What did I do so far this year?", date(2024, 1, 1), date(2024, 12, 31)),
        ("What happened in Q1 2023?", date(2023, 1, 1), date(2023, 3, 31)),
        ("How were sales in Q3?", date(2024, 7, 1), date(2024, 9, 30)),
        ("What did we plan for the last quarter of 2024?", date(2024, 10, 1), date(2024, 12, 31)),
    ],
)
def test_a_question_names_days(text: str, first: date, last: date) -> None:
    assert windows(text) == [(first, last)]


@pytest.mark.parametrize(
    "text",
    [
        "Who scored in the first quarter?",
        "What is the Q5 about?",
        "When did we last meet?",
        "What did the last three guests say?",
    ],
)
def test_what_names_no_days(text: str) -> None:
    assert windows(text) == []


def test_the_words_of_a_count_are_not_searched() -> None:
    asking = Asking(asked=ASKED)
    assert read_query("What did I bake in the last three days?", ("Ana",), (2024,), asking=asking).terms == ("bake",)


def test_without_a_day_of_asking_a_count_names_nothing() -> None:
    assert read_windows("What did I do in the last three days?", (2024,)) == []
