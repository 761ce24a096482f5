"""Resolves relative dates in a turn ("yesterday", "last Saturday", "two weeks ago") by the date of its session.

    annotate("I met her last Saturday.", datetime(2023, 5, 25))  ->  "I met her last Saturday (= 20 May 2023)."

The grammar (`memoryqa.language.date_grammar`) is small; `python -m benchmarks.temporal` compares it with dateparser.
Vague words ("recently", "soon") and words that only repeat the session's date ("today", "tonight", "this year") are not
annotated: an annotation costs about eight tokens of a small budget.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from memoryqa.language.date_grammar import HANDLERS, PATTERN, TIME_EXPRESSION, TRIGGER, fold
from memoryqa.turns import Turn

DATE_MARK = " (= "  # opens an annotation; the offline reader looks for it


@dataclass(frozen=True, slots=True)
class ResolvedDate:
    """Words that name a time: `text[start:end] == phrase`.

    value: the absolute wording, as LoCoMo's gold answers put it. first, last: the days meant, both included.
    """

    start: int
    end: int
    phrase: str
    value: str
    first: date
    last: date


def resolve(text: str, anchor: date) -> list[ResolvedDate]:
    """The relative dates in `text`, which was said on the day of `anchor`: in order, without overlap, longest wording.

    Dates outside the years 1 to 9999 are not resolved.
    """
    folded = fold(text)
    if not TRIGGER.search(folded):
        return []
    day = anchor.date() if isinstance(anchor, datetime) else anchor
    found: list[ResolvedDate] = []
    position = 0
    while match := PATTERN.search(folded, position):
        position = match.start() + 1
        try:
            span = HANDLERS[str(match.lastgroup)](match, day)  # every alternative is a named group
        except (OverflowError, ValueError):  # beyond what `date` can hold
            continue
        if span is not None:
            position = match.end()
            found.append(ResolvedDate(match.start(), position, text[match.start() : position], *span))
    return found


def annotate(text: str, anchor: date) -> str:
    """Insert ` (= VALUE)` after each relative date in `text`; nothing else changes.

    Text that contains ` (= ` was annotated before and is returned unchanged.
    """
    if DATE_MARK in text:
        return text
    parts: list[str] = []
    position = 0
    for resolved in resolve(text, anchor):
        parts += (text[position : resolved.end], f"{DATE_MARK}{resolved.value})")
        position = resolved.end
    return "".join([*parts, text[position:]])


def dated_text(turn: Turn) -> str:
    """The turn's text, annotated; unchanged when the turn's time is unknown."""
    return _annotate_on(turn.text, turn.time.date()) if turn.time else turn.text


@lru_cache(maxsize=4096)  # a compaction reads every turn several times
def _annotate_on(text: str, day: date) -> str:
    return annotate(text, day)


def has_time_expression(text: str) -> bool:
    """Whether `text` names a time: a date, month, weekday, year, duration in days or more, or a relative phrase."""
    return TIME_EXPRESSION.search(fold(text)) is not None
