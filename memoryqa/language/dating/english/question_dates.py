"""Reads the days that a question names: in words, in figures of any order, as a range, or by the day of asking.

    read_windows("What broke between May and July 2023?", years=(2022, 2023))  ->  1 May to 31 July 2023

A date without a year is looked for in every year of the conversation. In "3/9/2023" the conversation's own habit says
which number is the day (`habit_of`); where it has none, both readings are searched.
"""

from __future__ import annotations

import calendar
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

from memoryqa.language.dating.dates import resolve
from memoryqa.language.dating.english.asked_spans import counted_back, quarters
from memoryqa.language.dating.english.date_words import DIGIT, LETTERS, MONTH_NUMBERS, TRIGGER_WORDS
from memoryqa.language.dating.feasts import FESTIVALS, feast
from memoryqa.language.dating.time_spans import SEASON_FIRST_MONTH, WEEKDAYS, YEAR, asked_days

_MONTH = rf"(?P<month>{'|'.join(sorted(MONTH_NUMBERS, key=len, reverse=True))})\b\.?"
_ORDINAL = r"(?:st|nd|rd|th)?"
_TO = r"\s*(?:-|–|—|\bto\b|\buntil\b|\btill\b|\bthrough\b|\band\b)\s*"
_OF_YEAR = r"(?:,?(?: of)? (?P<year>\d{4}|'\d\d)\b)?"
_IN = re.compile(
    r"\b(?:in|of|during|since|until|by|last|next|this|early|late|mid|before|after|around|the|between|from|and|to)[ -]$",
    re.I,
)
_BEFORE_SHORT_DATE = re.compile(
    r"\b(?:on|by|since|until|before|after|from|to|around|between|and|of|the|date)\s+$", re.I
)
_CONNECTS = re.compile(_TO, re.I)
_BETWEEN = re.compile(r"\bbetween\s+(?:the\s+)?$", re.I)
_DEICTIC = re.compile(rf"\b(?:yesterday|tomorrow|last|next|this|past|ago|back|other|{'|'.join(WEEKDAYS)})\b", re.I)
_TODAY = re.compile(r"\b(?:today|tonight|this (?:morning|afternoon|evening))\b", re.I)
_SINCE = re.compile(r".{0,6}\bsince ", re.I)
_THIS_YEAR = re.compile(r"\b(?:(?:earlier |later )?this year|so far this year)\b(?!'s)", re.I)
_PATTERNS = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"(?<![\d./-])(?P<year>\d{4})(?P<sign>[-/.])(?P<iso_month>\d{1,2})(?P=sign)(?P<day>\d{1,2})(?!\d)",
        r"(?<![\d./-])(?P<one>\d{1,2})(?P<sign>[-/.])(?P<other>\d{1,2})(?P=sign)(?P<year>\d{4}|\d{2})(?![\d./-]*\d)",
        r"(?<![\d./-])(?P<year>(?:19|20)\d\d)-(?P<iso_month>\d\d)(?![\d-])",
        r"(?<![\d./-])(?P<one>\d{1,2})/(?P<other>\d{1,2})(?![\d./-]*\d)",
        rf"\b(?P<day>\d{{1,2}}){_ORDINAL}{_TO}(?:the )?(?P<last>\d{{1,2}}){_ORDINAL}(?: of)? {_MONTH}{_OF_YEAR}",
        rf"\b{_MONTH} (?:the )?(?P<day>\d{{1,2}}){_ORDINAL}{_TO}(?:the )?(?P<last>\d{{1,2}}){_ORDINAL}(?![\w:])"
        rf"{_OF_YEAR}",
        rf"\b(?P<day>\d{{1,2}}){_ORDINAL}(?: of)? {_MONTH}{_OF_YEAR}",
        rf"\b{_MONTH} (?:the )?(?P<day>\d{{1,2}}){_ORDINAL}\b(?!:\d){_OF_YEAR}",
        rf"\b{_MONTH}{_OF_YEAR}",
        rf"\b(?P<season>{'|'.join(SEASON_FIRST_MONTH)})\b{_OF_YEAR}",
        rf"\b(?P<feast>{'|'.join(sorted(FESTIVALS, key=len, reverse=True))})(?:'s)?(?: day)?{_OF_YEAR}",
    )
)
_WITH_DOTS = (  # "am 3.9.2023", "am 3.9.": where dates have dots, the day is first
    re.compile(
        r"(?<![\d./-])(?P<day>\d{1,2})\. ?(?P<iso_month>0?[1-9]|1[0-2])\. ?(?P<year>\d{4}|\d{2}(?!\.\d))(?![\d./-]*\d)"
    ),
    re.compile(r"(?<![\d./-])(?P<day>\d{1,2})\. ?(?P<iso_month>0?[1-9]|1[0-2])\.(?!\d)"),
)
_FIGURES, _WITH_DIGITS = 4, 8  # so many patterns are of figures alone, so many need a digit
_SEASONS = {name: (first, (first + 1) % 12 + 1) for name, first in SEASON_FIRST_MONTH.items()}  # first and last month
_YEAR_WEIGHT = 0.3  # a bare year hardly narrows a history of one or two years
_NEAR = 40  # characters in which a preposition is looked for
_LONG = 92  # days; what is longer narrows it no more than a year does


@dataclass(frozen=True, slots=True)
class Window:
    """Days that the question names, both ends included. `weight` in (0, 1] is how much they narrow the search."""

    first: date
    last: date
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class _Point:
    """A date as it was written: of its parts, those that are there. `last`: the day that a range of days ends on."""

    start: int
    end: int
    year: int | None = None
    month: int | None = None
    day: int | None = None
    last: int | None = None
    season: str = ""
    feast: str = ""
    swapped: bool = False  # day and month may be the other way round as well


def read_windows(
    text: str, years: Collection[int], asked: date | None = None, day_first: bool | None = None
) -> list[Window]:
    """The days, months and seasons that `text` names, in each of `years` when it names no year; else its bare years.

    asked: the day of asking, by which "last week" is read; without it that names nothing. day_first: whether the first
    number in "3/9/2023" is the day; None reads it both ways.
    """
    return read_dates(text, years, asked, day_first)[0]


def read_dates(
    text: str, years: Collection[int], asked: date | None = None, day_first: bool | None = None
) -> tuple[list[Window], list[tuple[int, int]]]:
    """`read_windows`, and where the words are that the day of asking gives a meaning: starts and ends in `text`."""
    windows, taken = _relative(text, asked)
    today = [match.span() for match in _TODAY.finditer(text)] if asked is not None else []
    spoken = [*taken, *today]
    for (first, last), place in quarters(text, years):
        windows.append(Window(first, last))
        taken.append(place)
    points = deque(sorted(_points(text, taken, day_first), key=lambda point: point.start))
    while points:
        point = points.popleft()
        if points and _makes_range(text, point, points[0]):
            windows += _range(point, points.popleft(), years)
        else:
            windows += _of_point(point, years)
    if not windows:
        windows = bare_years(text)
    return list(dict.fromkeys(windows)), spoken


def read_figures(text: str, years: Collection[int], day_first: bool | None = None) -> list[Window]:
    """The days and months written in figures alone, in other languages than English: 2023-09-03, 3.9.2023."""
    points = (point for point in _points(text, [], day_first, (*_WITH_DOTS, *_PATTERNS[:_FIGURES])))
    return [window for point in points for window in _of_point(point, years)]


def habit_of(texts: Iterable[str]) -> bool | None:
    """Whether numeric dates in `texts` put the day first: by those that can only be read one way; None without any."""
    votes = {True: 0, False: 0}
    for text in texts:
        if "/" in text or "." in text or "-" in text:
            for match in _PATTERNS[1].finditer(text):
                one, other = int(match["one"]), int(match["other"])
                if (one > 12) != (other > 12) and max(one, other) <= 31:
                    votes[one > 12] += 1
    if votes[True] == votes[False]:
        return None
    return votes[True] > votes[False]


def may_be_swapped(text: str) -> bool:
    """Whether `text` has a numeric date whose day and month cannot be told apart."""
    return any(point.swapped for point in _points(text, [], None))


# -- by the day of asking ----------------------------------------------------------------------------------------------


def _relative(text: str, asked: date | None) -> tuple[list[Window], list[tuple[int, int]]]:
    """The windows of "last week" and the like, and where their words are."""
    if asked is None:
        return [], []
    windows, taken = [], []
    if not TRIGGER_WORDS.isdisjoint(LETTERS.findall(text.lower())):
        for found in resolve(text, asked):
            if _DEICTIC.search(found.phrase) and (
                not DIGIT.search(found.phrase) or found.phrase.lower().endswith(("ago", "back"))
            ):
                first, last = asked_days(found.value, found.first, found.last, asked)
                if first <= asked and _SINCE.match(text, max(0, found.start - len("since "))):
                    last = asked
                windows.append(Window(first, last, _YEAR_WEIGHT if (last - first).days > _LONG else 1.0))
                taken.append((found.start, found.end))
    for (first, last), place in counted_back(text, asked):
        windows.append(Window(first, last, _YEAR_WEIGHT if (last - first).days > _LONG else 1.0))
        taken.append(place)
    for match in _THIS_YEAR.finditer(text):
        windows.append(Window(date(asked.year, 1, 1), date(asked.year, 12, 31), _YEAR_WEIGHT))
        taken.append(match.span())
    if _TODAY.search(text):
        windows.append(Window(asked, asked))
    return windows, taken


# -- dates as they are written -----------------------------------------------------------------------------------------


def _points(
    text: str,
    taken: Iterable[tuple[int, int]],
    day_first: bool | None,
    patterns: Sequence[re.Pattern[str]] = _PATTERNS,
) -> Iterator[_Point]:
    """Every date written in `text`, the more exact spellings first, without overlap."""
    is_taken = bytearray(len(text))
    for start, end in taken:
        is_taken[start:end] = b"\1" * (end - start)
    has_digit = DIGIT.search(text) is not None
    for number, pattern in enumerate(patterns):
        if number < _WITH_DIGITS and not has_digit:
            continue
        for match in pattern.finditer(text):
            if is_taken.find(1, match.start(), match.end()) >= 0:
                continue
            point = _point(match, text, day_first)
            if point is not None:
                is_taken[match.start() : match.end()] = b"\1" * (match.end() - match.start())
                yield point


def _point(match: re.Match[str], text: str, day_first: bool | None) -> _Point | None:
    groups = match.groupdict()
    year = _full_year(groups["year"]) if groups.get("year") else None
    point = _Point(match.start(), match.end(), year)
    if groups.get("one"):
        return _numeric(point, match, text, day_first)
    if groups.get("season"):
        season = groups["season"].lower()
        named = season != "fall" or year or _IN.search(_before(match, text))
        return replace(point, season=season) if named else None
    if groups.get("feast"):
        return replace(point, feast=groups["feast"].lower())
    if groups.get("last") and " and " in match[0].lower() and not _BETWEEN.search(_before(match, text)):
        return None  # two days, not a range
    month = int(groups["iso_month"]) if groups.get("iso_month") else MONTH_NUMBERS[groups["month"].lower()]
    if groups.get("day"):
        last = int(groups["last"]) if groups.get("last") else None
        return replace(point, month=month, day=int(groups["day"]), last=last)
    return replace(point, month=month) if groups.get("iso_month") or _is_month(match, text) else None


def _before(match: re.Match[str], text: str) -> str:
    """What is right before the match: as much as a preposition needs, so that long texts take no longer per date."""
    return text[max(0, match.start() - _NEAR) : match.start()]


def _full_year(written: str) -> int:
    year = int(written.lstrip("'"))
    return year if len(written.lstrip("'")) == 4 else year + (1900 if year >= 70 else 2000)


def _is_month(match: re.Match[str], text: str) -> bool:
    """ "May" and "March" are months only with a year, or with a capital and after a preposition."""
    word = match["month"]
    if word.lower() not in ("may", "march", "mar") or match["year"]:
        return True
    return bool(_IN.search(_before(match, text))) and word[0].isupper()


def _numeric(point: _Point, match: re.Match[str], text: str, day_first: bool | None) -> _Point | None:
    """Day and month of "3/9/2023"; without a year only after a preposition, else it may be a fraction."""
    one, other = int(match["one"]), int(match["other"])
    if point.year is None and not _BEFORE_SHORT_DATE.search(_before(match, text)):
        return None
    fits = {first: _is_date(day, month) for first, day, month in ((True, one, other), (False, other, one))}
    if not any(fits.values()):
        return None
    first = day_first if day_first is not None and fits[day_first] else fits[True]
    swapped = all(fits.values()) and one != other and day_first is None
    day, month = (one, other) if first else (other, one)
    return replace(point, day=day, month=month, swapped=swapped)


def _is_date(day: int, month: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= calendar.monthrange(2024, month)[1]


# -- from points to windows --------------------------------------------------------------------------------------------


def _of_point(point: _Point, years: Collection[int]) -> list[Window]:
    found = sorted(years) if point.year is None else [point.year]
    if point.season and point.year is None and _SEASONS[point.season][1] < _SEASONS[point.season][0]:
        found = sorted({*found, *(year - 1 for year in found)})  # a conversation may begin in a winter under way
    windows = [window for year in found for window in _in_year(point, year)]
    if point.swapped:
        other = replace(point, day=point.month, month=point.day, swapped=False)
        windows += [window for year in found for window in _in_year(other, year)]
    return windows


def _in_year(point: _Point, year: int) -> list[Window]:
    try:
        if point.feast:
            day = feast(point.feast, year)
            return [Window(day, day)]
        if point.season:
            first, last = _SEASONS[point.season]
            return [_months(year, first, last)]
        assert point.month is not None
        if point.day is None:
            return [_months(year, point.month, point.month)]
        day = date(year, point.month, point.day)
        return [Window(day, date(year, point.month, point.last or point.day))]
    except ValueError:  # no such day
        return []


def _months(year: int, first: int, last: int) -> Window:
    last_year = year + (last < first)  # winter ends in the next year
    return Window(date(year, first, 1), date(last_year, last, calendar.monthrange(last_year, last)[1]))


def _makes_range(text: str, point: _Point, following: _Point) -> bool:
    """Whether the two are the ends of one range: "May to July 2023", "between 3 May and 2 June"."""
    between = text[point.end : following.start]
    if point.feast or following.feast or point.last or following.last or not _CONNECTS.fullmatch(between):
        return False
    return "and" not in between.lower() or _BETWEEN.search(text[max(0, point.start - _NEAR) : point.start]) is not None


def _range(first: _Point, last: _Point, years: Collection[int]) -> list[Window]:
    if first.swapped or last.swapped:  # both ends the one way, or both the other
        both = (replace(first, swapped=False), replace(last, swapped=False))
        turned = (replace(one, day=one.month, month=one.day) for one in both)
        return [*_range(*both, years), *_range(next(turned), next(turned), years)]
    windows = []
    if last.year is not None:
        found: Iterable[int] = [last.year]
    elif first.year is not None:
        found = [first.year, first.year + 1]
    else:
        found = sorted(years)
    for year in found:
        for end in _of_point(replace(last, year=year), ()):
            starts = [first.year] if first.year is not None else [year, year - 1]
            begins = (one for start in starts for one in _of_point(replace(first, year=start), ()))
            begin = next((one for one in begins if one.first <= end.last), None)
            if begin is not None:
                long = (end.last - begin.first).days > 366
                windows.append(Window(begin.first, end.last, _YEAR_WEIGHT if long else 1.0))
                if first.year is not None:
                    return windows
    return windows


def bare_years(text: str) -> list[Window]:
    """The years that `text` names, and those between the ends of a range."""
    matches = list(YEAR.finditer(text))
    found = {int(match[0]) for match in matches}
    for one, other in pairwise(matches):
        if _CONNECTS.fullmatch(text[one.end() : other.start()]) and int(one[0]) < int(other[0]):
            found.update(range(int(one[0]), int(other[0]) + 1))
    return [Window(date(year, 1, 1), date(year, 12, 31), _YEAR_WEIGHT) for year in sorted(found)]
