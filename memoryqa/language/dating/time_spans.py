"""Spans of days with the words for them: "20 May 2023", "May 2023", "the weekend before 17 July 2023".

The wordings follow LoCoMo's gold answers (https://arxiv.org/abs/2402.17753). Every function raises ValueError or
OverflowError for a span outside the years 1 to 9999.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from typing import Literal, NamedTuple

from memoryqa.language.dating.feasts import HOLIDAYS, feast
from memoryqa.turns import MONTHS, format_date

Which = Literal["last", "this", "next"]

WEEKDAYS = tuple("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split())  # date.weekday() indexes it
SEASON_FIRST_MONTH = {"spring": 3, "summer": 6, "fall": 9, "autumn": 9, "winter": 12}
__all__ = ["HOLIDAYS"]
_VALUE_WORDS = (
    "since the a an of on to before after early mid late end beginning week weekend day month year decade few couple "
    "several "
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen "
    "nineteen twenty spring summer fall autumn winter"
).split()
_NAMED = rf"(?:{'|'.join((*MONTHS, *SEASON_FIRST_MONTH))})"
VALUE = (  # every wording of a TimeSpan, as a pattern: closed, so that it is told from other text in parentheses
    rf"(?:\d{{4}}(?=\))|(?=[^()]{{0,60}}\b(?:{_NAMED} \d{{4}}|(?:before|since|early|mid|late|of) \d{{4}}\)))"
    rf"(?:(?:\d{{1,4}}|\d\d:\d\d|{'|'.join(MONTHS)}|(?:{'|'.join(_VALUE_WORDS)})s?)\b ?){{2,12}}(?=\)))"
)
STEP: dict[str, int] = {"last": -1, "this": 0, "next": 1}
YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_PREPOSITION = {"last": "before", "this": "of", "next": "after"}


class TimeSpan(NamedTuple):
    """An absolute wording and the days that it means, both ends included."""

    value: str
    first: date
    last: date


TAKEN = TimeSpan("", date.min, date.min)  # words that are a date and need no annotation


def one_day(day: date) -> TimeSpan:
    return TimeSpan(format_date(day), day, day)


def whole_month(year: int, month: int) -> TimeSpan:
    """A calendar month. `month` may lie outside 1..12: month 0 is December of the year before."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    first = date(year, month, 1)
    return TimeSpan(f"{MONTHS[month - 1]} {year}", first, first.replace(day=monthrange(year, month)[1]))


def whole_year(year: int) -> TimeSpan:
    return TimeSpan(str(year), date(year, 1, 1), date(year, 12, 31))


def season(name: str, year: int) -> TimeSpan:
    """The three months of a season in the northern hemisphere; winter begins in the December of `year`."""
    month = SEASON_FIRST_MONTH[name]
    value = f"winter {year} to {year + 1}" if name == "winter" else f"{name} {year}"
    return TimeSpan(value, whole_month(year, month).first, whole_month(year, month + 2).last)


def holiday(name: str, year: int) -> TimeSpan:
    """The day of one of `feasts.FESTIVALS` in `year`. Raises ValueError where it is not known."""
    return one_day(feast(name, year))


def recurring(which: Which, day: date, yearly: Callable[[int], TimeSpan]) -> TimeSpan:
    """A yearly span: the latest that ended before `day`, the first that begins after it, or (`this`) its year's."""
    if which == "this":
        return yearly(day.year)
    if which == "last":  # a winter ends in the year after
        return next(span for year in (0, 1, 2) if (span := yearly(day.year - year)).last < day)
    return next(span for year in (0, 1) if (span := yearly(day.year + year)).first > day)


def same_weekday(which: Which, day: date, weekday: int) -> TimeSpan:
    """The nearest such weekday strictly before (`last`), strictly after (`next`), or on or after (`this`) `day`."""
    if which == "last":
        return one_day(day - timedelta((day.weekday() - weekday - 1) % 7 + 1))
    if which == "next":
        return one_day(day + timedelta((weekday - day.weekday() - 1) % 7 + 1))
    return one_day(day + timedelta((weekday - day.weekday()) % 7))


def weekend(which: Which, day: date) -> TimeSpan:
    """Saturday and Sunday: the latest that ended before `day`, the current or coming one, or the one after that."""
    latest_saturday = day - timedelta((day.weekday() - 5) % 7)
    weeks = {"last": -1, "this": 0, "next": 1}[which] + (day.weekday() < 5)  # from Saturday on a weekend is under way
    saturday = latest_saturday + timedelta(7 * weeks)
    return TimeSpan(f"the weekend {_PREPOSITION[which]} {format_date(day)}", saturday, saturday + timedelta(1))


def week(which: Which, day: date) -> TimeSpan:
    """The seven days before `day`, the seven days after it, or the calendar week (Monday first) around it."""
    first = day + timedelta({"last": -7, "this": -day.weekday(), "next": 1}[which])
    return TimeSpan(f"the week {_PREPOSITION[which]} {format_date(day)}", first, first + timedelta(6))


def asked_days(value: str, first: date, last: date, day: date) -> tuple[date, date]:
    """The days that a resolved date means in a question asked on `day`: of "last week" the calendar week, Monday first.

    In a conversation it is the seven days before, as LoCoMo's gold answers have it.
    """
    for which in ("last", "next"):
        with suppress(OverflowError):  # there is none in the years 1 to 9999
            if (value, first, last) == week(which, day):
                monday = day - timedelta(day.weekday()) + timedelta(7 * STEP[which])
                return monday, monday + timedelta(6)
    return first, last


def shift(day: date, count: int, unit: str) -> TimeSpan:
    """The day, month or year that is `count` days, weeks, months or years after `day` (before it when negative).

    One year is taken as twelve months: "a year ago" is more exact than "last year".
    """
    if unit in ("day", "week"):
        return one_day(day + timedelta(count * (7 if unit == "week" else 1)))
    if unit == "month" or abs(count) == 1:
        return whole_month(day.year, day.month + count * (1 if unit == "month" else 12))
    return whole_year(day.year + count)


def between(first: date, last: date) -> str:
    """The wording of a range: `13 to 16 May 2024`, `22 December 2025 to 2 January 2026`."""
    if first.year != last.year:
        return f"{format_date(first)} to {format_date(last)}"
    month = "" if first.month == last.month else f" {MONTHS[first.month - 1]}"
    return f"{first.day}{month} to {format_date(last)}"


def under_way(day: date, yearly: Callable[[int], TimeSpan]) -> TimeSpan | None:
    """The yearly span that `day` is in."""
    found = (yearly(day.year - step) for step in (0, 1) if day.year - step >= 1)
    return next((span for span in found if span.first <= day <= span.last), None)
