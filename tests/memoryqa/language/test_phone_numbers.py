"""One phone number is found in any of its spellings, and what is no phone number adds nothing."""

from __future__ import annotations

import itertools

import pytest
from cpu_time import assert_linear

from memoryqa.language.bound_terms import all_terms
from memoryqa.language.phone_numbers import national_numbers
from memoryqa.memory import AdaptiveMemory

NUMBERS = {
    "912345678": ("+351 912 345 678", "912345678", "912 345 678", "00351 912345678", "(+351) 912-345-678"),
    "1701234567": ("+49 170 1234567", "0170 1234567", "0170/1234567", "+49 (0)170 1234567", "0170-1234567"),
    "7911123456": ("+44 7911 123456", "07911 123456", "07911123456", "+447911123456"),
    "2125550123": ("+1 (212) 555-0123", "(212) 555-0123", "212-555-0123", "+12125550123", "212.555.0123"),
    "612345678": ("+33 6 12 34 56 78", "06 12 34 56 78", "06.12.34.56.78", "0033612345678"),
    "9161234567": ("+7 916 123-45-67", "916 123 45 67"),
    "5321234567": ("+90 532 123 45 67", "0532 123 45 67", "0 532 123 45 67"),
}


@pytest.mark.parametrize(
    ("said", "asked"), [pair for forms in NUMBERS.values() for pair in itertools.permutations(forms, 2)]
)
def test_spellings_of_a_number_share_a_term(said: str, asked: str) -> None:
    shared = {*all_terms(f"My number is {said}, call me.")} & {*all_terms(f"Whose number is {asked}?")}
    assert any(len(term) >= 9 for term in shared)


def test_a_number_is_found_in_another_spelling() -> None:
    memory = AdaptiveMemory()
    for text in ("My new number is 0170/1234567.", "Ring the vet on 0171/7654321.", "See you at seven."):
        memory.add(text, speaker="Ute", time="2024-05-15")
    assert memory.search("Who can be called on +49 170 1234567?").ids[0] == "D1:1"


@pytest.mark.parametrize("text", ["on 01.02.2023", "at 05:30", "0.5 kg", "room 007", "2023-05-01", "24/7/365", "3 + 4"])
def test_other_numbers_are_left_alone(text: str) -> None:
    assert list(national_numbers(text)) == []


@pytest.mark.parametrize("unit", ["0 1", "+1 ", "(0) ", "01/", "+", "0", "00 ", "01-23."])
def test_long_runs_take_time_in_proportion(unit: str) -> None:
    assert_linear(lambda length: list(national_numbers((unit * length)[:length])), 25_000)
