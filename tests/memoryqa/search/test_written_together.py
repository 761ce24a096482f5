"""Words that are written together, signs that join letters, emoji, and questions with no word but a plain verb."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from memoryqa import AdaptiveMemory
from memoryqa.language.bare_verbs import answering_terms
from memoryqa.language.lexicon.emoji import emoji_in, named_emoji
from memoryqa.language.terms import terms_within

FILL = [
    "The weather is nice today.",
    "I had pasta for lunch.",
    "We should clean the garage.",
    "My boss is annoying again.",
    "Did you sleep well?",
    "The train was late.",
    "I need new shoes.",
    "The neighbours are loud.",
]
START = datetime(2024, 5, 1, 9)


def first(question: str, *lines: str) -> str:
    memory = AdaptiveMemory()
    for number, text in enumerate([*FILL, *lines, *FILL]):
        speaker = "Tom" if text in lines or number % 2 else "Ann"
        memory.add(text, speaker=speaker, time=START + timedelta(hours=number))
    return memory.rank(question)[0].text


@pytest.mark.parametrize(
    ("line", "question"),
    [
        ("Look at #WeekendVibes pictures.", "weekend pictures"),
        ("Posting this with #WeekendVibes!", "What was tagged vibes?"),
        ("I renamed getUserName in the service.", "user name in the service"),
        ("We fixed parseHTTPResponse at last.", "http response parsing"),
        ("I use YouTube for that.", "you tube"),
        ("Our PlayStation broke.", "play station"),
        ("She loves M&M's more than anything.", "M&Ms"),
        ("They had many Q&As at the end.", "Q&A"),
        ("My AT&T bill is huge.", "Which phone company, AT&T?"),
        ("They play R&B at the bar.", "R&B music"),
        ("We danced rock'n'roll till dawn.", "rock n roll"),
        ("D&D night was a blast.", "When is D&D?"),
        ("Here it is 🎉🎉", "Who sent 🎉?"),
        ("This 🐱 is mine", "the cat emoji"),
        ("Nice 👍🏽", "thumbs up emoji"),
        ("Nice 👍🏽", "who sent a 👍"),
        ("With ❤️ to all of you", "heart emoji"),
        ("From 🇵🇹 with greetings", "🇵🇹"),
        ("Tom adores chess.", "What does Tom like?"),
        ("I bought a kayak.", "What does Tom have?"),
        ("My girlfriend Eve says hi.", "Who is Tom seeing?"),
    ],
)
def test_a_line_is_found(line: str, question: str) -> None:
    assert first(question, line) == line


def test_the_exact_form_comes_first() -> None:
    exact, parts = "I renamed getUserName in there.", "The user wrote the name in there, get it."
    assert first("getUserName", parts, exact) == exact
    assert first("getUserName", exact, parts) == exact


@pytest.mark.parametrize("name", ["McCoy", "LeBron", "DiCaprio", "PhD", "iPhone", "LaTeX", "aBcDeFgH", "OK", "Anna"])
def test_a_name_is_not_cut_at_its_capitals(name: str) -> None:
    assert list(terms_within(f"so {name} it is")) == []


def test_no_word_longer_than_a_name_is_cut() -> None:
    assert list(terms_within("abcDef" * 1_000)) == []


def test_signs_that_are_no_emoji_are_none() -> None:
    assert emoji_in("plain") == emoji_in("© ™ ® 1 # * é 猫") == []
    assert emoji_in("👩‍🚀 and 👍🏽👍") == ["👩", "🚀", "👍"]


def test_emoji_are_named_only_where_a_question_says_emoji() -> None:
    assert named_emoji("Who made a fire?", ["fire"]) == []
    assert "🔥" in named_emoji("Who sent the fire emoji?", ["fire", "emoji"])


@pytest.mark.parametrize(
    "question",
    [
        "What did Tom do?",
        "What does Jon tell Ann he would never do?",
        "What music does Tom like?",
        "What does Tom like about it?",
        "Like what?",
        "What is it like to live there?",
    ],
)
def test_a_question_with_other_words_is_left_alone(question: str) -> None:
    assert answering_terms(question) == []
