"""Answers "when" questions with the date that the best sentence names, else with the date on which it was said.

Relative dates are already resolved in the evidence, as in `last Friday (= 14 July 2023)`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from memoryqa.language.dating.time_spans import VALUE, YEAR
from memoryqa.offline_reader.ranking import MONTH_PATTERN, Ranking, Sentence, nearness
from memoryqa.turns import MONTHS

Unit = Literal["day", "month", "year"]

_RESOLVED = re.compile(rf"(?P<words>[^()]{{0,40}}?)\(= (?P<value>{VALUE})\)")
SHORT_MONTHS = "|".join([*(month[:3] for month in MONTHS if len(month) > 3), "Sept"])
_ABSOLUTE = re.compile(
    rf"\b(?:\d{{1,2}}(?:st|nd|rd|th)?(?: of)? (?:{MONTH_PATTERN})\b(?:,? \d{{4}})?"
    rf"|(?:{MONTH_PATTERN}) \d{{1,2}}(?:st|nd|rd|th)?\b(?:,? \d{{4}})?|(?:{MONTH_PATTERN}),? \d{{4}}"
    rf"|\d{{1,2}}(?:st|nd|rd|th)? (?:{SHORT_MONTHS})\b\.?(?:,? \d{{4}})?"
    rf"|(?:{SHORT_MONTHS})\.? \d{{1,2}}(?:st|nd|rd|th)?\b(?:,? \d{{4}})?"
    r"|(?:19|20)\d\d-[01]\d-[0-3]\d|(?:in|since) (?:19|20)\d\d)\b"
)
_WEEKDAY = re.compile(r"\b(?P<before>next |this )?(?P<day>(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)\s*$", re.I)
_PLAIN_DAY = re.compile(rf"\d{{1,2}} (?:{MONTH_PATTERN}) \d{{4}}")
_MONTHYEAR = re.compile(rf"\b(?:{MONTH_PATTERN}) \d{{4}}\b")
_FUTURE_WORDS = re.compile(r"\b(?:next|tomorrow|this|in (?:\w+ )?\w+ (?:days|weeks|months))\s*\S*\s*$", re.I)
_THIS = re.compile(r"\bthis\s+\S*\s*$", re.I)
_FUTURE_QUESTION = re.compile(r"\b(?:will|plan|plans|planning|planned|going to|is \w+ \w+ing)\b")

_AHEAD_QUESTION = re.compile(
    r"\bwhen(?:['’]s| is| are| does| do| will| shall)\b|\b(?:what|which) (?:day|date) (?:is|does|do|will)\b", re.I
)
_OVER_QUESTION = re.compile(r"\bwhen did\b", re.I)
_NAMES_A_DATE, _RESOLVED_DATE, _RIGHT_TENSE = 0.25, 0.25, 0.15
_ABOUT_ALL, _SESSION_AHEAD, _FARTHER = 0.3, 0.4, 0.3


def asked_unit(question: str) -> Unit:
    """The precision that the question asks for: `which month`, `what year`, else the day."""
    match = re.search(r"\b(?:what|which) (year|month)\b", question, re.I)
    unit = match[1].lower() if match else "day"
    return "year" if unit == "year" else "month" if unit == "month" else "day"


@dataclass(frozen=True, slots=True)
class _Tense:
    """What a question's wording says of the time it asks for. `ahead`: "when is", "when does"; `over`: "when did"."""

    future: bool
    ahead: bool
    over: bool


def answer_when(ranking: Ranking) -> tuple[str, Sentence] | None:
    """The date asked for and the sentence that gives it; None when there is no date."""
    question = ranking.question
    future = bool(_FUTURE_QUESTION.search(question))
    over = bool(_OVER_QUESTION.search(question)) and not future  # "when did they plan to" is not over
    tense = _Tense(future, bool(_AHEAD_QUESTION.search(question)), over)
    best: tuple[float, str, Sentence] | None = None
    for sentence in ranking.sentences:
        if sentence.is_caption:
            continue
        for bonus, value in _dates(ranking, sentence, tense):
            if best is None or sentence.score + bonus > best[0]:
                best = (sentence.score + bonus, value, sentence)
    if best is None:
        return None
    return _to_unit(best[1], asked_unit(ranking.question)), best[2]


def _dates(ranking: Ranking, sentence: Sentence, tense: _Tense) -> list[tuple[float, str]]:
    """(bonus, wording) of each date in the sentence; the session's date when the sentence names none that fits."""
    text, session_date = sentence.tokens.text, sentence.line.date
    resolved, named = list(_RESOLVED.finditer(text)), list(_ABSOLUTE.finditer(text))
    places = {one: one.end("words") for one in resolved} | {one: one.start() for one in named}
    near = {one: nearness(sentence.tokens, place, ranking.stems) for one, place in places.items()}
    found: list[tuple[float, str]] = []
    misfits = 0
    for match in resolved:
        value = match["value"]
        is_later_day = _is_later(value, session_date)
        is_later = is_later_day or bool(_FUTURE_WORDS.search(match["words"]))
        fits = tense.future or (tense.ahead and is_later_day)
        bonus = _RESOLVED_DATE + _RIGHT_TENSE * (is_later if fits else -is_later)
        bonus -= _SESSION_AHEAD * (tense.ahead and value.endswith(session_date) and value != session_date)
        if (
            tense.over and is_later and not _THIS.search(match["words"])
        ):  # what is still to come is asked about only where the words are beside it
            bonus -= _FARTHER * (1 - near[match])
            misfits += 1
        else:
            bonus -= _FARTHER * (max(near[one] for one in resolved) - near[match])
        found.append((bonus, _as_annotated(match["words"], value, session_date)))
    if len(found) > misfits:
        return found
    if not resolved:
        for match in named:
            farther = max(near.values()) - near[match]
            found.append((_NAMES_A_DATE + _ABOUT_ALL * sentence.overlap - _FARTHER * farther, match[0]))
    if YEAR.search(session_date):  # not "date unknown"
        found.append((-_SESSION_AHEAD * tense.ahead, session_date))
    return found


def _as_annotated(words: str, value: str, session_date: str) -> str:
    """Word a past weekday as LoCoMo's annotators do: "The Friday before 15 July 2023" instead of 14 July 2023.

    This gives +0.03 token F1 on the training split's 127 "when" questions.
    """
    match = _WEEKDAY.search(words)
    if match is None or match["before"] or not _PLAIN_DAY.fullmatch(value) or _is_later(value, session_date):
        return value
    return f"The {match['day'].capitalize()} before {session_date}"


def _is_later(value: str, session_date: str) -> bool:
    """Whether the day `value` comes after the session's; False where either is no day."""
    resolved, said = _read_day(value), _read_day(session_date)
    return resolved is not None and said is not None and resolved > said


def _read_day(text: str) -> date | None:
    if not _PLAIN_DAY.fullmatch(text):
        return None
    day, month, year = text.split()
    try:
        return date(int(year), MONTHS.index(month) + 1, int(day))
    except ValueError:
        return None


def _to_unit(value: str, unit: Unit) -> str:
    match = _MONTHYEAR.search(value) if unit == "month" else YEAR.search(value) if unit == "year" else None
    return match[0] if match else value
