"""What a question says besides its words: whom it asks about, which dates it names, and whether it asks for a date."""

from __future__ import annotations

import calendar
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import regex

from memoryqa.language.bound_terms import all_terms
from memoryqa.language.folding import normalise
from memoryqa.language.languages import language
from memoryqa.language.locales.asking import asks_time, read_locale_windows
from memoryqa.language.locales.detection import ENGLISH, detect
from memoryqa.language.locales.files import LATIN
from memoryqa.language.names import find_mentions, speaker_key, without_mentions
from memoryqa.language.terms import META_TERMS, marked, other_terms
from memoryqa.language.time_spans import SEASON_FIRST_MONTH
from memoryqa.turns import MONTHS

_SEASONS = {name: (first, (first + 1) % 12 + 1) for name, first in SEASON_FIRST_MONTH.items()}  # first and last month
_MONTHS = {name.lower(): number for number, name in enumerate(MONTHS, 1)}
_MONTHS |= {name[:3]: number for name, number in list(_MONTHS.items())} | {"sept": 9}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))

_DAY_MONTH = re.compile(
    rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<month>{_MONTH})\b(?:,? (?P<year>\d{{4}}))?", re.I
)
_MONTH_DAY = re.compile(rf"\b(?P<month>{_MONTH}) (?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (?P<year>\d{{4}}))?", re.I)
_MONTH_ONLY = re.compile(rf"\b(?P<month>{_MONTH})\b(?:,?(?: of)? (?P<year>\d{{4}}))?", re.I)
_SEASON = re.compile(rf"\b(?P<season>{'|'.join(_SEASONS)})\b(?:(?: of)? (?P<year>\d{{4}}))?", re.I)
_YEAR = re.compile(r"\b(?P<year>(?:19|20)\d\d)\b")
_IN = re.compile(r"\b(?:in|of|during|since|until|by|last|next|this|early|late|mid|before|after|around|the)[ -]$", re.I)
_ASKS_WHEN = re.compile(r"\b(?:when|how long|(?:what|which) (?:year|month|date|day|time))\b", re.I)

_ASKS_WHAT_WAS_TOLD = re.compile(  # only what lies behind: "what would you suggest?" asks for nothing that was said
    r"\b(?:did you|you(?:'ve| have| had)?(?: also| just| previously| earlier)? "
    r"(?:recommended|suggested|said|told|gave|given|mentioned|proposed|explained|described|advised|provided|listed|showed|wrote|outlined|answered)|"
    r"your (?:\w+ )?(?:advice|answers?|suggestions?|recommendations?|explanations?|respon[sc]es?|replies|reply))\b",
    re.I,
)
_NAMING = regex.compile(  # words of a question for a name; the answer seldom has them: "This is Biscuit, our greyhound"
    r"(?<=\w[ ]+)(?:called|(?:nick)?named|dubbed|(?:en)?titled)(?![\w'])|(?<!\w)(?:nick)?names?(?= (?:of|for|given)\b)"
    r"|(?<=(?:'s|s'|\b(?:its|his|her|their|our|your|my|the|that|what|which))[ ]+)(?:nick)?names?(?!\w)",
    regex.I,
)
_WHAT = re.compile(r"\b(?:what|what's|which|how|name|names)\b", re.I)
_USERS = frozenset({"user", "human", "me", "you"})
_ASSISTANTS = frozenset({"assistant", "ai", "bot", "chatbot", "model", "gpt", "chatgpt", "claude", "gemini", "copilot"})

_YEAR_WEIGHT = 0.3  # a bare year hardly narrows a history of one or two years


@dataclass(frozen=True, slots=True)
class Window:
    """Days that the question names, both ends included. `weight` in (0, 1] is how much they narrow the search."""

    first: date
    last: date
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed question. `terms` are distinct, without the speakers' names; `named` are the speakers it names.

    marked: terms whose words have marks that are folded, each with the word as it is written: ("jose", "josé").
    language: its code. others: terms with what their words are in another language of the conversation.
    """

    terms: tuple[str, ...]
    named: frozenset[str]
    windows: tuple[Window, ...]
    asks_when: bool
    asks_what_was_told: bool = False  # by the other side: "what did you recommend?"
    asks_name: bool = False  # how something or somebody is called
    marked: tuple[tuple[str, str], ...] = ()
    language: str = ENGLISH
    others: tuple[tuple[str, str], ...] = ()


def read_query(
    text: str, speakers: Collection[str], years: Collection[int], languages: Sequence[str] = (ENGLISH,)
) -> Query:
    """Read `text`. `years` are the conversation's: a month without a year may lie in any of them.

    languages: codes of the conversation's languages in Latin letters, the most frequent first.

    Names are not among the terms: turns *addressed* to a person contain the name, turns that the person *said* do not.
    Words about the conversation itself ("mentioned") are none either, unless there are no others.
    """
    normal = normalise(text)
    code = detect(normal, languages[0])
    latin = code if code in LATIN else ENGLISH if code == ENGLISH else languages[0]
    spoken, others = language(latin), [language(one) for one in languages if one != latin]
    mentions = find_mentions(normal, speakers, code)
    asked = without_mentions(normal, mentions)
    asks_name = code == ENGLISH and bool(_WHAT.search(normal) and _NAMING.search(normal))
    of_things = all_terms(_NAMING.sub(_blank, asked)) if asks_name else []
    distinct = tuple(dict.fromkeys(of_things or all_terms(asked, spoken)))
    return Query(
        terms=tuple(term for term in distinct if term not in META_TERMS) or distinct,
        named=frozenset().union(*(mention.speakers for mention in mentions)),
        windows=tuple(read_windows(asked, years) if code == ENGLISH else _windows_in(code, asked, years)),
        asks_when=bool(_ASKS_WHEN.search(text)) if code == ENGLISH else asks_time(normal, code),
        asks_what_was_told=bool(_ASKS_WHAT_WAS_TOLD.search(text)),
        asks_name=asks_name,
        marked=tuple(dict.fromkeys(marked(asked, spoken))),
        language=code,
        others=tuple(other_terms(asked, spoken, others)),
    )


def _blank(match: regex.Match[str]) -> str:
    return " " * len(match[0])


def users_among(speakers: Collection[str]) -> frozenset[str]:
    """The speakers called a user, where there is one called an assistant too; else nobody."""
    users = frozenset(speaker for speaker in speakers if speaker_key(speaker) in _USERS)
    return users if any(speaker_key(speaker) in _ASSISTANTS for speaker in speakers) else frozenset()


def _month_window(month: int, year: int, last_month: int | None = None) -> Window:
    last_month = last_month or month
    last_year = year + (last_month < month)  # winter ends in the next year
    return Window(date(year, month, 1), date(last_year, last_month, calendar.monthrange(last_year, last_month)[1]))


def _is_month(match: re.Match[str], text: str) -> bool:
    """ "May" and "March" are months only with a year, or with a capital and after a preposition."""
    word = match["month"]
    if word.lower() not in ("may", "march", "mar") or match["year"]:
        return True
    return bool(_IN.search(text[: match.start()])) and word[0].isupper()


def read_windows(text: str, years: Collection[int]) -> list[Window]:
    """The days, months and seasons that `text` names, in each of `years` when it names no year; else its bare years."""
    windows: list[Window] = []
    taken: list[tuple[int, int]] = []

    def take(match: re.Match[str]) -> Collection[int]:
        """The years to look in; none when a more exact expression has taken these words."""
        if any(match.start() < end and start < match.end() for start, end in taken):
            return ()
        taken.append(match.span())
        year = match.groupdict().get("year")
        return (int(year),) if year else sorted(years)

    for pattern in (_DAY_MONTH, _MONTH_DAY):
        for match in pattern.finditer(text):
            day, month = int(match["day"]), _MONTHS[match["month"].lower()]
            for year in take(match):
                if 1 <= year <= 9998 and 1 <= day <= calendar.monthrange(year, month)[1]:
                    windows.append(Window(date(year, month, day), date(year, month, day)))
    for match in _MONTH_ONLY.finditer(text):
        if _is_month(match, text):
            month = _MONTHS[match["month"].lower()]
            windows += [_month_window(month, year) for year in take(match) if 1 <= year <= 9998]
    for match in _SEASON.finditer(text):
        if match["season"].lower() != "fall" or match["year"] or _IN.search(text[: match.start()]):
            first, last = _SEASONS[match["season"].lower()]
            found_years = set(take(match))
            if last < first and not match["year"]:  # a conversation may begin in a winter that began the year before
                found_years |= {year - 1 for year in found_years}
            windows += [_month_window(first, year, last) for year in sorted(found_years) if 1 <= year <= 9998]
    return windows or _bare_years(text)


def _windows_in(code: str, text: str, years: Collection[int]) -> list[Window]:
    """The days and months that a question in another language names; else its bare years."""
    return [Window(first, last) for first, last in read_locale_windows(text, code, years)] or _bare_years(text)


def _bare_years(text: str) -> list[Window]:
    found = sorted({int(match["year"]) for match in _YEAR.finditer(text)})
    return [Window(date(year, 1, 1), date(year, 12, 31), _YEAR_WEIGHT) for year in found]
