"""What lets the search for dates pass over most of a text may pass over nothing that is a date."""

from __future__ import annotations

import re
from collections.abc import Iterable
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from memoryqa.language.dating.english.date_words import LETTERS, PATTERN, TIME_EXPRESSION, TIME_WORDS, WORD_START


def _signs(items: Iterable[tuple[Any, Any]]) -> set[str]:
    found: set[str] = set()
    for kind, value in items:
        if kind is op.LITERAL:
            found.add(chr(value))
        elif kind is op.RANGE:
            found |= {chr(code) for code in range(value[0], value[1] + 1)}
        else:
            found.add({op.CATEGORY_DIGIT: "0", op.CATEGORY_SPACE: " "}[value])
    return found


def first_words(tree: Any, openings: set[str]) -> tuple[set[str], set[str]]:
    """The first words of what a parsed pattern matches: those that are whole, and those that may go on."""
    whole: set[str] = set()
    for kind, value in tree:
        if kind in (op.LITERAL, op.IN):
            signs = _signs(value if kind is op.IN else [(kind, value)])
            if any(not sign.isalnum() for sign in signs):
                whole |= openings
            openings = {word + sign for word in openings for sign in signs if sign.isalnum()}
        elif kind in (op.BRANCH, op.SUBPATTERN):
            ends = [first_words(branch, openings) for branch in (value[1] if kind is op.BRANCH else [value[3]])]
            whole = whole.union(*(one[0] for one in ends))
            openings = set().union(*(one[1] for one in ends))
        elif kind in (op.MAX_REPEAT, op.MIN_REPEAT):
            least, most, repeated = value
            passed = set() if least else openings
            for _ in range(min(int(most), 4)):
                ended, openings = first_words(repeated, openings)
                whole |= ended
                passed = passed | openings
            openings = passed
        else:
            assert kind in (op.ASSERT, op.ASSERT_NOT, op.AT), kind
    return whole, openings


def test_a_date_is_looked_for_at_every_word_that_one_begins_with() -> None:
    whole, openings = first_words(parser.parse(PATTERN.pattern), {""})
    words = {word for word in whole | openings if word}
    assert {"yesterday", "halloween", "twelve", "jan", "0"} <= words
    assert [word for word in words if not WORD_START.match(word)] == []


def test_what_names_a_time_has_a_digit_or_a_word_that_is_looked_up() -> None:
    whole, openings = first_words(parser.parse(TIME_EXPRESSION.pattern), {""})
    single = {word for word in whole | openings if word and not re.search(r"\d", word)}
    assert len(single) > 40
    leading = set(
        "in on since until last next this by of two three four five six seven few several couple other new past".split()
    )
    assert single - leading <= TIME_WORDS
    for phrase in (
        *("last night", "this morning", "in may", "last spring", "three days", "couple of days", "the other day"),
        *("new year", "past fri", "next thurs", "this\nevening", "by march", "a few days"),
    ):
        assert TIME_EXPRESSION.search(phrase)
        assert not TIME_WORDS.isdisjoint(LETTERS.findall(phrase)), phrase
