"""Where the words around a date look, in other languages than English: by its clause's verbs, else its sentence's."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import regex

from memoryqa.language.dating.time_spans import Which
from memoryqa.language.locales.flatten import lower
from memoryqa.language.locales.patterns import DatePatterns, date_patterns

_SENTENCE_END = regex.compile(r"[.!?\n。！？؟।]")
_ORDINAL_STOP = regex.compile(r"(?<=\d)\.")
_GAP = "·"  # no letter
_DATE = "·\N{NULL}·"  # where the date was
_CLAUSE_END = regex.compile(r"[,;:–—()،、，；：]| - ")
_NAME = regex.compile(r"(?<=[\p{L}\p{N}][ ,'’-]{1,2})\p{Lu}[\p{L}\p{M}]*")  # a capital within a sentence


@lru_cache(maxsize=2048)  # a list of dates repeats what is around them
def way(before: str, after: str, code: str) -> Which | None:
    """Whether the words before and after a date look back ("last") or ahead ("next"), by its clause, else by its
    sentence; None if neither. The date itself, and names, are no sign of tense."""
    patterns = date_patterns(code)
    clause, sentence = _verbs(before, after)
    if patterns.unclear and patterns.unclear.search(sentence):
        return None
    sign = _tense(clause, patterns)
    if sign != "next" and (own := _own_look(clause, patterns)):
        if own == "next":
            return "next"
        if _tense(sentence, patterns) in ("last", "unclear"):
            return None
    if sign is None and not (patterns.conditional and patterns.conditional.search(clause)):
        sign = _tense(sentence, patterns)
        if sign is None and patterns.ambiguous and patterns.ambiguous.search(sentence):
            return None
    if sign is None:
        return "next" if patterns.unmarked == "next" else None
    return None if sign == "unclear" else sign


@lru_cache(maxsize=2048)
def looks_back(before: str, after: str, code: str) -> bool:
    """Whether something in the sentence of a date is past."""
    return _tense(_verbs(before, after)[1], date_patterns(code)) in ("last", "unclear")


def _verbs(before: str, after: str) -> tuple[str, str]:
    """The clause that the date between them is in, and its sentence, without the date and without names."""
    before, after = map(_without_names, _sentence_of(before, after))
    clause = _CLAUSE_END.split(before)[-1] + _DATE + _CLAUSE_END.split(after, maxsplit=1)[0]
    return clause, before + _DATE + after


def _own_look(clause: str, patterns: DatePatterns) -> Literal["next", "open"] | None:
    """Where the part of the clause that the date is in looks by itself: "the concert is on Saturday" looks ahead beside
    "we bought tickets" too. "open": by a verb that is not known; None: as the rest of the sentence does."""
    if patterns.conditional and patterns.conditional.search(clause):
        return None
    before, _, after = clause.partition(_DATE)
    if patterns.conjunction:
        before, after = patterns.conjunction.split(before)[-1], patterns.conjunction.split(after, maxsplit=1)[0]
    part = before + _DATE + after
    if sign := _tense(part, patterns):
        return "next" if sign == "next" else None
    if patterns.alone and patterns.alone.search(part):
        return "next" if patterns.alone_ahead else "open"
    if part == clause and patterns.ambiguous and patterns.ambiguous.search(part):
        return None  # "nos casamos el 3 de junio, fue preciosa"
    return "open" if patterns.open and patterns.open.search(part) else None


def _tense(words: str, patterns: DatePatterns) -> Which | Literal["unclear"] | None:
    """Which way the verbs look; None where there is no sign."""
    shown = patterns.not_past.sub(_GAP, words) if patterns.not_past else words
    past, future = patterns.past.search(shown), patterns.future.search(words)
    if past and future:
        return "next" if patterns.future_wins else "unclear"
    if past:
        return "unclear" if patterns.present and patterns.present.search(words) else "last"
    return "next" if future or (patterns.present and patterns.present.search(words)) else None


def _without_names(text: str) -> str:
    """`text` in lower case, without words that have a capital inside a sentence."""
    return lower(text if text.isupper() else _NAME.sub(_GAP, text))


@lru_cache(maxsize=2048)
def is_habit(before: str, after: str, said: str, code: str) -> bool:
    """Whether the sentence of the date `said` tells what is done again and again; all in lower case."""
    before, after = _sentence_of(before, after)
    return date_patterns(code).habit.search(before + said + after) is not None


def _sentence_of(before: str, after: str) -> tuple[str, str]:
    """The sentence that the date between them is in, before it and after it."""
    before, after = _ORDINAL_STOP.sub(" ", before), _ORDINAL_STOP.sub(" ", after)
    stop = _SENTENCE_END.search(after)
    return _SENTENCE_END.split(before)[-1], after[: stop.end() if stop else len(after)]
