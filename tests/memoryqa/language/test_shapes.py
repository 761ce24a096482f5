"""Links, addresses and numbers are found by what they are, though nobody calls them so."""

from __future__ import annotations

import pytest

from memoryqa.language.shapes import IBAN, LINK, MAIL, PHONE, shapes_asked, shapes_in
from memoryqa.memory import AdaptiveMemory


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("see https://forms.example.org/x", [LINK]),
        ("on www.example.org", [LINK]),
        ("write to jo.k+x@example.org", [MAIL]),
        ("Jo: 0151 555 0172", [PHONE]),
        ("+49 69 5550 1834 or jo@example.org", [MAIL, PHONE]),
        ("AT61 1904 3002 3457 3201, reference 7", [IBAN]),
        ("to DE02120300000000202051", [IBAN]),
        ("on 12.05.2026 at 10:30, 1,250 euros, room 412", []),
        ("@Ana the build 2.3.1 is red, see FAL-2121", []),
        ("a // b, user@host", []),
    ],
)
def test_a_shape_is_seen(text: str, shapes: list[str]) -> None:
    assert list(shapes_in(text)) == shapes


@pytest.mark.parametrize(
    ("question", "shapes"),
    [
        ("plumber phone", [PHONE]),
        ("What's Jo's number?", [PHONE]),
        ("her new number", [PHONE]),
        ("Wie ist die Handynummer von Jo?", [PHONE]),
        ("what was the link to the form", [LINK]),
        ("email of the plumber", [MAIL]),
        ("iban?", [IBAN]),
        ("which room number", []),
        ("what is the number of guests", []),
    ],
)
def test_a_question_asks_for_a_shape(question: str, shapes: list[str]) -> None:
    assert shapes_asked(question) == shapes


@pytest.mark.parametrize(
    ("told", "question"),
    [
        ("Ask Petrov, 0151 555 0172, he is good.", "plumber phone"),
        ("Here you go: https://example.org/s/91", "what was the link?"),
        ("Write to mk@example.org please.", "What is the email address?"),
        ("Send it to AT61 1904 3002 3457 3201", "iban"),
    ],
)
def test_a_question_finds_what_nobody_calls_by_its_name(told: str, question: str) -> None:
    memory = AdaptiveMemory()
    for text in ("The train was late again.", "We had soup.", "See you at 10.", told, "It was 12 euros.", "Fine."):
        memory.add(text, speaker="Ana")
    assert told in [turn.text for turn in memory.search(question, 40)]


def test_what_has_a_shape_stays_found_after_a_correction() -> None:
    memory = AdaptiveMemory()
    for text in ("The train was late again.", "We had soup.", "Ask Petrov.", "The garden needs water."):
        memory.add(text, speaker="Ana")
    [turn] = [turn for turn in memory.search("Petrov", 200) if "Petrov" in turn.text]
    memory.correct(turn.id, "Ask Petrov, 0151 555 0172.")
    assert "0151 555 0172" in str(memory.search("phone", 36))
