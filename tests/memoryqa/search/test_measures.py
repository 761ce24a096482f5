"""A question for a measure finds the unit, one for a number does not look for "many": the answer seldom says so."""

from __future__ import annotations

import pytest

from memoryqa.language.question import read_query
from memoryqa.memory import AdaptiveMemory

OTHERS = (
    "The train was late again.",
    "We had soup for lunch, it was fine.",
    "She is on holiday until Monday.",
    "My brother likes the new office.",
    "The garden needs water.",
)


@pytest.mark.parametrize(
    ("told", "question"),
    [
        ("The baby came this morning, 3.1 kg.", "How much did she weigh?"),
        ("She's here, 7 lbs 2!", "How heavy is she?"),
        ("He lost two stone.", "What about his weight?"),
        ("He is 1 metre 87 now.", "How tall is he?"),
        ("It's only 12 km from us.", "What is the distance to the lake?"),
        ("Still 39.2 degrees this evening.", "What is his temperature?"),
        ("54 square metres with a balcony.", "How big is the flat?"),
        ("We did 140 kmh on the motorway.", "How fast were you?"),
        ("It was 300 quid in the end.", "What did you pay?"),
        ("About 20 euros each.", "How expensive was it?"),
    ],
)
def test_a_measure_is_found_by_its_unit(told: str, question: str) -> None:
    memory = AdaptiveMemory()
    for text in (*OTHERS, told, *OTHERS):
        memory.add(text, speaker="Ana")
    assert told in [turn.text for turn in memory.search(question, 20)]


@pytest.mark.parametrize(
    ("question", "terms"),
    [
        ("How many children does Ana have?", {"child"}),
        ("how much was the boiler?", {"boiler"}),
        ("In how many of the games did Ana play?", {"game", "play"}),
        ("How many?", {"mani"}),  # with no other word it is all that there is to look for
        ("Were there many children?", {"mani", "child"}),
        (
            "How many grey boxes of books, lamps and plates went up?",
            {"mani", "grey", "box", "book", "lamp", "plate", "go"},
        ),
    ],
)
def test_a_short_question_for_a_number_does_not_look_for_the_word(question: str, terms: set[str]) -> None:
    assert set(read_query(question, ("Ana", "Bo"), ()).terms) == terms
