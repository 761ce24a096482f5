"""The grammar behind `memory.temporal`: which words name a time relative to a session, and which days they mean.

`PATTERN` is scanned once over a turn. Each of its alternatives bears the name of the handler in `HANDLERS` that turns the
match into a `Meaning`, or into None when the surroundings show that the words are no date ("my last week at work").
Wordings of the values follow LoCoMo's gold answers (https://arxiv.org/abs/2402.17753): "20 May 2023", "May 2023",
"2022", "the week before 9 June 2023".
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta
from typing import NamedTuple

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")  # date.weekday() indexes it
_SEASON_FIRST_MONTH = {"spring": 3, "summer": 6, "fall": 9, "autumn": 9, "winter": 12}
_HOLIDAYS = {  # (month, day); Thanksgiving, the fourth Thursday of November, is computed
    "christmas": (12, 25),
    "christmas eve": (12, 24),
    "halloween": (10, 31),
    "new year's eve": (12, 31),
    "new year's": (1, 1),
    "valentine's": (2, 14),
}
_NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
).split()
_VAGUE_COUNTS = {"couple": (2, 3), "few": (2, 5), "several": (3, 7)}  # the least and the most each is taken to mean


class Meaning(NamedTuple):
    """What words mean: the absolute wording and the inclusive range of days."""

    value: str
    first: date
    last: date


# ---------------------------------------------------------------- the words (a space stands for any white space)

_MONTH = rf"(?:{'|'.join(MONTHS).lower()})"
_WEEKDAY = rf"(?:{'|'.join(WEEKDAYS).lower()})"
_SHORT_WEEKDAY = r"(?:mon|tues?|wed|thurs?|fri|sat|sun)"
_PART = r"(?: (?:morning|afternoon|evening|night)\b)?"
_SEASON = rf"(?:{'|'.join(_SEASON_FIRST_MONTH)})"
_HOLIDAY = r"(?:christmas eve|christmas|halloween|thanksgiving|new year's eve|new year's|valentine's)"
_COUNT = rf"(?:\d{{1,3}}|(?:a )?couple(?: of)?|(?:a )?few|several|an?|{'|'.join(_NUMBER_WORDS[1:])})"
_ABOUT = r"(?:(?:about|around|over|almost|nearly|roughly|like) )?"
_CLAUSE_GOES_ON = (
    r"(?= ?(?:[.,!?;:)-]|$)| (?:and|but|so|after|before|at|with|for|in|to|when|because|i|we|he|she|they|it)\b)"
)

_ALTERNATIVES = {
    "near_day": rf"(?:the )?day before yesterday|(?:the )?day after tomorrow|(?:yesterday|tomorrow){_PART}"
    r"|last night|the other (?:day|night)",
    "named": rf"(?P<which>last|next|this past|this coming|this|past(?= weekend)) "
    rf"(?P<name>weekend|week|month|year|{_SEASON}|{_WEEKDAY}{_PART}|{_MONTH}|{_HOLIDAY}|{_SHORT_WEEKDAY})\b(?! of\b|-)",
    "ago": rf"(?P<ago_count>{_COUNT}) (?P<ago_unit>day|weekend|week|month|year)s? "
    r"(?:ago|back(?! (?:to|in|at|from|home|up|on)\b))",
    "lasting": rf"(?P<for>for )?{_ABOUT}(?P<lasting_count>{_COUNT}) (?P<lasting_unit>week|month|year)s?(?P<now> now)?",
    "ahead": rf"in {_ABOUT}(?P<ahead_count>{_COUNT}) (?P<ahead_unit>day|week|month|year)s?(?:'? time)?",
    "on_weekday": rf"on (?P<weekday>{_WEEKDAY}){_PART}(?! (?:morning|afternoon|evening|night)s)",
    "on_ordinal": rf"on the (?P<ordinal>\d{{1,2}})(?:st|nd|rd|th){_CLAUSE_GOES_ON}",
    "in_month": rf"(?:back in|in|since|until|by) (?P<month>{_MONTH})\b(?!,? \d| of\b|-)",
}
PATTERN = re.compile(
    rf"\b(?:{'|'.join(f'(?P<{name}>{words})' for name, words in _ALTERNATIVES.items())})(?:'s)?\b".replace(" ", r"\s+")
)
# Every match of PATTERN holds one of these words; most turns hold none, and are done five times sooner for the test.
TRIGGER = re.compile(
    r"\b(?:yesterday|tomorrow|last|next|past|coming|other|days?|weeks?|weekends?|months?|years?|new\s+year|on\s+the(?=\s+\d)"
    rf"|{_WEEKDAY}|{_MONTH}|{_SEASON}|christmas|halloween|thanksgiving|valentine)(?![a-z])"
)
TIME_EXPRESSION = re.compile(
    rf"\b(?:yesterday|today|tonight|tomorrow|{_WEEKDAY}s?|ago|weeks?|weekends?|months?|years?|summer|winter|last\s+night"
    r"|this\s+(?:morning|afternoon|evening)|january|february|april|june|july|august|september|october|november|december"
    r"|(?:in|on|since|until|last|next|this|by|of)\s+(?:may|march|spring|fall|autumn)|(?:19|20)\d\d|\d\d?(?:st|nd|rd|th)"
    r"|(?:\d|two|three|four|five|six|seven|few|several|couple|couple\s+of)\s+days|other\s+day"
    r"|christmas|halloween|thanksgiving|easter|new\s+year)\b"
)
_FUTURE = re.compile(
    r"\b(?:will|going to|gonna|plan|plans|planning|hope|hoping|hopefully|want to|can't wait|looking forward|let's|see you"
    r"|excited (?:for|to|about)|upcoming|coming up)\b"
    r"|(?:'ll|(?:'re|'m|is|are|am) (?:going|meeting|leaving|starting|having|taking|visiting|flying|moving|hosting))\b"
)
_PERFECT = re.compile(r"\b(?:have|has|haven't|hasn't|been)\b|'ve\b")
_NOT_PERFECT = re.compile(r"(?<!'ve )(?<!have )(?<!has )\bhad\b|'d\b|\bwill have\b|\bago\b")
_NO_DATE_AFTER = re.compile(r"\b(?:the|my|our|your|their|his|its|every|each|very|these|this)\s+$")
_SEEMS = re.compile(r"\blike\s+(?:(?:it was|only|just)\s+)*$")  # "it feels like just yesterday"
_SENTENCE_END = re.compile(r"[.!?\n]")
_PART_OF_A_NUMBER = re.compile(r"(?:\b(?:or|to|and|half)\s+|[\d.,/–-])$")


def fold(text: str) -> str:
    """`text` in lower case with straight apostrophes, every character in its place: what PATTERN and TRIGGER read."""
    return text.replace("İ", "i").lower().replace("’", "'")  # İ alone would become two characters


# ---------------------------------------------------------------- the calendar


def write_day(day: date) -> str:
    """`20 May 2023`."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def one_day(day: date) -> Meaning:
    """That day."""
    return Meaning(write_day(day), day, day)


def whole_month(year: int, month: int) -> Meaning:
    """A calendar month. `month` may lie outside 1..12: month 0 is December of the year before."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    value = f"{MONTHS[month - 1]} {year}"
    return Meaning(value, date(year, month, 1), date(year, month, monthrange(year, month)[1]))


def whole_year(year: int) -> Meaning:
    """A calendar year."""
    return Meaning(str(year), date(year, 1, 1), date(year, 12, 31))


def _season(name: str, year: int) -> Meaning:
    """Three months; winter begins in the December of `year`."""
    month = _SEASON_FIRST_MONTH[name]
    value = f"winter {year} to {year + 1}" if name == "winter" else f"{name} {year}"
    return Meaning(value, whole_month(year, month).first, whole_month(year, month + 2).last)


def _holiday(name: str, year: int) -> Meaning:
    if name == "thanksgiving":
        first_of_november = date(year, 11, 1)
        return one_day(date(year, 11, 22 + (3 - first_of_november.weekday()) % 7))
    return one_day(date(year, *_HOLIDAYS[name]))


def _recurring(which: str, day: date, yearly: Callable[[int], Meaning]) -> Meaning:
    """The last one that ended before `day`, the next one that begins after it, or (`this`) the one of this year."""
    around = [yearly(day.year + offset) for offset in (-2, -1, 0, 1)]
    if which == "last":
        return [meaning for meaning in around if meaning.last < day][-1]
    if which == "next":
        return next(meaning for meaning in around if meaning.first > day)
    return around[2]


def _same_weekday(which: str, day: date, weekday: int) -> Meaning:
    """The nearest such weekday strictly before (`last`), strictly after (`next`), or on or after (`this`) `day`."""
    if which == "last":
        return one_day(day - timedelta((day.weekday() - weekday - 1) % 7 + 1))
    if which == "next":
        return one_day(day + timedelta((weekday - day.weekday() - 1) % 7 + 1))
    return one_day(day + timedelta((weekday - day.weekday()) % 7))


def _weekend(which: str, day: date) -> Meaning:
    """Saturday and Sunday: the last weekend over before `day`, the one to come or under way, or the one after that."""
    saturday = day - timedelta((day.weekday() - 5) % 7)  # the latest Saturday, `day` itself included
    if which == "last":
        saturday -= timedelta(7 if day.weekday() >= 5 else 0)
        return Meaning(f"the weekend before {write_day(day)}", saturday, saturday + timedelta(1))
    saturday += timedelta(0 if day.weekday() >= 5 else 7)
    if which == "this":
        return Meaning(f"the weekend of {write_day(day)}", saturday, saturday + timedelta(1))
    saturday += timedelta(7)
    return Meaning(f"the weekend after {write_day(day)}", saturday, saturday + timedelta(1))


def _week(which: str, day: date) -> Meaning:
    """Seven days up to yesterday, seven from tomorrow, or the calendar week (Monday first) of `day`."""
    if which == "this":
        monday = day - timedelta(day.weekday())
        return Meaning(f"the week of {write_day(day)}", monday, monday + timedelta(6))
    if which == "last":
        return Meaning(f"the week before {write_day(day)}", day - timedelta(7), day - timedelta(1))
    return Meaning(f"the week after {write_day(day)}", day + timedelta(1), day + timedelta(7))


# ---------------------------------------------------------------- from words to days


def _before(match: re.Match[str]) -> str:
    """The words before the match, as far as the guards look."""
    return match.string[max(0, match.start() - 16) : match.start()]


def _sentence(match: re.Match[str]) -> tuple[str, str]:
    """What the sentence says before and after the match, as far as a clause may reach."""
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
    token = tokens[-1]
    count = 1 if token in ("a", "an") else int(token) if token.isdigit() else _NUMBER_WORDS.index(token)
    return count, count


def _shift(day: date, count: int, unit: str) -> Meaning:
    """The day, week, month or year that lies `count` units after `day` (before, when negative).

    One year is counted as twelve months: "a year ago" is more precise than "last year".
    """
    if unit in ("day", "week"):
        return one_day(day + timedelta(count * (7 if unit == "week" else 1)))
    if unit == "month" or abs(count) == 1:
        return whole_month(day.year, day.month + count * (1 if unit == "month" else 12))
    return whole_year(day.year + count)


def _near_day(match: re.Match[str], day: date) -> Meaning | None:
    words = match["near_day"]
    if "other" in words:
        return Meaning(f"a few days before {write_day(day)}", day - timedelta(5), day - timedelta(2))
    if words.startswith("yesterday") and _SEEMS.search(_before(match)):
        return None
    offset = 2 if words.split()[-1] != words.split()[0] and "day" in words.split() else 1
    return one_day(day + timedelta(offset if "tomorrow" in words else -offset))


def _named(match: re.Match[str], day: date) -> Meaning | None:
    which, name = " ".join(match["which"].split()), " ".join(match["name"].split())
    if which != "past" and _NO_DATE_AFTER.search(_before(match)):
        return None
    which = {"this past": "last", "past": "last", "this coming": "next"}.get(which, which)
    if name == "week":
        return _week(which, day)
    if name == "weekend":
        return _weekend(which, day)
    step = {"last": -1, "this": 0, "next": 1}[which]
    if name == "month":
        return whole_month(day.year, day.month + step)
    if name == "year":
        return whole_year(day.year + step) if step else None  # the header above the line says which year "this" is
    if name in _SEASON_FIRST_MONTH:
        return _recurring(which, day, lambda year: _season(name, year))
    if name in _HOLIDAYS or name == "thanksgiving":
        return _recurring(which, day, lambda year: _holiday(name, year))
    if name.capitalize() in MONTHS:
        return _recurring(which, day, lambda year: whole_month(year, MONTHS.index(name.capitalize()) + 1))
    if which == "this" and not name.split()[0].endswith("day"):
        return None  # "this sun", "this sat"
    return _same_weekday(which, day, [weekday[:3].lower() for weekday in WEEKDAYS].index(name[:3]))


def _ago(match: re.Match[str], day: date) -> Meaning | None:
    if _PART_OF_A_NUMBER.search(_before(match)):
        return None
    words, unit = " ".join(match["ago_count"].split()), match["ago_unit"]
    least, most = _read_count(words)
    if unit == "weekend":
        return None if least != most else _weekends_ago(words, least, day)
    if least == most:
        return _shift(day, -least, unit)
    value = {"month": whole_month(day.year, day.month).value, "year": str(day.year)}.get(unit, write_day(day))
    return Meaning(f"{words} {unit}s before {value}", _shift(day, -most, unit).first, _shift(day, -least, unit).last)


def _weekends_ago(words: str, count: int, day: date) -> Meaning:
    latest = _weekend("last", day)
    back = timedelta(7 * (count - 1))
    return Meaning(f"{words} weekends before {write_day(day)}", latest.first - back, latest.last - back)


def _lasting(match: re.Match[str], day: date) -> Meaning | None:
    before, _ = _sentence(match)
    if not match["now"] and not (match["for"] and _PERFECT.search(before) and not _NOT_PERFECT.search(before)):
        return None
    least, most = _read_count(match["lasting_count"])
    if least != most or _PART_OF_A_NUMBER.search(before):
        return None
    since = _shift(day, -least, match["lasting_unit"])
    return Meaning(f"since {since.value}", since.first, since.last)


def _ahead(match: re.Match[str], day: date) -> Meaning | None:
    least, most = _read_count(match["ahead_count"])
    if least != most or not _is_future(match) or _PERFECT.search(_sentence(match)[0]):
        return None
    return _shift(day, least, match["ahead_unit"])


def _on_weekday(match: re.Match[str], day: date) -> Meaning | None:
    which = "next" if _is_future(match) else "last"
    return _same_weekday(which, day, WEEKDAYS.index(match["weekday"].capitalize()))


def _on_ordinal(match: re.Match[str], day: date) -> Meaning | None:
    number, future = int(match["ordinal"]), _is_future(match)
    step = (number < day.day) if future else -(number > day.day)
    month = whole_month(day.year, day.month + step)
    return one_day(month.first.replace(day=number)) if 1 <= number <= month.last.day else None


def _in_month(match: re.Match[str], day: date) -> Meaning | None:
    month = MONTHS.index(match["month"].capitalize()) + 1
    if _is_future(match):
        return whole_month(day.year + (month < day.month), month)
    return whole_month(day.year - (month > day.month), month)


HANDLERS: dict[str, Callable[[re.Match[str], date], Meaning | None]] = {
    "near_day": _near_day,
    "named": _named,
    "ago": _ago,
    "lasting": _lasting,
    "ahead": _ahead,
    "on_weekday": _on_weekday,
    "on_ordinal": _on_ordinal,
    "in_month": _in_month,
}
