"""The grammar behind `dating.dates`: which days the words that name a time mean, by the day on which they were said.

`PATTERN` is scanned over a folded turn. Each of its alternatives has the name of a handler in `HANDLERS`, which turns
the match into a `TimeSpan`. A handler returns None when the words around the match show that it is no date ("my last
week here"), or when they leave open which date it is; TAKEN when the words are a date that needs no annotation. A
weekday, a month or a festival alone is the last or the next one by the tense beside it (`dating.english.tense`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta

from memoryqa.language.dating.english import calendar_dates, tensed_dates
from memoryqa.language.dating.english.date_context import just_before, sentence_before
from memoryqa.language.dating.english.date_words import (
    NUMBER_WORDS,
    PATTERN,
    TIME_EXPRESSION,
    TRIGGER,
    VAGUE_COUNTS,
    WEEKDAY_NUMBERS,
)
from memoryqa.language.dating.english.tense import look_around
from memoryqa.language.dating.english.tensed_dates import (
    WEEK_AFTER,
    latest_weekday,
    this_time,
    this_weekend,
    yearly_named,
)
from memoryqa.language.dating.time_spans import (
    SEASON_FIRST_MONTH,
    STEP,
    TAKEN,
    TimeSpan,
    Which,
    one_day,
    recurring,
    same_weekday,
    shift,
    week,
    weekend,
    whole_month,
    whole_year,
)
from memoryqa.turns import format_date

__all__ = ["HANDLERS", "NUMBER_WORDS", "PATTERN", "TIME_EXPRESSION", "TRIGGER", "fold"]

_WHICH: dict[str, Which] = {"this past": "last", "past": "last", "this coming": "next", "last": "last", "next": "next"}
# ------------------------------------------------------------------ the words around a match

_PERFECT = re.compile(r"\b(?:have|has|haven't|hasn't|been)\b|'ve\b")
_NOT_PERFECT = re.compile(r"(?<!'ve )(?<!have )(?<!has )\bhad\b|'d\b|\bwill have\b|\bago\b")
_ENDS_IN_DETERMINER = re.compile(r"\b(?:the|my|our|your|their|his|its|every|each|very|these|this)\s+$")
_ENDS_IN_NUMBER = re.compile(r"(?:\b(?:or|to|and|half)\s+|[\d.,/–-])$")  # "two or three years ago", "2-3 years ago"
_ENDS_IN_LIMIT = re.compile(
    r"\b(?:(?:more|less|fewer|longer|later|earlier) than|(?:just )?under|over|at (?:least|most)|up to)\s+$"
)
_TODAY_AFTER = re.compile(r"\s+today\b")
_DAY_AFTER = re.compile(r"\s+(?:today|(?P<back>yesterday)|(?P<ahead>tomorrow))\b")  # "a week ago yesterday"
_ENDS_IN_AGO = re.compile(r"\bago\s+$")
_ENDS_IN_SEEMS = re.compile(r"\blike\s+(?:(?:it was|only|just)\s+)*$")  # "it feels like just yesterday"
_ENDS_IN_RATE = re.compile(r"\b(?:once|twice|times?)\s+$")  # "once in a week", "the first time in two years"
_ABLE = re.compile(r"\b(?:can|could|able|possible|lasts?|takes?)\b")  # "you can learn it in two weeks"
_WERE = re.compile(r"\s+(?:were|is another day)\b")
_ENDS_IN_NO = re.compile(r"\b(?:no|gone)\s+$")  # "like there's no tomorrow"


def fold(text: str) -> str:
    """`text` in lower case with straight apostrophes and every character in its place, as the patterns here read it."""
    return text.replace("İ", "i").lower().replace("’", "'")  # lower() would make İ two characters


def _read_count(words: str) -> tuple[int, int]:
    """The least and the most that a count means: `three` -> (3, 3), `a few` -> (2, 5)."""
    tokens = words.split()
    for vague, limits in VAGUE_COUNTS.items():
        if vague in tokens:
            return limits
    word = tokens[-1]
    count = 1 if word in ("a", "an") else int(word) if word.isdigit() else NUMBER_WORDS.index(word)
    return count, count


def _unit(count: int, unit: str) -> tuple[int, str]:
    """A count of days, weeks, months or years that is as long."""
    plain = {"fortnight": (2, "week"), "decade": (10, "year"), "night": (1, "day")}.get(unit, (1, unit))
    return count * plain[0], plain[1]


# ------------------------------------------------------------------ counted from the day of saying


def _near_day(match: re.Match[str], day: date) -> TimeSpan | None:
    words = match["near_day"].split()
    if "other" in words:
        return TimeSpan(f"a few days before {format_date(day)}", day - timedelta(5), day - timedelta(2))
    if _ENDS_IN_AGO.search(just_before(match)):
        return TAKEN
    if words[0] == "yesterday" and _ENDS_IN_SEEMS.search(just_before(match)):
        return None
    if _WERE.match(match.string, match.end()) or _ENDS_IN_NO.search(just_before(match)):
        return None  # "if only tomorrow were a holiday"
    around = match.string[max(0, match.start() - 60) : match.end() + 60]
    if match[0].endswith("'s") and "yesterday's" in around and "tomorrow's" in around:
        return None  # a proverb
    if WEEK_AFTER.match(match.string, match.end()):
        return TAKEN
    offset = 2 if "day" in words else 1
    return one_day(day + timedelta(offset if "tomorrow" in words else -offset))


def _named(match: re.Match[str], day: date) -> TimeSpan | None:
    said, name = " ".join(match["which"].split()), " ".join(match["name"].split())
    which = _WHICH.get(said, "this")
    if said != "past" and _ENDS_IN_DETERMINER.search(just_before(match)):
        return None
    if name == "week":
        return week(which, day)
    if name == "weekend":
        return this_weekend(match, day) if which == "this" else weekend(which, day)
    if name == "month":
        return whole_month(day.year, day.month + STEP[which])
    if name == "year":  # the header above the line shows which year "this" is
        return None if which == "this" else whole_year(day.year + STEP[which])
    if yearly := yearly_named(name):
        if (said, name) == ("this", "may"):
            return None
        return this_time(match, day, yearly) if said == "this" else recurring(which, day, yearly)
    weekday = WEEKDAY_NUMBERS[name.split()[0]]
    if WEEK_AFTER.match(match.string, match.end()):
        return TAKEN
    if said != "this":
        return same_weekday(which, day, weekday)
    if not name.split()[0].endswith("day"):  # "this sun is hot"
        return None
    way = look_around(match.string, match.start(), match.end()).way
    if way == "habit":
        return None
    return latest_weekday(day, weekday) if way == "back" else same_weekday("this", day, weekday)


def _ago(match: re.Match[str], day: date) -> TimeSpan | None:
    count, unit = " ".join(match["ago_count"].split()), match["ago_unit"]
    if match["ago_weekday"]:
        return TAKEN  # "a week ago on Sunday" is neither
    least, most = _read_count(count)
    if match["ago_half"] or _ENDS_IN_NUMBER.search(just_before(match)) or _ENDS_IN_LIMIT.search(just_before(match)):
        return None
    beside = _DAY_AFTER.match(match.string, match.end()) if least == most else None
    if beside and unit in ("day", "week", "fortnight"):
        days = timedelta(bool(beside["ahead"]) - bool(beside["back"]))
        return shift(day + days, -_unit(least, unit)[0], _unit(least, unit)[1])
    if unit in ("month", "year") and least == most and _TODAY_AFTER.match(match.string, match.end()):
        return one_day(shift(day, -least * (12 if unit == "year" else 1), "month").first.replace(day=day.day))
    if unit in WEEKDAY_NUMBERS:
        latest, back = same_weekday("last", day, WEEKDAY_NUMBERS[unit]), timedelta(7)
        return one_day(latest.first - (least - 1) * back) if least == most else None
    if unit in SEASON_FIRST_MONTH or unit in ("christmase", "thanksgiving", "easter"):
        yearly = yearly_named({"christmase": "christmas"}.get(unit, unit))
        assert yearly is not None
        year = recurring("last", day, yearly).first.year
        return yearly(year - least + 1) if least == most else None
    if unit == "weekend":
        latest, back = weekend("last", day), timedelta(7)
        first, last = latest.first - (most - 1) * back, latest.last - (least - 1) * back
    else:
        (least, unit), (most, _) = _unit(least, unit), _unit(most, unit)
        if least == most:
            return shift(day, -least, unit)
        first, last = shift(day, -most, unit).first, shift(day, -least, unit).last
    said_in = {"month": whole_month(day.year, day.month).value, "year": str(day.year)}.get(unit, format_date(day))
    return TimeSpan(f"{count} {unit}{'s' * (most > 1)} before {said_in}", first, last)


def _lasting(match: re.Match[str], day: date) -> TimeSpan | None:
    before = sentence_before(match)
    still_lasts = match["now"] or (match["for"] and _PERFECT.search(before) and not _NOT_PERFECT.search(before))
    least, most = _read_count(match["lasting_count"])
    if not still_lasts or least != most or _ENDS_IN_NUMBER.search(before) or _ENDS_IN_LIMIT.search(before):
        return None
    since = shift(day, -least, match["lasting_unit"])
    return since._replace(value=f"since {since.value}")


def _from_now(match: re.Match[str], day: date) -> TimeSpan | None:
    count, unit = _unit(_read_count(match["from_count"])[0], match["from_unit"])
    if _ENDS_IN_NUMBER.search(just_before(match)):
        return None
    start = match["from_day"]
    if start in WEEKDAY_NUMBERS:
        return shift(same_weekday("next", day, WEEKDAY_NUMBERS[start]).first, count, unit)
    return shift(day + timedelta(start == "tomorrow"), count, unit)


def _ahead(match: re.Match[str], day: date) -> TimeSpan | None:
    least, most = _read_count(match["ahead_count"])
    count, unit = _unit(least, match["ahead_unit"])
    if least != most or (match["ahead_count"], match["ahead_unit"]) == ("a", "year"):  # "twenty books in a year"
        return None
    return shift(day, count, unit) if _is_ahead(match) else None


def _is_ahead(match: re.Match[str]) -> bool:
    """Whether "in two weeks" is a time to come and not how long something takes."""
    before = sentence_before(match)
    if _ENDS_IN_RATE.search(just_before(match)) or _ABLE.search(before):
        return False
    return look_around(match.string, match.start(), match.end()).way == "ahead"


def _hours(match: re.Match[str], moment: date) -> TimeSpan | None:
    """The time of the day; None where only the day of saying is known."""
    if not isinstance(moment, datetime) or not (moment.hour or moment.minute or moment.second):
        return None
    back = match[0].endswith("ago")
    if not back and not _is_ahead(match):
        return None
    if match["half_ago"] or match["half_ahead"]:
        minutes = 30.0
    else:
        least, most = _read_count(match["hours_ago"] or match["hours_ahead"])
        if least != most or _ENDS_IN_NUMBER.search(just_before(match)):
            return None
        minutes = (least + 0.5 * ("half" in match[0])) * (
            60 if (match["ago_clock"] or match["ahead_clock"])[0] == "h" else 1
        )
    then = moment + timedelta(minutes=-minutes if back else minutes)
    return TimeSpan(f"{then:%H:%M} on {format_date(then)}", then.date(), then.date())


def _beyond(match: re.Match[str], day: date) -> TimeSpan | None:
    """ "the week after next", "the Friday before last"."""
    step, unit = (2 if "next" in match["beyond_way"] else -2), match["beyond_unit"]
    if unit == "week":
        monday = day - timedelta(day.weekday()) + timedelta(7 * step)
        return TimeSpan(f"the week of {format_date(monday)}", monday, monday + timedelta(6))
    if unit == "weekend":
        near, more = (weekend("this", day), timedelta(7)) if step > 0 else (weekend("last", day), -timedelta(7))
        first = near.first + more * (2 - (step < 0)) - timedelta(7) * (step > 0 and day.weekday() >= 5)
        return TimeSpan(f"the weekend of {format_date(first)}", first, first + timedelta(1))
    if unit == "month":
        return whole_month(day.year, day.month + step)
    if unit == "year":
        return whole_year(day.year + step)
    if yearly := yearly_named(unit):
        return yearly(recurring("next" if step > 0 else "last", day, yearly).first.year + (1 if step > 0 else -1))
    near = same_weekday("next" if step > 0 else "last", day, WEEKDAY_NUMBERS[unit])
    return one_day(near.first + timedelta(7 if step > 0 else -7))


HANDLERS: dict[str, Callable[[re.Match[str], date], TimeSpan | None]] = {
    "span": calendar_dates.span,
    "dated": calendar_dates.dated,
    "weekday_ordinal": calendar_dates.weekday_ordinal,
    "weekday_in_week": calendar_dates.weekday_in_week,
    "month_in_year": calendar_dates.month_in_year,
    "part": calendar_dates.part,
    "nth": calendar_dates.nth,
    "beyond": _beyond,
    "near_day": _near_day,
    "named": _named,
    "hours": _hours,
    "ago": _ago,
    "lasting": _lasting,
    "from_now": _from_now,
    "ahead": _ahead,
    "on_weekday": tensed_dates.on_weekday,
    "on_ordinal": tensed_dates.on_ordinal,
    "in_month": tensed_dates.in_month,
    "in_season": tensed_dates.in_season,
    "feast": tensed_dates.feast,
    "weekday_alone": tensed_dates.weekday_alone,
}
