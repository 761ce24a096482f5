"""Handlers of `language.dating.grammar` for dates of the calendar without their year: days, ranges and parts of months.

Their year, or month, is the nearest one that fits: by the weekday beside it, else by the tense beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta

from memoryqa.language.dating.english.date_context import says_born, sentence_before, way_of
from memoryqa.language.dating.english.date_words import APPOSED, LETTERS, MONTH_NUMBERS, ORDINALS, WEEKDAY_NUMBERS
from memoryqa.language.dating.english.tense import Way, look_around
from memoryqa.language.dating.feasts import nth_weekday
from memoryqa.language.dating.time_spans import (
    STEP,
    TAKEN,
    YEAR,
    TimeSpan,
    between,
    one_day,
    same_weekday,
    whole_month,
    whole_year,
)

_SOON, _NEAR, _FAR = timedelta(45), timedelta(75), timedelta(270)
_BAD_LUCK = (4, 13)  # Friday the 13th
_OPENING_HOURS = re.compile(r"\b(?:open|closed|hours|daily|weekdays|shop|office)\b")
_MOVED = re.compile(r"\b(?:mov|chang|switch|shift|push|pull|reschedul|swap|transfer|postpon|delay|brought|bring)\w*")
_NUMBER = re.compile(r"\d{1,2}")


def read_month_day(words: str) -> tuple[int, int] | None:
    """Month and day in "may 12th", "the 12th of may", "12 may"; None for a day that no month has."""
    number = _NUMBER.search(words)
    month = next((MONTH_NUMBERS[word] for word in LETTERS.findall(words) if word in MONTH_NUMBERS), None)
    if number is None or month is None or not 1 <= int(number[0]) <= 31:
        return None
    return month, int(number[0])


def choose(way: Way, day: date, candidates: Iterable[date]) -> date | None:
    """The latest candidate up to `day`, or the earliest from it on; None when the way is open."""
    known = sorted(candidates)
    if way == "back":
        return max((one for one in known if one <= day), default=None)
    if way == "ahead":
        return min((one for one in known if one >= day), default=None)
    return None


def _valid(year: int, month: int, number: int) -> list[date]:
    try:
        return [date(year, month, number)]
    except ValueError:
        return []


def in_years_around(day: date, month: int, number: int, years: int = 1) -> list[date]:
    """That day of the month in the year of `day` and in `years` before and after."""
    around = range(day.year - years, day.year + years + 1)
    return [one for year in around for one in _valid(year, month, number)]


def dated(match: re.Match[str], day: date) -> TimeSpan | None:
    """ "on Friday, May 12", "May 12", "the 12th of May"."""
    if match["dated_year"]:
        return TAKEN
    month_day = read_month_day(match["dated_day"])
    if month_day is None:
        return None
    found = in_years_around(day, *month_day, years=1)
    way = way_of(match, match[0])
    if match["dated_weekday"]:
        weekday = WEEKDAY_NUMBERS[match["dated_weekday"].rstrip(".")[:3]]
        fitting = [one for one in found if one.weekday() == weekday]
        if fitting:
            return one_day(min(fitting, key=lambda one: abs(one - day)))
    chosen = None if says_born(match) else choose(way, day, found)
    return one_day(chosen) if chosen and not _is_odd(chosen, day, found) else TAKEN


def _is_odd(chosen: date, day: date, candidates: list[date]) -> bool:
    """Whether the same day of another year is so much nearer that the tense is a poor guide, as in lists of dates."""
    nearest = min(abs(one - day) for one in candidates)
    return abs(chosen - day) > _FAR and nearest < _NEAR


def nth(match: re.Match[str], day: date) -> TimeSpan | None:
    """ "the last Friday in April", "the first Monday of next month"."""
    which, weekday, year = ORDINALS[match["which_one"]], WEEKDAY_NUMBERS[match["nth_weekday"]], match["nth_year"]
    said = match["nth_month"].split()[0]
    if said in STEP:
        first = whole_month(day.year, day.month + STEP[said]).first
        return one_day(nth_weekday(first.year, first.month, weekday, which))
    if year:
        words = year.strip(", ").split()
        number = day.year + STEP[words[0]] if words[0] in STEP else int(words[-1])
        return one_day(nth_weekday(number, MONTH_NUMBERS[said], weekday, which))
    years = (day.year - 1, day.year, day.year + 1)
    found = [nth_weekday(one, MONTH_NUMBERS[said], weekday, which) for one in years]
    look = look_around(match.string, match.start(), match.end())
    if says_born(match) or (look.way == "ahead" and not (look.strong or look.beside or look.asks)):
        return TAKEN  # "on the second Sunday of May we have brunch"
    chosen = choose(look.way, day, found)
    return one_day(chosen) if chosen else TAKEN


def weekday_ordinal(match: re.Match[str], day: date) -> TimeSpan | None:
    """ "on Friday the 7th": the nearest month that has such a day, on the side where the tense looks."""
    weekday, number = WEEKDAY_NUMBERS[match["wo_weekday"]], int(match["wo_day"])
    months = (whole_month(day.year, day.month + step).first for step in range(-8, 9))
    found = [one for first in months for one in _valid(first.year, first.month, number) if one.weekday() == weekday]
    chosen = None if says_born(match) else choose(way_of(match, match[0]), day, found)
    if chosen and (weekday, number) == _BAD_LUCK and (match[0][:1] == "f" or abs(chosen - day) > _SOON):
        return TAKEN  # the film, or the omen
    return one_day(chosen) if chosen else TAKEN


def weekday_in_week(match: re.Match[str], day: date) -> TimeSpan | None:
    """ "on Tuesday next week": of the calendar week, Monday first."""
    which = match["wiw_which"] or match["wiw_which2"]
    weekday = WEEKDAY_NUMBERS[match["wiw_weekday"] or match["wiw_weekday2"]]
    monday = day - timedelta(day.weekday())
    return one_day(monday + timedelta(7 * STEP[which] + weekday))


def month_in_year(match: re.Match[str], day: date) -> TimeSpan | None:
    """ "in June next year", "in May '87"."""
    if match["miy_month"]:
        year = day.year + STEP[match["miy_which"]]
        return whole_month(year, MONTH_NUMBERS[match["miy_month"]])
    year = day.year - day.year % 100 + int(match["miy_short"])
    return whole_month(year - 100 * (year > day.year + 10), MONTH_NUMBERS[match["miy_month2"]])


def apposed(text: str, match: re.Match[str], span: TimeSpan) -> tuple[TimeSpan, int]:
    """`span` with the second part of its date, and where that ends: "next Monday, the 16th", "tomorrow, Thursday".

    The second part decides where it is more exact. It counts only when it agrees with the first.
    """
    second = None if span is TAKEN or span.first != span.last else APPOSED.match(text, match.end())
    if second is None or not (second["also_weekday"] or second["also_day"] or second["also_number"]):
        return span, match.end()
    first = span.first
    weekday = WEEKDAY_NUMBERS[second["also_weekday"]] if second["also_weekday"] else first.weekday()
    if second["also_day"]:
        if second["also_year"]:
            return TAKEN, second.end()
        month_day = read_month_day(second["also_day"])
        found = in_years_around(first, *month_day) if month_day else []
    elif second["also_number"]:
        months = (whole_month(first.year, first.month + step).first for step in (-1, 0, 1))
        found = [day for one in months for day in _valid(one.year, one.month, int(second["also_number"]))]
    else:
        found = [first]
    found = [one for one in found if one.weekday() == weekday and abs(one - first) <= timedelta(14)]
    if not found:
        return span, match.end()
    nearest = min(found, key=lambda one: abs(one - first))
    return (span if nearest == first else one_day(nearest)), second.end()


# ------------------------------------------------------------------ parts of a month, a week, a year


def part(match: re.Match[str], day: date) -> TimeSpan | None:
    """ "at the end of the month", "early next year", "mid-June"."""
    if match["part_year"] and match["part_year"].strip(", ")[:2] not in ("la", "ne", "th"):
        return TAKEN
    which = match["stage"] or match["stage2"]
    stage = {"start": "early", "beginning": "early", "middle": "mid", "end": "late"}.get(which, which)
    said, _, unit = match["part_of"].partition(" ")
    unit = unit.strip()
    way = way_of(match, match[0])
    if not unit:
        return _part_of_named_month(match, day, stage, which, way)
    step = {"last": -1, "next": 1}.get(said, 0)
    whole = _whole(unit, day, step)
    span = _stage(whole, unit, stage, which)
    if said == "the":
        if way in ("habit", "unclear"):
            return None
        if way == "back" and span.first > day:
            span = _stage(_whole(unit, day, -1), unit, stage, which)
        if way == "ahead" and span.last < day:
            span = _stage(_whole(unit, day, 1), unit, stage, which)
    return span


def _part_of_named_month(match: re.Match[str], day: date, stage: str, which: str, way: Way) -> TimeSpan | None:
    month, relative = MONTH_NUMBERS[match["part_of"]], match["part_year"]
    steps = [STEP[relative.split()[0]]] if relative else [-1, 0, 1]
    spans = [_stage(whole_month(day.year + step, month), "month", stage, which) for step in steps]
    if relative:
        return spans[0]
    if way == "back":
        return max((one for one in spans if one.first <= day), default=None, key=lambda one: one.first)
    if way == "ahead":
        return min((one for one in spans if one.last >= day), default=None, key=lambda one: one.first)
    return None


def _whole(unit: str, day: date, step: int) -> TimeSpan:
    if unit == "week":
        monday = day - timedelta(day.weekday()) + timedelta(7 * step)
        return TimeSpan("", monday, monday + timedelta(6))
    return whole_month(day.year, day.month + step) if unit == "month" else whole_year(day.year + step)


def _stage(whole: TimeSpan, unit: str, stage: str, which: str) -> TimeSpan:
    """The early, middle or late third or so of a week, a month or a year; of a year its end is December."""
    first, last = whole.first, whole.last
    if unit == "week":
        ends = {"early": (0, 2), "mid": (2, 3), "late": (4, 6)}[stage]
        days = first + timedelta(ends[0]), first + timedelta(ends[1])
        return TimeSpan(between(*days), *days)
    wording = {"early": "early", "mid": "mid", "late": "late"}[stage]
    if unit == "month":
        ends = {"early": (1, 10), "mid": (11, 20), "late": (21, last.day)}[stage]
        wording = "the end of" if which == "end" else "the beginning of" if which in ("start", "beginning") else wording
        wording = "mid" if which == "middle" else wording
        return TimeSpan(f"{wording} {whole.value}", first.replace(day=ends[0]), first.replace(day=ends[1]))
    if which == "end":
        return TimeSpan(f"the end of {whole.value}", date(first.year, 12, 1), last)
    months = {"early": (1, 3), "mid": (5, 8), "late": (10, 12)}[stage]
    from_, to = whole_month(first.year, months[0]).first, whole_month(first.year, months[1]).last
    return TimeSpan(f"{wording} {whole.value}", from_, to)


# ------------------------------------------------------------------ ranges


def span(match: re.Match[str], day: date) -> TimeSpan | None:
    """ "from Monday to Thursday", "June 14-16", "between March and May"."""
    if YEAR.search(match[0]):
        return TAKEN
    opens_range = re.match(r"(?:from|between)\b", match[0]) is not None
    if " and " in " ".join(match[0].split()) and not match[0].startswith("between"):
        return None  # two dates, not a range
    if match[0].startswith("from") and _MOVED.search(sentence_before(match)):
        return TAKEN  # "moved from Monday to Thursday"
    way = way_of(match)
    if way not in ("back", "ahead"):
        return TAKEN  # its ends are no dates either
    if words := match["span_weekdays"]:
        if _OPENING_HOURS.search(match.string, max(0, match.start() - 40), match.end() + 40):
            return TAKEN
        return _weekdays(words, day, way)
    if words := match["span_months"]:
        return _months(words, day, way) if opens_range else None
    if words := match["span_ordinals"]:
        first, last = (int(number) for number in _NUMBER.findall(words))
        months = (whole_month(day.year, day.month + step).first for step in (-1, 0, 1))
        return _from_to(
            day, way, [(_valid(one.year, one.month, first), _valid(one.year, one.month, last)) for one in months]
        )
    if words := match["span_days"]:
        month = next(MONTH_NUMBERS[word] for word in LETTERS.findall(words) if word in MONTH_NUMBERS)
        first, last = (int(number) for number in _NUMBER.findall(words)[:2])
        ends = [(_valid(year, month, first), _valid(year, month, last)) for year in range(day.year - 1, day.year + 2)]
        return _from_to(day, way, ends)
    return _dates(match["span_dates"], day, way)


def _weekdays(words: str, day: date, way: Way) -> TimeSpan:
    first, last = (WEEKDAY_NUMBERS[word] for word in LETTERS.findall(words) if word in WEEKDAY_NUMBERS)
    if way == "ahead":
        begin = same_weekday("next", day, first).first
        return _days(begin, begin + timedelta((last - first) % 7 or 7))
    end = same_weekday("last", day, last).first
    return _days(end - timedelta((last - first) % 7 or 7), end)


def _months(words: str, day: date, way: Way) -> TimeSpan | None:
    first, last = (MONTH_NUMBERS[word] for word in LETTERS.findall(words) if word in MONTH_NUMBERS)
    spans = []
    for year in range(day.year - 2, day.year + 2):
        begin, end = whole_month(year, first), whole_month(year + (last < first), last)
        value = f"{begin.value.split()[0] if begin.first.year == end.first.year else begin.value} to {end.value}"
        spans.append(TimeSpan(value, begin.first, end.last))
    return _nearest(spans, day, way)


def _dates(words: str, day: date, way: Way) -> TimeSpan | None:
    parts = re.split(r"\s*(?:-|–|—)\s*|\s+(?:to|until|till|til|through|thru|and)\s+", words)
    ends = [read_month_day(one) for one in parts]
    if len(ends) != 2 or ends[0] is None or ends[1] is None:
        return None
    (first_month, first), (last_month, last) = ends[0], ends[1]
    later = (last_month, last) < (first_month, first)
    years = range(day.year - 2, day.year + 2)
    pairs = [(_valid(year, first_month, first), _valid(year + later, last_month, last)) for year in years]
    return _from_to(day, way, pairs)


def _from_to(day: date, way: Way, ends: Iterable[tuple[list[date], list[date]]]) -> TimeSpan | None:
    spans = [_days(begin, end) for first, last in ends for begin in first for end in last if begin < end]
    return _nearest(spans, day, way)


def _nearest(spans: list[TimeSpan], day: date, way: Way) -> TimeSpan | None:
    if way == "back":
        return max((one for one in spans if one.first <= day), default=None, key=lambda one: one.first)
    return min((one for one in spans if one.last >= day), default=None, key=lambda one: one.first)


def _days(first: date, last: date) -> TimeSpan:
    return TimeSpan(between(first, last), first, last)
