"""Days that a question counts back from the day of asking ("in the last three weeks"), and quarters of a year."""

from __future__ import annotations

import calendar
import re
from collections.abc import Collection, Iterator
from datetime import date

from memoryqa.language.dating.english.date_words import NUMBER_WORDS
from memoryqa.language.dating.time_spans import shift

Span = tuple[date, date]

_COUNT = rf"(?P<count>\d{{1,2}}|{'|'.join(NUMBER_WORDS[2:])}|few|couple(?: of)?)"
_COUNTED = re.compile(
    rf"\b(?:(?:in|over|during|for|within|from)\s+)?(?:(?:the|these)\s+)?(?:last|past|previous)\s+{_COUNT}\s+"
    r"(?P<unit>day|week|month|year)s\b",
    re.I,
)
_VAGUE = {"few": 4, "couple": 2, "couple of": 2}
_QUARTER = re.compile(
    r"\b(?:q(?P<number>[1-4])|(?:the\s+)?(?P<which>first|second|third|fourth|last)\s+quarter)"
    r"(?:(?:\s+of)?[ /-]*(?P<year>(?:19|20)\d\d))?(?!\w)",
    re.I,
)
_NAMES = ("first", "second", "third", "fourth", "last")


def counted_back(text: str, asked: date) -> Iterator[tuple[Span, tuple[int, int]]]:
    """First and last day of "the past two weeks" and the like, and where the words are in `text`."""
    for match in _COUNTED.finditer(text):
        said = " ".join(match["count"].lower().split())
        count = int(said) if said.isdigit() else _VAGUE.get(said) or NUMBER_WORDS.index(said)
        if count:
            yield (shift(asked, -count, match["unit"].lower()).first, asked), match.span()


def quarters(text: str, years: Collection[int]) -> Iterator[tuple[Span, tuple[int, int]]]:
    """First and last day of "Q1 2024" and "the last quarter of 2023", in each of `years` where there is none."""
    for match in _QUARTER.finditer(text):
        if match["which"] and not match["year"]:
            continue  # "the first quarter" of a game
        number = int(match["number"]) if match["number"] else min(_NAMES.index(match["which"].lower()), 3) + 1
        month = 3 * number
        for year in (int(match["year"]),) if match["year"] else sorted(years):
            yield (date(year, month - 2, 1), date(year, month, calendar.monthrange(year, month)[1])), match.span()
