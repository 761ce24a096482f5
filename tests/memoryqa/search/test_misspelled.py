"""A misspelled word of a question is found as what was said; a word that English has is not taken for another one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_ranking import DAY, Reference, index_of, is_slip

from memoryqa.config import RankingConfig
from memoryqa.language.near_spellings import may_be_misspelled, near_spellings
from memoryqa.memory import AdaptiveMemory
from memoryqa.turns import Turn

OTHERS = ("The train was late again.", "We had soup for lunch.", "The garden needs water.", "Monday is fine.")


@pytest.mark.parametrize(
    ("told", "question"),
    [
        ("The wifi password is on the fridge.", "wifi pasword?"),
        ("Her birthday is on 9 May.", "when is her birhtday"),
        ("The boiler makes that noise.", "what about the boiller"),
        ("Kenji from Nordbank called.", "who is Kenjii"),
        ("The restaurant opens at six.", "when does the resturant open"),
        ("The restaurant opens at six.", "when does the restaurent open"),
        ("We met Kowalczyk at the door.", "who met Kowalzyk"),
    ],
)
def test_a_misspelled_word_finds_what_was_said(told: str, question: str) -> None:
    memory = AdaptiveMemory()
    for text in (*OTHERS, told, *OTHERS[::-1]):
        memory.add(text, speaker="Ana")
    assert told in [turn.text for turn in memory.search(question, 22)]
    assert memory.search(question, min_score=0.3)  # which finds nothing where nothing came up


@pytest.mark.parametrize("word", ["horse", "grand", "angel", "form", "müller", "2024", "fal212"])
def test_a_word_that_is_one_is_not_misspelled(word: str) -> None:
    assert not may_be_misspelled(word)


def test_the_form_that_was_said_most_is_meant() -> None:
    said = ("Kowalski came.", "Kowalska came.", "Kowalska left.")
    turns = [Turn(1, number, "Ines", text, DAY) for number, text in enumerate(said, 1)]
    scores = index_of(turns).score(["Kowalsk"])
    assert scores[1] > scores[0]


def test_a_misspelled_word_is_not_taken_for_a_speaker() -> None:
    turns = [Turn(1, 1, "Kowalski", "Hello there, lads.", DAY), Turn(1, 2, "Bo", "Kowalski, come!", DAY)]
    assert index_of(turns).score(["Kowlski"]).tolist() == pytest.approx(index_of(turns).score(["Qxzzvw"]).tolist())


@given(st.text("abcn", min_size=5, max_size=9), st.text("abcn", min_size=4, max_size=10))
def test_near_spellings_are_those_a_slip_away(term: str, other: str) -> None:
    assert (other in set(near_spellings(term)) - {term}) == (other != term and is_slip(term, other))


@pytest.mark.parametrize(
    "question", ["wifi pasword", "who is Kenjii", "birhtday and pasword of Ines", "Bo's restaurent"]
)
def test_scores_of_misspelled_questions_are_those_of_the_reference(question: str) -> None:
    said = ("The wifi password, Bo.", "Kenji has a birthday.", "The restaurant is full of restaurants.", "Passwords!")
    turns = [Turn(1, number, ("Ines", "Bo")[number % 2], text, DAY) for number, text in enumerate(said, 1)]
    expected = Reference(turns, RankingConfig()).score([question])
    assert index_of(turns).score([question]).tolist() == pytest.approx(expected, abs=1e-9)
