"""Terms that are words only beside others, and spellings that share a term."""

from __future__ import annotations

import unicodedata

import pytest
from cpu_time import assert_linear
from hypothesis import given
from strategies import texts

from memoryqa.language.bound_terms import all_terms
from memoryqa.language.terms import terms


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("She moved to the US in May.", "us"),
        ("the US and the UK", "us"),
        ("Is US law different?", "us"),
        ("U.S. visas take long", "us"),
        ("she likes the us more than canada", "us"),
        ("He works in IT now.", "it"),
        ("an IT job", "it"),
        ("I.T. support called", "it"),
        ("WHO recommends it", "who"),
        ("according to the WHO", "who"),
        ("we listened to AM radio", "am"),
        ("moved to Portland, OR", "or"),
        ("We saw The Who live.", "who"),
        ("The Who played for hours", "who"),
        ("I watched Up with the kids", "up"),
        ("we read It twice", "it"),
        ("Have you seen Them?", "them"),
        ("her brother Will called", "will"),
    ],
)
def test_a_stop_word_that_names_something_is_a_term(text: str, term: str) -> None:
    assert term in all_terms(text)


@pytest.mark.parametrize(
    "text",
    ["Who is it?", "I AM SO, ALL OF YOU", "WHO ARE YOU", "Do it for us", "It is. Up to us.", "I do NOT", "Oh, Will do"],
)
def test_a_stop_word_that_only_opens_or_shouts_is_none(text: str) -> None:
    assert all_terms(text) == []


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("I take vitamin D", "vitamind"),
        ("vitamin d every day", "vitamind"),
        ("vitamins B and D", "d"),
        ("on to plan B!", "planb"),
        ("Plan A failed", "plana"),
        ("take bus 7", "bus7"),
        ("gate 4 is closed", "gate4"),
        ("Gate #4", "gate4"),
        ("hepatitis B shot", "hepatb"),
        ("she lives at number 9", "number9"),
        ("platform 3", "platform3"),
        ("exit C", "exitc"),
        ("room no. 5", "room5"),
        ("an x ray", "xray"),
        ("my T shirt", "tshirt"),
        ("i have 3 dogs", "3"),
    ],
)
def test_single_letters_and_digits_count_beside_their_noun(text: str, term: str) -> None:
    assert term in all_terms(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Wi-Fi", "wifi"),
        ("e-mail", "email"),
        ("E-Mails", "emails"),
        ("t-shirt", "T shirt"),
        ("X-ray", "x ray"),
        ("K-pop", "kpop"),
        ("co‑op", "coop"),
        ("check-in", "checkin"),
        ("Node.js", "nodejs"),
        ("R&D", "RD"),
        ("AT&T", "ATT"),
        ("O'Hara", "OHara"),
        ("O’Hara", "O'Hara"),
        (".NET", "dotnet"),
        ("ASP.NET", "aspnet"),
        ("covid-19", "covid19"),
        ("PS 5", "PS5"),
        ("B-12", "B12"),
        ("5kg", "5 kg"),
        ("5-kg", "5 KG"),
        ("12km", "12 km"),
        ("9am", "9 am"),
        ("2.5 l", "2.5l"),
        ("12,500", "12500"),
        ("12.500", "12500"),
        ("12 500", "12500"),
        ("12'500", "12,500"),
        ("1,234,567", "1234567"),
        ("3,5", "3.5"),
        ("+49 170 1234567", "491701234567"),
        ("555-0199", "5550199"),
        ("(555) 012 0199", "555-012-0199"),
        ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        ("4821 3077", "4821-3077"),
        ("4821-3077", "48213077"),
        ("AB-1234-X9", "AB1234X9"),
        ("AB 12 34 CD", "AB1234CD"),
        ("978-3-16-148410-0", "9783161484100"),
    ],
)
def test_spellings_of_one_thing_share_a_term(one: str, other: str) -> None:
    assert not set(all_terms(f"the {one}")).isdisjoint(all_terms(f"the {other}"))


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("C++", "c++"),
        ("C#", "c#"),
        ("F#", "f#"),
        ("c++ 11", "c++"),
        ("(C++)", "c++"),
        ("grade A+", "a+"),
        ("g++", "g++"),
    ],
)
def test_signs_that_belong_to_a_word_stay_with_it(text: str, term: str) -> None:
    assert term in terms(text)
    assert terms("C++") != terms("C#") != terms("C")


def test_words_without_a_space_between_them_are_several() -> None:
    assert terms("otters,mills:boats") == terms("otters mills boats")
    assert {"otter", "mill"} <= set(terms("otters.mills"))


@given(texts)
def test_bound_terms_do_not_depend_on_composition(text: str) -> None:
    assert all_terms(unicodedata.normalize("NFC", text)) == all_terms(unicodedata.normalize("NFD", text))
    assert all_terms(text)[: len(terms(text))] == terms(text)
    assert all(term == term.lower() and term.strip() for term in all_terms(text))


@pytest.mark.slow
@pytest.mark.parametrize(
    "run",
    [
        "a" * 200_000,
        "." * 200_000,
        "+" * 200_000,
        "'" * 200_000,
        "a." * 100_000,
        "a.b-" * 60_000,
        "1 " * 100_000,
        "1,1" * 70_000,
        "A 1 " * 60_000,
        "e.g. " * 40_000,
        "The Who " * 30_000,
        "猫" * 100_000,
        "é" * 100_000,
        "x\u0301" * 90_000,
    ],
)
def test_long_runs_take_time_that_grows_with_their_length(run: str) -> None:
    assert_linear(lambda length: all_terms(run[:length]), len(run) // 4 - 15)
