"""Resolves dates in languages other than English, by the words of their data files.

As in English a wrong date is worse than none: a weekday, month or day of a month is the last or the next one by the
tense of its sentence, and is left alone in habits, in quotes and beside "street". The wordings are those of
memoryqa/language/dating/time_spans.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import lru_cache, partial
from typing import NamedTuple

import regex

from memoryqa.language.dating.time_spans import (
    STEP,
    TimeSpan,
    Which,
    one_day,
    recurring,
    same_weekday,
    season,
    shift,
    under_way,
    week,
    weekend,
    whole_month,
    whole_year,
)
from memoryqa.language.locales.flatten import flatten, lower
from memoryqa.language.locales.patterns import QUOTED, DatePatterns, date_patterns
from memoryqa.language.locales.tense import is_habit, looks_back, way

_LONGEST_SENTENCE = 600  # characters that are read to each side of a date
_NEAR = 25  # characters around a date in which "street" makes it a name
_DAY_AFTER = regex.compile(
    r",? (?:der |den |dem |de |le |el |il |o |dia |día )?(\d{1,2})(?![\d:]|[.,h]\d|h| ?uhr| ?heures?)"
)
_SEASONS = ("spring", "summer", "autumn", "winter")
_CJK_DIGITS = {sign: value for value, sign in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}


class FoundDate(NamedTuple):
    """`text[start:end]` means the days of `span`."""

    start: int
    end: int
    span: TimeSpan


class _Words(NamedTuple):
    """A match in its text. flat: the text flattened, as the pattern reads it. lower: in lower case, with its marks."""

    match: regex.Match[str]
    text: str
    flat: str
    lower: str
    code: str

    @property
    def patterns(self) -> DatePatterns:
        return date_patterns(self.code)

    def group(self, name: str) -> str | None:
        return self.match[name] if name in self.match.re.groupindex else None


def find_dates(text: str, day: date, code: str) -> list[FoundDate]:
    """The dates in a text of the language `code` that was said on `day`: in order, without overlap."""
    patterns, flat = date_patterns(code), flatten(text)
    if len(flat) != len(text):
        return []
    quoted = bytearray(len(text))
    for quote in QUOTED.finditer(text):
        quoted[quote.start() + 1 : quote.end()] = b"\1" * (quote.end() - quote.start() - 1)
    found: list[FoundDate] = []
    lowered = lower(text)
    weekday_end = -1
    for match in patterns.pattern.finditer(flat):
        if quoted[match.start()]:
            continue
        kind = next(name for name in match.re.groupindex if name in _READERS and match[name])
        if kind == "kind_ahead" and weekday_end >= 0 and not flat[weekday_end : match.start()].strip():
            found = [one for one in found if one.end != weekday_end]  # "Monday in a week" is neither
            continue
        weekday_end = match.end() if kind == "kind_on_weekday" else -1
        span = _read(kind, _Words(match, text, flat, lowered, code), day)
        if span is not None:
            found.append(FoundDate(match.start(), match.end(), span))
    return found


def names_time(text: str, code: str) -> bool:
    """Whether a text of the language `code` names a date, resolved or not."""
    return date_patterns(code).pattern.search(flatten(text)) is not None


def _read(kind: str, words: _Words, day: date) -> TimeSpan | None:
    try:
        return _READERS[kind](words, day)
    except (OverflowError, ValueError, StopIteration):  # beyond what `date` can hold
        return None


# ---------------------------------------------------------------- one kind each


def _near_day(words: _Words, day: date) -> TimeSpan | None:
    said, patterns = str(words.group("near")), words.patterns
    if patterns.not_days and patterns.not_days.search(words.flat[: words.match.start()]):
        return None
    if said in patterns.days:
        return one_day(day + timedelta(patterns.days[said]))
    which = _way(words)
    return one_day(day + timedelta(STEP[which] * patterns.tense_days[said])) if which else None


def _ago(words: _Words, day: date) -> TimeSpan | None:
    count, unit = _amount(words)
    return shift(day, -count, unit)


def _ahead(words: _Words, day: date) -> TimeSpan | None:
    count, unit = _amount(words)
    if words.patterns.strict_ahead and _looks_back(words):
        return None  # "in three days he had painted it"
    return shift(day, count, unit)


def _named(words: _Words, day: date) -> TimeSpan | None:
    last = words.patterns.last
    which: Which = "last" if last and last.fullmatch(str(words.group("which"))) else "next"
    if words.group("weekend"):
        return weekend(which, day)
    if weekday := words.group("weekday"):
        return same_weekday(which, day, _place_of(weekday, words.patterns.weekdays))
    return _unit_from_now(_unit(str(words.group("unit")), words.patterns), STEP[which], day)


def _span(words: _Words, day: date) -> TimeSpan | None:
    unit, step = words.patterns.spans[str(words.group("span"))]
    if unit == "weekend" and not step:
        span = weekend("this", day)
        return weekend("last", day) if span.first > day and _way(words) == "last" else span
    return _unit_from_now(unit, step, day)


def _season(words: _Words, day: date) -> TimeSpan | None:
    """ "last summer", "this summer": the one under way, else the one where the tense looks."""
    yearly = partial(season, _SEASONS[_place_of(str(words.group("season")), words.patterns.seasons)])
    step = _step(str(words.group("when")), words.patterns.season_when)
    if step:
        year = recurring("last" if step < 0 else "next", day, yearly).first.year
        return yearly(year + step - (1 if step > 0 else -1))
    if current := under_way(day, yearly):
        return current
    which = _way(words)
    near = (yearly(day.year + one) for one in ((0, -1) if which == "last" else (0, 1)))
    return next((one for one in near if which is None or (one.first <= day) == (which == "last")), None)


def _season_of_year(words: _Words, day: date) -> TimeSpan | None:
    """ "the summer of last year"; a winter is of two years."""
    name = _SEASONS[_place_of(str(words.group("season")), words.patterns.seasons)]
    step = _step(str(words.group("yearword")), words.patterns.season_years)
    return None if name == "winter" else season(name, day.year + step)


def _step(said: str, steps: Mapping[str, int]) -> int:
    return next(step for form, step in steps.items() if regex.fullmatch(form, said))


def _of_week(words: _Words, day: date) -> TimeSpan | None:
    said = str(words.group("weekof"))
    weeks = _step(said, words.patterns.weeks)
    weekday = _place_of(str(words.group("weekday")), words.patterns.weekdays)
    return one_day(day + timedelta(7 * weeks - day.weekday() + weekday))


def _on_weekday(words: _Words, day: date) -> TimeSpan | None:
    said = words.group("weekday")
    if said is None or _is_habit(words) or _is_place(words):
        return None
    which = _way(words)
    if which is None or _is_ordinal(words):
        return None
    span = same_weekday(which, day, _place_of(said, words.patterns.weekdays))
    number = _DAY_AFTER.match(words.flat, words.match.end())
    return None if number and int(number[1]) != span.first.day else span  # "Freitag, der 13."


def _since(words: _Words, day: date) -> TimeSpan | None:
    return same_weekday("last", day, _place_of(str(words.group("weekday")), words.patterns.weekdays))


def _until(words: _Words, day: date) -> TimeSpan | None:
    if _looks_back(words):
        return None
    return same_weekday("next", day, _place_of(str(words.group("weekday")), words.patterns.weekdays))


def _in_month(words: _Words, day: date) -> TimeSpan | None:
    month, which = _month(words), _way(words)
    if which is None or _is_place(words) or _is_habit(words):
        return None
    if month == day.month and which == "next":
        return None
    return recurring(which, day, lambda year: whole_month(year, month))


def _on_date(words: _Words, day: date) -> TimeSpan | None:
    month, number = _month(words), _number(str(words.group("dd")), words.patterns, default=1)
    if _is_place(words):
        return None
    if year := words.group("yyyy"):
        return one_day(date(int(year), month, number))
    which = _way(words)
    years = (day.year - 1, day.year, day.year + 1)
    days = [date(year, month, number) for year in years if (month, number) != (2, 29) or year % 4 == 0]
    if which == "last":
        return one_day(max(one for one in days if one < day))
    return one_day(min(one for one in days if one > day)) if which == "next" else None


_READERS: dict[str, Callable[[_Words, date], TimeSpan | None]] = {
    "kind_day": _near_day,
    "kind_ago": _ago,
    "kind_ahead": _ahead,
    "kind_named": _named,
    "kind_span": _span,
    "kind_season": _season,
    "kind_season_of_year": _season_of_year,
    "kind_of_week": _of_week,
    "kind_since": _since,
    "kind_until": _until,
    "kind_on_weekday": _on_weekday,
    "kind_in_month": _in_month,
    "kind_on_date": _on_date,
}


# ---------------------------------------------------------------- what the words say


def _unit_from_now(unit: str, step: int, day: date) -> TimeSpan:
    if unit == "week":
        return week("last" if step < 0 else "next", day)
    if unit == "weekend":
        return weekend("last" if step < 0 else "next", day)
    return whole_month(day.year, day.month + step) if unit == "month" else whole_year(day.year + step)


def _amount(words: _Words) -> tuple[int, str]:
    if counted := words.group("counted"):
        count, unit = words.patterns.counted[counted]
        return count, unit
    return _number(str(words.group("n")), words.patterns), _unit(str(words.group("unit")), words.patterns)


def _unit(said: str, patterns: DatePatterns) -> str:
    for unit, forms in patterns.units.items():
        if said in forms.split("|"):
            return unit
    raise ValueError(said)


@lru_cache(maxsize=2048)
def _place_of(said: str, patterns: tuple[str, ...]) -> int:
    return next(place for place, pattern in enumerate(patterns) if regex.fullmatch(pattern, said))


def _month(words: _Words) -> int:
    if said := words.group("month"):
        return _place_of(said, words.patterns.months) + 1
    month = _number(str(words.group("monthnumber")), words.patterns)
    if not 1 <= month <= 12:
        raise ValueError(month)
    return month


def _number(said: str, patterns: DatePatterns, default: int | None = None) -> int:
    """`3`, `drei` and `三` are 3. `default`: the value of other words, as "first"."""
    if said.isdigit() and said.isascii():
        return int(said)
    for value, forms in enumerate(patterns.numbers, 1):
        if said in forms.split("|"):
            return value
    if default is not None and not set(said) <= {*_CJK_DIGITS, "十"}:
        return default
    tens, ten, ones = said.rpartition("十")
    return (_CJK_DIGITS.get(tens, 1) * 10 if ten else 0) + (_CJK_DIGITS[ones] if ones else 0)


# ---------------------------------------------------------------- what stands around them


def _beside(words: _Words, text: str) -> tuple[str, str]:
    """What is before and after the date in `text`, the written one or that in lower case, as far as a sentence goes."""
    start, end = words.match.span()
    return text[max(0, start - _LONGEST_SENTENCE) : start], text[end : end + _LONGEST_SENTENCE]


def _way(words: _Words) -> Which | None:
    return way(*_beside(words, words.text), words.code)


def _looks_back(words: _Words) -> bool:
    return looks_back(*_beside(words, words.text), words.code)


def _is_habit(words: _Words) -> bool:
    said = words.lower[words.match.start() : words.match.end()]
    return is_habit(*_beside(words, words.lower), said, words.code)


def _is_ordinal(words: _Words) -> bool:
    """Whether the weekday is "the second", of something: "na segunda vez"."""
    ordinal = words.patterns.ordinal
    return ordinal is not None and any(
        match.start() <= words.match.end() < match.end() for match in ordinal.finditer(words.flat)
    )


def _is_place(words: _Words) -> bool:
    start, end = words.match.span()
    place = words.patterns.place
    return bool(place.search(words.flat[max(0, start - _NEAR) : start]) or place.search(words.flat[end : end + _NEAR]))
