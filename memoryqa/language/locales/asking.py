"""What a question in another language than English says besides its words: that it asks for a time, days, and names."""

from __future__ import annotations

import calendar
from collections.abc import Collection, Iterator
from datetime import date
from functools import lru_cache

import regex

from memoryqa.language.locales.files import read_locale
from memoryqa.language.locales.flatten import flatten
from memoryqa.language.locales.patterns import CJK_NUMBER, date_patterns, either

_LEAST_NAME = 3  # letters of a name that may be inflected


@lru_cache(maxsize=32)
def _words(code: str, key: str) -> regex.Pattern[str]:
    locale = read_locale(code)
    words = f"(?:{flatten(locale[key])})"
    if locale["dates"].get("unspaced"):
        return regex.compile(words)
    return regex.compile(rf"(?<![\p{{L}}\p{{M}}]){words}(?![\p{{L}}\p{{M}}])")


def asks_time(question: str, code: str) -> bool:
    """Whether a question in the language `code` asks when or how long."""
    return _words(code, "when").search(flatten(question)) is not None


def asks_time_of_day(question: str, code: str) -> bool:
    """Whether a question in the language `code` asks for hours: "um wie viel Uhr"."""
    return _words(code, "time_of_day").search(flatten(question)) is not None


def without_events(question: str, code: str) -> str:
    """`question` without the words of the language `code` that ask for anything that happened."""
    return _without(question, _words(code, "events"))


def without_time_words(question: str, code: str) -> str:
    """`question` without the words of the language `code` that ask when: "an welchem Tag"."""
    return _without(question, _words(code, "which_day"))


def _without(question: str, words: regex.Pattern[str]) -> str:
    flat = flatten(question)
    if len(flat) != len(question):
        return question
    kept, position = [], 0
    for match in words.finditer(flat):
        kept.append(question[position : match.start()])
        position = match.end()
    return " ".join([*kept, question[position:]])


@lru_cache(maxsize=16)
def _day_or_month(code: str) -> regex.Pattern[str]:
    """Matches a month with its day and year, in the order of the language."""
    months = date_patterns(code).months
    day, year = r"(?P<day>\d{1,2})", r"(?P<year>\d{4})"
    if not months:
        number = rf"(?P<number>1?\d|十[一二]?|{CJK_NUMBER})"
        return regex.compile(rf"(?:{year} ?年 ?)?{number} ?月(?: ?份)?(?: ?{day} ?[日号])?")
    name = f"(?P<month>{either(months)})"
    if code == "ko":
        return regex.compile(rf"(?:{year} ?년 )?{name}(?: {day} ?일)?")
    of = r"(?: de| del| d'|')?"
    before, after = r"(?<![\p{L}\p{M}])", r"(?![\p{L}\p{M}])"
    return regex.compile(rf"{before}(?:{day}(?:\.|er|-го)?{of} )?{name}{after}(?:,?{of} {year})?")


def read_locale_windows(question: str, code: str, years: Collection[int]) -> Iterator[tuple[date, date]]:
    """The first and last days of what a question names: a day or a month, in each of `years` if it names no year."""
    patterns = date_patterns(code)
    for match in _day_or_month(code).finditer(flatten(question)):
        said = match.groupdict()
        month = _number(said["number"]) if said.get("number") else _place(str(said["month"]), patterns.months)
        for year in (int(said["year"]),) if said["year"] else sorted(years):
            if not (1 <= year <= 9998 and 1 <= month <= 12):
                continue
            last = calendar.monthrange(year, month)[1]
            if said["day"] is None:
                yield date(year, month, 1), date(year, month, last)
            elif 1 <= int(said["day"]) <= last:
                yield date(year, month, int(said["day"])), date(year, month, int(said["day"]))


def names_month(words: str, code: str) -> bool:
    """Whether `words` of the language `code` name a month."""
    return _day_or_month(code).search(flatten(words)) is not None


def _place(said: str, months: Collection[str]) -> int:
    return next(number for number, forms in enumerate(months, 1) if said in forms.split("|"))


def _number(said: str) -> int:
    if said.isdigit():
        return int(said)
    ten, ones = said.startswith("十"), said.removeprefix("十")
    return 10 * ten + ("〇一二三四五六七八九".index(ones) if ones else 0)


def is_form_of(word: str, name: str, code: str) -> bool:
    """Whether a folded word of a question in the language `code` is an inflected form of a folded name."""
    if code == "en" or len(name) < _LEAST_NAME:
        return False
    forms = _name_forms(code)
    return forms is not None and forms.fullmatch(f"{word} {name}") is not None


@lru_cache(maxsize=16)
def _name_forms(code: str) -> regex.Pattern[str] | None:
    """Matches a form and its name with a space between: they have a stem in common, and endings of the language."""
    locale = read_locale(code)
    if "name_endings" not in locale:
        return None
    before, form, name = locale.get("name_prefixes", ""), locale["name_endings"], locale["name_stems"]
    return regex.compile(rf"(?:{before})(?P<stem>\w{{{_LEAST_NAME - 1},}})(?:{form}) (?P=stem)(?:{name})")
