"""The grammar behind `language.dates`: which words name a time relative to a session, and which days they mean.

`PATTERN` is scanned once over a folded turn. Each of its alternatives has the name of a handler in `HANDLERS`, which
turns the match into a `TimeSpan`, or into None when the words around it show that it is no date ("my last week here").
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

from memoryqa.language.time_spans import (
    HOLIDAYS,
    SEASON_FIRST_MONTH,
    WEEKDAYS,
    TimeSpan,
    Which,
    holiday,
    one_day,
    recurring,
    same_weekday,
    season,
    shift,
    week,
    weekend,
    whole_month,
    whole_year,
)
from memoryqa.turns import MONTHS, format_date

NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
).split()
_VAGUE_COUNTS = {
    "couple": (2, 3),
    "few": (2, 5),
    "several": (3, 7),
}  # the least and the most that each is taken to mean
_WHICH: dict[str, Which] = {"this past": "last", "past": "last", "this coming": "next", "last": "last", "next": "next"}
_STEP = {"last": -1, "this": 0, "next": 1}

# ------------------------------------------------------------------ the words; a space stands for any white space

_MONTH = rf"(?:{'|'.join(MONTHS).lower()})"
_WEEKDAY = rf"(?:{'|'.join(WEEKDAYS).lower()})"
_SHORT_WEEKDAY = r"(?:mon|tues?|wed|thurs?|fri|sat|sun)"
_PART = r"(?: (?:morning|afternoon|evening|night)\b)?"
_SEASON = rf"(?:{'|'.join(SEASON_FIRST_MONTH)})"
_COUNT = rf"(?:\d{{1,3}}|(?:a )?couple(?: of)?|(?:a )?few|several|an?|{'|'.join(NUMBER_WORDS[1:])})"
_ABOUT = r"(?:(?:about|around|over|almost|nearly|roughly|like) )?"
_CLAUSE_ENDS = (
    r"(?=\s*(?:[.,!?;:)-]|$)| (?:and|but|so|after|before|at|with|for|in|to|when|because|i|we|he|she|they|it)\b)"
)
_ALTERNATIVES = {
    "near_day": rf"(?:the )?day before yesterday|(?:the )?day after tomorrow|(?:yesterday|tomorrow){_PART}"
    r"|last night|the other (?:day|night)",
    "named": rf"(?P<which>last|next|this past|this coming|this|past(?= weekend)) (?P<name>weekend|week|month|year"
    rf"|{_SEASON}|{_WEEKDAY}{_PART}|{_MONTH}|{'|'.join(HOLIDAYS)}|{_SHORT_WEEKDAY})\b(?! of\b|-)",
    "ago": rf"(?P<ago_count>{_COUNT}) (?P<ago_unit>day|weekend|week|month|year)s? "
    r"(?:ago|back(?! (?:to|in|at|from|home|up|on)\b))",
    "lasting": rf"(?P<for>for (?:the (?:past|last) )?)?{_ABOUT}(?P<lasting_count>{_COUNT}) "
    r"(?P<lasting_unit>week|month|year)s?(?P<now> now)?",
    "ahead": rf"in {_ABOUT}(?P<ahead_count>{_COUNT}) (?P<ahead_unit>day|week|month|year)s?(?:'? time)?",
    "on_weekday": rf"on (?P<weekday>{_WEEKDAY}){_PART}(?! (?:morning|afternoon|evening|night)s)",
    "on_ordinal": rf"on the (?P<ordinal>\d{{1,2}})(?:st|nd|rd|th){_CLAUSE_ENDS}",
    "in_month": rf"(?P<preposition>back in|in|since|until|by) (?P<month>{_MONTH})\b(?!,? \d| of\b|-)",
}
PATTERN = re.compile(
    rf"\b(?:{'|'.join(f'(?P<{name}>{words})' for name, words in _ALTERNATIVES.items())})(?:'s)?\b".replace(" ", r"\s+")
)
# Every match of PATTERN contains one of these. Most turns contain none, and this test is five times faster.
TRIGGER = re.compile(
    r"\b(?:yesterday|tomorrow|last|next|past|coming|other|days?|weeks?|weekends?|months?|years?|new\s+year"
    rf"|on\s+the(?=\s+\d)|{_WEEKDAY}|{_MONTH}|{_SEASON}|christmas|halloween|thanksgiving|valentine)(?![a-z])"
)
TIME_EXPRESSION = re.compile(
    rf"\b(?:yesterday|today|tonight|tomorrow|{_WEEKDAY}s?|ago|weeks?|weekends?|months?|years?|summer|winter|last\s+night"
    r"|this\s+(?:morning|afternoon|evening)|january|february|april|june|july|august|september|october|november|december"
    r"|(?:in|on|since|until|last|next|this|by|of|\d)\s+(?:may|march|spring|fall|autumn)|(?:may|march)\s+\d+"
    r"|(?:19|20)\d\d|\d\d?(?:st|nd|rd|th)|(?:\d|two|three|four|five|six|seven|few|several|couple|couple\s+of)\s+days"
    r"|other\s+day|christmas|halloween|thanksgiving|easter|new\s+year"
    rf"|(?:last|next|past)\s+{_SHORT_WEEKDAY})\b"
)

# ------------------------------------------------------------------ the words around a match

_SENTENCE_END = re.compile(r"[.!?\n]")
_FUTURE = re.compile(
    r"\b(?:will|going to|gonna|plans?|planning|hope|hoping|hopefully|want to|can't wait|looking forward|let's|see you"
    r"|excited (?:for|to|about)|upcoming|coming up)\b"
    r"|(?:'ll|(?:'re|'m|is|are|am) (?:going|meeting|leaving|starting|having|taking|visiting|flying|moving|hosting))\b"
)
_PERFECT = re.compile(r"\b(?:have|has|haven't|hasn't|been)\b|'ve\b")
_NOT_PERFECT = re.compile(r"(?<!'ve )(?<!have )(?<!has )\bhad\b|'d\b|\bwill have\b|\bago\b")
_ENDS_IN_DETERMINER = re.compile(r"\b(?:the|my|our|your|their|his|its|every|each|very|these|this)\s+$")
_ENDS_IN_NUMBER = re.compile(r"(?:\b(?:or|to|and|half)\s+|[\d.,/–-])$")  # "two or three years ago", "2-3 years ago"
_ENDS_IN_SEEMS = re.compile(r"\blike\s+(?:(?:it was|only|just)\s+)*$")  # "it feels like just yesterday"
_ENDS_IN_RATE = re.compile(r"\b(?:once|twice|times?)\s+$")  # "once in a week", "the first time in two years"


def fold(text: str) -> str:
    """`text` in lower case with straight apostrophes and every character in its place, as the patterns here read it."""
    return text.replace("İ", "i").lower().replace("’", "'")  # lower() would make İ two characters


def _just_before(match: re.Match[str]) -> str:
    return match.string[max(0, match.start() - 24) : match.start()]


def _sentence(match: re.Match[str]) -> tuple[str, str]:
    """The rest of the sentence before and after the match, as far as a clause may reach."""
    before = match.string[max(0, match.start() - 160) : match.start()]
    after = match.string[match.end() : match.end() + 160]
    return _SENTENCE_END.split(before)[-1], _SENTENCE_END.split(after)[0]


def _is_future(match: re.Match[str]) -> bool:
    return any(_FUTURE.search(part) for part in _sentence(match))


def _read_count(words: str) -> tuple[int, int]:
    """The least and the most that a count means: `three` -> (3, 3), `a few` -> (2, 5)."""
    tokens = words.split()
    for vague, limits in _VAGUE_COUNTS.items():
        if vague in tokens:
            return limits
    word = tokens[-1]
    count = 1 if word in ("a", "an") else int(word) if word.isdigit() else NUMBER_WORDS.index(word)
    return count, count


# ------------------------------------------------------------------ from words to days


def _near_day(match: re.Match[str], day: date) -> TimeSpan | None:
    words = match["near_day"].split()
    if "other" in words:
        return TimeSpan(f"a few days before {format_date(day)}", day - timedelta(5), day - timedelta(2))
    if words[0] == "yesterday" and _ENDS_IN_SEEMS.search(_just_before(match)):
        return None
    offset = 2 if "day" in words else 1
    return one_day(day + timedelta(offset if "tomorrow" in words else -offset))


def _named(match: re.Match[str], day: date) -> TimeSpan | None:
    said, name = " ".join(match["which"].split()), " ".join(match["name"].split())
    which = _WHICH.get(said, "this")
    if said != "past" and _ENDS_IN_DETERMINER.search(_just_before(match)):
        return None
    if name == "week":
        return week(which, day)
    if name == "weekend":
        return weekend(which, day)
    if name == "month":
        return whole_month(day.year, day.month + _STEP[which])
    if name == "year":  # the header above the line shows which year "this" is
        return None if which == "this" else whole_year(day.year + _STEP[which])
    if name in SEASON_FIRST_MONTH:
        return recurring(which, day, lambda year: season(name, year))
    if name in HOLIDAYS:
        return recurring(which, day, lambda year: holiday(name, year))
    if name.capitalize() in MONTHS:
        month = MONTHS.index(name.capitalize()) + 1
        return None if (said, name) == ("this", "may") else recurring(which, day, lambda year: whole_month(year, month))
    if said == "this" and not name.split()[0].endswith("day"):  # "this sun is hot"
        return None
    return same_weekday(which, day, [weekday[:3].lower() for weekday in WEEKDAYS].index(name[:3]))


def _ago(match: re.Match[str], day: date) -> TimeSpan | None:
    count, unit = " ".join(match["ago_count"].split()), match["ago_unit"]
    least, most = _read_count(count)
    if _ENDS_IN_NUMBER.search(_just_before(match)):
        return None
    if unit == "weekend":
        latest, back = weekend("last", day), timedelta(7)
        first, last = latest.first - (most - 1) * back, latest.last - (least - 1) * back
    elif least == most:
        return shift(day, -least, unit)
    else:
        first, last = shift(day, -most, unit).first, shift(day, -least, unit).last
    said_in = {"month": whole_month(day.year, day.month).value, "year": str(day.year)}.get(unit, format_date(day))
    return TimeSpan(f"{count} {unit}{'s' * (most > 1)} before {said_in}", first, last)


def _lasting(match: re.Match[str], day: date) -> TimeSpan | None:
    before, _ = _sentence(match)
    still_lasts = match["now"] or (match["for"] and _PERFECT.search(before) and not _NOT_PERFECT.search(before))
    least, most = _read_count(match["lasting_count"])
    if not still_lasts or least != most or _ENDS_IN_NUMBER.search(before):
        return None
    since = shift(day, -least, match["lasting_unit"])
    return since._replace(value=f"since {since.value}")


def _ahead(match: re.Match[str], day: date) -> TimeSpan | None:
    least, most = _read_count(match["ahead_count"])
    if least != most or (match["ahead_count"], match["ahead_unit"]) == ("a", "year"):  # "twenty books in a year"
        return None
    if not _is_future(match) or _PERFECT.search(_sentence(match)[0]) or _ENDS_IN_RATE.search(_just_before(match)):
        return None
    return shift(day, least, match["ahead_unit"])


def _on_weekday(match: re.Match[str], day: date) -> TimeSpan | None:
    return same_weekday("next" if _is_future(match) else "last", day, WEEKDAYS.index(match["weekday"].capitalize()))


def _on_ordinal(match: re.Match[str], day: date) -> TimeSpan | None:
    number = int(match["ordinal"])
    month_step = (number < day.day) if _is_future(match) else -(number > day.day)
    month = whole_month(day.year, day.month + month_step)
    return one_day(month.first.replace(day=number)) if 1 <= number <= month.last.day else None


def _in_month(match: re.Match[str], day: date) -> TimeSpan | None:
    month = MONTHS.index(match["month"].capitalize()) + 1
    if match["preposition"] in ("until", "by") or _is_future(match):
        return whole_month(day.year + (month < day.month), month)
    return whole_month(day.year - (month > day.month), month)


HANDLERS: dict[str, Callable[[re.Match[str], date], TimeSpan | None]] = {
    "near_day": _near_day,
    "named": _named,
    "ago": _ago,
    "lasting": _lasting,
    "ahead": _ahead,
    "on_weekday": _on_weekday,
    "on_ordinal": _on_ordinal,
    "in_month": _in_month,
}
