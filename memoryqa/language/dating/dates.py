"""Resolves relative dates in a turn ("yesterday", "last Saturday", "on Friday") by the day on which it was said.

    annotate("I met her last Saturday.", datetime(2023, 5, 25))  ->  "I met her last Saturday (= 20 May 2023)."

A wrong annotation costs more than none: where tense, mood and neighbouring words leave open which day is meant, there
is none (`memoryqa.language.dating.grammar`, `tense`). Quotes, code and links are left alone (`protected`). Vague words
("recently", "soon") and words that only repeat the session's date ("today", "tonight", "this year") are not annotated:
an annotation costs about eight tokens of a small budget. `python -m benchmarks.temporal` measures all this.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from memoryqa.language.dating.english.calendar_dates import apposed
from memoryqa.language.dating.english.date_words import (
    DIGIT,
    LETTERS,
    MONTH_NUMBERS,
    REACH,
    TIME_WORDS,
    TRIGGER_WORDS,
    WEEKDAY_NUMBERS,
    WORD_START,
)
from memoryqa.language.dating.english.protected import hide_protected, is_name
from memoryqa.language.dating.grammar import HANDLERS, PATTERN, TIME_EXPRESSION, TRIGGER, fold
from memoryqa.language.dating.time_spans import STEP, TAKEN, VALUE, TimeSpan
from memoryqa.language.locales.date_language import date_language, foreign_words
from memoryqa.language.locales.dates import find_dates, names_time
from memoryqa.language.locales.detection import plain_words
from memoryqa.turns import Turn

DATE_MARK = " (= "  # opens an annotation; the offline reader looks for it
_LOOKALIKE = re.compile(rf"\(= (?={VALUE}\))")
_MARK = re.compile(rf" \(= {VALUE}\)")


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


def resolve(text: str, anchor: date, names: Collection[str] = ()) -> list[ResolvedDate]:
    """The relative dates in `text`, which was said on the day of `anchor`: in order, without overlap, longest wording.

    names: of the people in the conversation, in lower case, so that "since June" is not read as a month where June is
    one of them; "in June" is. An annotation that is there already is read past.
    With a datetime for an anchor hours are resolved too, "an hour ago"; midnight sharp counts as a day without an hour.
    Dates outside the years 1 to 9999 are not resolved.
    """
    if says_no_date(text):
        return []
    day = anchor.date() if isinstance(anchor, datetime) else anchor
    if code := date_language(text):
        found_dates = find_dates(_without_marks(text), day, code)
        return [ResolvedDate(start, end, text[start:end], *span) for start, end, span in found_dates]
    words = plain_words(text)
    if TRIGGER_WORDS.isdisjoint(LETTERS.findall(fold(text)) if words is None else words):
        return []
    folded = fold(_without_marks(text))
    found: list[ResolvedDate] = []
    position = 0
    while trigger := TRIGGER.search(folded, position):
        match = _match_at(folded, position, trigger)
        if match is None:
            position = trigger.end()
            continue
        position = match.start() + 1
        span = _span(match, day, anchor)
        if span is None or is_name(text, match, names):
            continue
        span, position = apposed(folded, match, span)
        if span is not TAKEN:
            found.append(ResolvedDate(match.start(), position, text[match.start() : position], *span))
    return found


def says_no_date(text: str) -> bool:
    """Whether no word of `text` is part of a relative date, in any language: so in most texts, and in any part of one.

    False does not say that there is one.
    """
    words = plain_words(text)
    return words is not None and _words_of_dates().isdisjoint(words)


@lru_cache(maxsize=1)
def _words_of_dates() -> frozenset[str]:
    return TRIGGER_WORDS | foreign_words()


def _without_marks(text: str) -> str:
    """`text`, as long as before, without annotations, quotes, code and links."""
    return hide_protected(_MARK.sub(lambda mark: " " * len(mark[0]), text) if DATE_MARK in text else text)


def _match_at(folded: str, position: int, trigger: re.Match[str]) -> re.Match[str] | None:
    """The first match from `position` on that holds the trigger."""
    for start in WORD_START.finditer(folded, max(position, trigger.start() - REACH), trigger.end()):
        match = PATTERN.match(folded, start.start())
        if match is not None:
            return match
    return None


def _span(match: re.Match[str], day: date, anchor: date) -> TimeSpan | None:
    group = str(match.lastgroup)  # every alternative is a named group
    try:
        return HANDLERS[group](match, anchor if group == "hours" else day)
    except (OverflowError, ValueError):  # beyond what `date` can hold
        return None


def annotate(text: str, anchor: date, names: Collection[str] = ()) -> str:
    """Insert ` (= VALUE)` after each relative date in `text`; see `unmarked` for what else changes.

    A day and month of the year of saying have none: the header above the line shows the year.

    A date that has its annotation already keeps it, so that annotating twice is annotating once.
    """
    parts: list[str] = []
    position = 0
    for resolved in resolve(text, anchor, names):
        if _adds_only_the_year(resolved, anchor):
            continue
        mark = f"{DATE_MARK}{resolved.value})"
        parts.append(unmarked(text[position : resolved.end]))
        parts.append(mark)
        position = resolved.end + (len(mark) if text.startswith(mark, resolved.end) else 0)
    return "".join([*parts, unmarked(text[position:])])


def _adds_only_the_year(resolved: ResolvedDate, anchor: date) -> bool:
    """Whether "May 12" is of the year of saying, which the header above the line shows."""
    if not resolved.first.year == resolved.last.year == anchor.year:
        return False
    words = frozenset(LETTERS.findall(fold(resolved.phrase)))
    says_day = DIGIT.search(resolved.phrase) and not words.isdisjoint(MONTH_NUMBERS)
    return bool(says_day) and words.isdisjoint(WEEKDAY_NUMBERS) and words.isdisjoint(STEP)


def unmarked(text: str) -> str:
    """`text` with what looks like an annotation of ours closed up, `(=24 May 2023)`: no reader takes it for one.

    Only a date in parentheses looks so; `(= x 5)` in code does not.
    """
    return _LOOKALIKE.sub("(=", text) if "(= " in text else text


def dated_text(turn: Turn) -> str:
    """The turn's text, annotated by the turn's own clock; without annotations when its time is unknown."""
    return _annotate_on(turn.text, turn.time.replace(tzinfo=None)) if turn.time else unmarked(turn.text)


@lru_cache(maxsize=4096)  # a compaction reads every turn several times
def _annotate_on(text: str, moment: datetime) -> str:
    return annotate(text, moment)


def has_time_expression(text: str) -> bool:
    """Whether `text` names a time: a date, month, weekday, year, duration in days or more, or a relative phrase."""
    if code := date_language(text):
        return names_time(text, code)
    words = plain_words(text)
    if words is not None and TIME_WORDS.isdisjoint(words) and not DIGIT.search(text):
        return False
    return TIME_EXPRESSION.search(fold(text)) is not None
