"""One word under several spellings: numbers and units, prefixes of Semitic words, umlauts as two letters, names."""

from __future__ import annotations

import pytest

from memoryqa.language.names import find_mentions
from memoryqa.language.question import read_query
from memoryqa.memory import AdaptiveMemory


def found(said: str, asked: str) -> bool:
    """Whether a question finds a message by its words."""
    memory = AdaptiveMemory()
    for text in (said, "Nothing else to say about this.", "Bitte warten.", "そうだね", "Ну ладно"):
        memory.add(text, speaker="Bob", time="2024-05-15")
    evidence = memory.search(asked, 300)
    scores = dict(zip(evidence.ids, evidence.scores, strict=True))
    return evidence.ids[0] == "D1:1" and bool(scores["D1:1"])


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("The invoice was for 12,500 euros.", "Who paid 12500?"),
        ("The invoice was for 12.500 Euro.", "12,500"),
        ("He earns 60k a year.", "60000"),
        ("He earns 60k a year.", "60,000"),
        ("She has 1.5k fans.", "1500"),
        ("The meeting is at 7:30pm.", "7:30"),
        ("The meeting is at 7:30.", "7:30pm"),
        ("Version v2.0.1 is out.", "2.0.1"),
        ("Version 2.0.1 is out.", "v2.0.1"),
        ("It weighs 5kg.", "5 kg"),
        ("My order number is 123-4567890-1234567.", "12345678901234567"),
        ("Call me at (555) 123-4567.", "5551234567"),
        ("My IBAN is DE89 3704 0044 0532 0130 00.", "DE89370400440532013000"),
        ("Mail me at jane.doe@example.com.", "jane doe"),
        ("See https://www.example.org/recipes/lemon-tart?x=1 for it.", "lemon tart"),
        ("Flight LH 456 is late.", "LH456"),
        ("My plate is B-MW 1234.", "BMW1234"),
        ("The co-worker left.", "coworker"),
        ("$1,200.50 in total", "1200.50"),
        ("½ cup of sugar", "1/2 cup"),
        ("H₂O", "H2O"),
    ],
)
def test_numbers_units_and_codes(said: str, asked: str) -> None:
    assert found(said, asked)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("والكتاب على الطاولة", "كتاب"),
        ("فالولد نام", "ولد"),
        ("بالسيارة ذهبنا", "سيارة"),
        ("للمدرسة", "مدرسة"),
        ("وبالقطار", "القطار"),
        ("والحديقة جميلة", "حديقة"),
        ("הלכתי לבית הספר", "בית ספר"),
        ("וכשהכלב נבח", "כלב"),
        ("נסענו מהמכונית", "מכונית"),
        ("בחתונה שלהם", "החתונה"),
        ("ראינו את השכנים", "לשכנים"),
    ],
)
def test_letters_before_arabic_and_hebrew_words(said: str, asked: str) -> None:
    assert found(said, asked)


def test_father_and_mother_in_arabic_keep_their_first_letters() -> None:
    assert not found("والدتي هنا", "الدتي")


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("I met Jose in Zuerich.", "Zürich"),
        ("I met Jose in Zürich.", "Were you in Zuerich?"),
        ("Müller hat angerufen.", "Mueller"),
        ("Mueller hat angerufen.", "Müller"),
        ("Ich war bei Familie Schroeder.", "Wer war bei Schröder?"),
        ("Die Tuer ist zu.", "Welche Tür ist zu?"),
        ("Wir essen Kaese.", "Käse"),
    ],
)
def test_umlauts_as_two_letters(said: str, asked: str) -> None:
    assert found(said, asked)


@pytest.mark.parametrize(
    ("speaker", "named"), [("Jürgen", "Juergen"), ("Juergen", "Jürgen"), ("Bärbel Koch", "Baerbel")]
)
def test_a_speaker_is_named_in_either_spelling(speaker: str, named: str) -> None:
    assert [one.speakers for one in find_mentions(f"What did {named} say?", (speaker, "Ana"))] == [frozenset({speaker})]


@pytest.mark.parametrize(
    "question", ["What is blue?", "Does Ana like poems?", "Are the shoes true to size?", "Quelle?"]
)
def test_english_words_have_no_other_spelling(question: str) -> None:
    assert read_query(question, ("Ana",), (2024,)).others == ()
