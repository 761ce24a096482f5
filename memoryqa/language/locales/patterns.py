"""Makes one pattern of a language's date words (the `dates` of its data file).

A list of words is written with bars ("tag|tage"), a template with words in braces: {amount} (a number and a unit),
{weekday}, {month}, {monthnumber}, {dd}, {yyyy}, {part}, {season}, {when} (which one) and {yearword} ("of last year").
Words are flattened, and so is the text that is searched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import regex

from memoryqa.language.locales.files import read_locale
from memoryqa.language.locales.flatten import flatten

UNITS = ("day", "week", "month", "year")
CJK_NUMBER = "[〇零一二三四五六七八九十两]"
_LETTER = r"[\p{L}\p{M}\p{N}]"
_QUOTED = (
    r'"[^"\n]{1,80}"|„[^“”\n]{1,80}[“”]|«[^»\n]{1,80}»|“[^”\n]{1,80}”|《[^》\n]{1,80}》|[『「][^』」\n]{1,80}[』」]'
)
QUOTED = regex.compile(_QUOTED)


_ENDINGS, _SS = 28, 20  # Hangul syllables are in the order of their endings; this one is ㅆ, as in "갔", "뒀", "됐"
_NO_PAST = "있겠밌"  # "is", "will", "fun" end so too
_PAST_SYLLABLES = [sign for sign in map(chr, range(0xAC00 + _SS, 0xD7A4, _ENDINGS)) if sign not in _NO_PAST]


@dataclass(frozen=True, slots=True)
class DatePatterns:
    """A language's date words, ready to be searched for.

    pattern: its matches have a `kind_*` group and groups for what the words name. weekdays, months, numbers, units:
    patterns of the words, in order. days, tense_days: words -> days from the day of saying; tense_days look either way.
    counted: words that mean a number of a unit. spans: words that mean a unit, and how many from now. weeks: words
    before a weekday -> weeks from now. seasons: from spring on. season_when, season_years: words that say which one, or
    of which year -> steps from now. past, present, future, unclear, conditional, habit, place, not_days: what is
    around a date. not_past: words that only look like a past tense. ambiguous: forms of the past and the present.
    alone: in a clause that looks by itself, whatever the rest of the sentence says: ahead, or (not alone_ahead) not
    to be known. open: in a clause with a verb that is not known. conjunction: between two such clauses.
    ordinal: "the second time", where "segunda" is no Monday. unmarked: where a sentence without a sign of tense looks.
    future_wins: over signs of the past. strict_ahead: "in three days" looks ahead only where nothing is past.
    """

    pattern: regex.Pattern[str]
    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    numbers: tuple[str, ...]
    units: Mapping[str, str]
    days: Mapping[str, int]
    tense_days: Mapping[str, int]
    counted: Mapping[str, tuple[int, str]]
    spans: Mapping[str, tuple[str, int]]
    weeks: Mapping[str, int]
    seasons: tuple[str, ...]
    season_when: Mapping[str, int]
    season_years: Mapping[str, int]
    last: regex.Pattern[str] | None
    past: regex.Pattern[str]
    not_past: regex.Pattern[str] | None
    present: regex.Pattern[str] | None
    ambiguous: regex.Pattern[str] | None
    conditional: regex.Pattern[str] | None
    alone: regex.Pattern[str] | None
    alone_ahead: bool
    open: regex.Pattern[str] | None
    conjunction: regex.Pattern[str] | None
    ordinal: regex.Pattern[str] | None
    future: regex.Pattern[str]
    unclear: regex.Pattern[str] | None
    habit: regex.Pattern[str]
    place: regex.Pattern[str]
    not_days: regex.Pattern[str] | None
    unmarked: str
    future_wins: bool
    strict_ahead: bool


def either(words: Iterable[str]) -> str:
    """A pattern for one of the words, which may have bars of their own; longer ones first."""
    forms = {form for word in words for form in _bars(word)}
    return "(?:" + "|".join(sorted(forms, key=len, reverse=True)) + ")"


def _bars(word: str) -> list[str]:
    return [word] if "(" in word else word.split("|")


def flat_words(words: Mapping[str, Any]) -> dict[str, Any]:
    return {flatten(word): meaning for word, meaning in words.items()}


@lru_cache(maxsize=16)
def date_patterns(code: str) -> DatePatterns:
    """The patterns of a language."""
    data = read_locale(code)["dates"]
    lists = {name: tuple(map(flatten, data.get(name, ()))) for name in ("weekdays", "months", "numbers", "seasons")}
    units = {unit: flatten(words) for unit, words in data["units"].items()}
    for unit, words in data.get("named_units", {}).items():  # "the week" where one word says both
        units[unit] += f"|{flatten(words)}"
    days, tense_days = flat_words(data.get("days", {})), flat_words(data.get("tense_days", {}))
    counted, spans = flat_words(data.get("counted", {})), flat_words(data.get("spans", {}))
    spans |= {flatten(words): ("weekend", 0) for words in data.get("this_weekend", "").split("|") if words}
    weeks = flat_words(data.get("weeks", {}))
    season_when, season_years = flat_words(data["season_when"]), flat_words(data["season_years"])
    slots = _slots(data, lists, units, counted)
    slots |= {"when": f"(?P<when>{either(season_when)})", "yearword": f"(?P<yearword>{either(season_years)})"}
    before_named = ("on_date", "season_of_year", "season", "ago", "ahead")  # "zeszłego lata" is no "lata", years
    kinds = {name: [_fill(one, slots) for one in data.get(name, ())] for name in before_named}
    kinds["of_week"] = [f"(?P<weekof>{either(weeks)}){slots['weekday']}"] if weeks else []
    kinds["named"] = _named(data, lists["weekdays"], units)
    kinds["span"] = [f"(?P<span>{either(spans)})"] if spans else []
    kinds["day"] = [f"(?P<near>{either([*days, *tense_days])})"]
    kinds |= {
        name: [_fill(one, slots) for one in data.get(name, ())] for name in ("since", "until", "on_weekday", "in_month")
    }
    alternatives = "|".join(f"(?P<kind_{name}>{'|'.join(some)})" for name, some in kinds.items() if some)
    before = "" if data.get("unspaced") and code != "ko" else f"(?<!{_LETTER})"
    after = "" if data.get("unspaced") else f"(?!{_LETTER})"
    return DatePatterns(
        pattern=regex.compile(f"{before}(?:{alternatives}){after}"),
        **lists,
        units=units,
        days=days,
        tense_days=tense_days,
        counted=counted,
        spans=spans,
        weeks=weeks,
        season_when=season_when,
        season_years=season_years,
        last=regex.compile(either([flatten(data["last"])])) if "last" in data else None,
        past=regex.compile(data["past"].replace("{ㅆ}", f"[{''.join(_PAST_SYLLABLES)}]")),
        not_past=_compiled(_not_past(data)),
        present=_compiled(data.get("present")),
        ambiguous=_compiled(data.get("ambiguous")),
        conditional=_compiled(data.get("conditional")),
        alone=_compiled(data.get("alone")),
        alone_ahead=data.get("alone_ahead", True) and data["unmarked"] == "next",
        open=_compiled(data.get("open")),
        conjunction=_compiled(data.get("conjunction")),
        ordinal=_compiled(flatten(data["ordinal"]) if "ordinal" in data else None),
        future=regex.compile(data["future"]),
        unclear=_compiled(data.get("unclear")),
        habit=regex.compile(data["habit"]),
        place=regex.compile(flatten(data["place"])),
        not_days=regex.compile(flatten(data["not_days"])) if "not_days" in data else None,
        unmarked=data["unmarked"],
        future_wins=data.get("future_wins", False),
        strict_ahead=data.get("strict_ahead", True),
    )


def _compiled(pattern: str | None) -> regex.Pattern[str] | None:
    return regex.compile(pattern) if pattern else None


def _not_past(data: Mapping[str, Any]) -> str | None:
    """A pattern for the words that look like a past tense: parts of a run of signs, or whole words."""
    said = data.get("not_past")
    if said is None or "|" in said:
        return said
    return rf"(?<!{_LETTER})(?:{'|'.join(said.split())})(?!{_LETTER})"


def _slots(
    data: Mapping[str, Any], lists: Mapping[str, Sequence[str]], units: Mapping[str, str], counted: Iterable[str]
) -> dict[str, str]:
    digits = rf"\d{{1,3}}|{CJK_NUMBER}{{1,3}}" if data.get("unspaced") else r"\d{1,3}"
    number = f"{digits}|{either(lists['numbers'])}" if lists["numbers"] else digits
    first = f"|{either([flatten(data['first'])])}" if "first" in data else ""
    amount = f"(?P<n>{number}) ?(?P<unit>{either(units.values())})"
    if counted:
        amount = f"(?P<counted>{either(counted)})|{amount}"
    return {
        "amount": f"(?:{amount})",
        "weekday": f"(?P<weekday>{either(lists['weekdays'])})",
        "month": f"(?P<month>{either(lists['months'])})" if lists["months"] else "",
        "monthnumber": rf"(?P<monthnumber>1?\d|{CJK_NUMBER}{{1,2}})",
        "dd": rf"(?P<dd>[0-3]?\d{first}|{CJK_NUMBER}{{1,3}})",
        "yyyy": r"(?P<yyyy>(?:19|20)\d\d)",
        "season": f"(?P<season>{either(lists['seasons'])})",
        "part": either([flatten(data.get("part", "-"))]),
    }


def _fill(template: str, slots: Mapping[str, str]) -> str:
    filled = flatten(template)
    for name, pattern in slots.items():
        filled = filled.replace(f"{{{name}}}", pattern)
    return filled


def _named(data: Mapping[str, Any], weekdays: Sequence[str], units: Mapping[str, str]) -> list[str]:
    """ "last week" and "week last": which one, and of what. last_behind: what only stands behind, as "passé": "il passe
    samedi" is no last Saturday."""
    if "last" not in data:
        return []
    words = [word for word in data["last"].split("|") if word not in data.get("last_behind", "").split("|")]
    which, behind = (f"(?P<which>{either(map(flatten, [*some, data['next']]))})" for some in (words, [data["last"]]))
    what = {unit: words for unit, words in units.items() if unit != "day"}
    weekend = f"(?P<weekend>{either([flatten(data['weekend'])])})|" if "weekend" in data else ""
    of = f"(?:{weekend}(?P<weekday>{either(weekdays)})|(?P<unit>{either(what.values())}))"
    return [f"{which} {of}", f"{of} {behind}"]
