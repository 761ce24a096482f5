"""A question that opens politely is the question without its opening."""

from __future__ import annotations

import pytest

from memoryqa.language.question import Asking, read_query

OPENINGS = (
    "Do you remember",
    "do you still know",
    "Could you tell me",
    "Hey, can you please remind me",
    "Please tell me",
    "I'd like to know",
    "I forgot",
    "Sorry, I can't remember",
    "I was wondering",
    "Any idea",
)
QUESTIONS = ("where the vet is?", "when Ana sold the boat", "who brought the cake")


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("opening", OPENINGS)
def test_an_opening_changes_nothing(opening: str, question: str) -> None:
    asking = Asking(owner="Bo")
    plain = read_query(question, ("Ana", "Bo", "Cleo"), {2024}, asking=asking)
    asked = read_query(f"{opening} {question}", ("Ana", "Bo", "Cleo"), {2024}, asking=asking)
    assert asked.terms == plain.terms
    assert asked.named == plain.named  # "tell me" names nobody


@pytest.mark.parametrize(
    ("question", "terms"),
    [
        ("Do you remember?", {"rememb"}),  # with no other word it is all that there is to look for
        ("I don't know the code", {"know", "code"}),
        ("What do you remember of the trip?", {"rememb", "trip"}),
        ("Did Ana tell me the code?", {"tell", "code"}),
    ],
)
def test_the_same_words_elsewhere_are_the_questions_own(question: str, terms: set[str]) -> None:
    assert set(read_query(question, ("Ana", "Bo"), {2024}).terms) == terms


def test_the_asker_may_still_be_asked_about() -> None:
    asking = Asking(owner="Bo")
    for question in ("Could you tell me when my operation is?", "Do you remember where I parked?"):
        assert read_query(question, ("Ana", "Bo", "Cleo"), {2024}, asking=asking).named == {"Bo"}
