"""What a question says besides its words: whom it asks about, which dates it names, and whether it asks for a date."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import regex

from memoryqa.language.bound_terms import all_terms
from memoryqa.language.dates import resolve
from memoryqa.language.english.question_dates import Window, bare_years, read_figures, read_windows
from memoryqa.language.first_person import is_about_asker, is_subject
from memoryqa.language.folding import normalise
from memoryqa.language.languages import language
from memoryqa.language.locales.asking import asks_time, asks_time_of_day, read_locale_windows
from memoryqa.language.locales.detection import ENGLISH, detect
from memoryqa.language.locales.files import LATIN
from memoryqa.language.names import find_mentions, speaker_key, without_mentions
from memoryqa.language.terms import META_TERMS, marked, other_terms

__all__ = ["Asking", "Query", "Window", "read_query", "read_windows", "users_among"]

_ASKS_WHEN = re.compile(r"\b(?:when|how long|(?:what|which) (?:year|month|date|day|time))\b", re.I)

_ASKS_CLOCK = re.compile(
    r"\b(?:(?:what|which) (?:exact )?(?:time|hour)(?! (?:of (?:the )?year|zone|frame|period))|what o['’]?clock)\b", re.I
)

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


@dataclass(frozen=True, slots=True)
class Asking:
    """What a question is read by. asked, day_first: see `read_windows`. owner: the speaker whom "I" and "my" mean."""

    asked: date | None = None
    day_first: bool | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed question. `terms` are distinct, without the speakers' names; `named` are the speakers it names.

    marked: terms whose words have marks that are folded, each with the word as it is written: ("jose", "josé").
    language: its code. others: terms with what their words are in another language of the conversation. owner: the
    speaker who asks, where that is known.
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
    owner: str | None = None


def read_query(
    text: str,
    speakers: Collection[str],
    years: Collection[int],
    languages: Sequence[str] = (ENGLISH,),
    asking: Asking | None = None,
) -> Query:
    """Read `text`. `years` are the conversation's: a month without a year may lie in any of them.

    languages: codes of the conversation's languages in Latin letters, the most frequent first.

    Names are not among the terms: turns *addressed* to a person contain the name, turns that the person *said* do not.
    Words about the conversation itself ("mentioned") are none either, unless there are no others.
    """
    asking = asking or Asking()
    normal = normalise(text)
    code = detect(normal, languages[0])
    latin = code if code in LATIN else ENGLISH if code == ENGLISH else languages[0]
    spoken, others = language(latin), [language(one) for one in languages if one != latin]
    mentions = find_mentions(normal, speakers, code)
    rest = without_mentions(normal, mentions)
    asks_name = code == ENGLISH and bool(_WHAT.search(normal) and _NAMING.search(normal))
    of_things = all_terms(_NAMING.sub(_blank, rest)) if asks_name else []
    distinct = tuple(dict.fromkeys(of_things or all_terms(rest, spoken)))
    named = frozenset[str]().union(*(mention.speakers for mention in mentions))
    owner = _owner(asking.owner, speakers)
    asks_what_was_told = bool(_ASKS_WHAT_WAS_TOLD.search(text))
    if owner is not None and not asks_what_was_told:
        named = _with_owner(named, owner, normal, code)
    return Query(
        terms=tuple(term for term in distinct if term not in META_TERMS) or distinct,
        named=named,
        windows=tuple(_windows(code, rest, years, asking)),
        asks_when=bool(_ASKS_WHEN.search(text)) if code == ENGLISH else asks_time(normal, code),
        asks_what_was_told=asks_what_was_told,
        asks_name=asks_name,
        marked=tuple(dict.fromkeys(marked(rest, spoken))),
        language=code,
        others=tuple(other_terms(rest, spoken, others)),
        owner=owner,
    )


def _owner(owner: str | None, speakers: Collection[str]) -> str | None:
    """The speaker who is the owner, as the index spells the name."""
    key = None if owner is None else speaker_key(owner)
    return next((speaker for speaker in speakers if key is not None and speaker_key(speaker) == key), None)


def _with_owner(named: frozenset[str], owner: str, question: str, code: str) -> frozenset[str]:
    """The owner, where the question is about them and names nobody else, or they are who acts."""
    if not is_about_asker(question, code):
        return named
    return frozenset({owner}) if not named or is_subject(question) else named


def asks_clock(text: str) -> bool:
    """Whether a question asks for a time of day, in any of the languages."""
    normal = normalise(text)
    if _ASKS_CLOCK.search(normal):
        return True
    code = detect(normal)  # of a few words in Latin letters it is often unsure, and the phrases are not
    return any(asks_time_of_day(normal, one) for one in (LATIN if code == ENGLISH or code in LATIN else (code,)))


def _blank(match: regex.Match[str]) -> str:
    return " " * len(match[0])


def users_among(speakers: Collection[str], owner: str | None = None) -> frozenset[str]:
    """The owner and the speakers called a user, where there is one called an assistant too; else nobody."""
    users = frozenset(speaker for speaker in speakers if speaker_key(speaker) in _USERS or speaker == owner)
    return users if any(speaker_key(speaker) in _ASSISTANTS for speaker in speakers) else frozenset()


def _windows(code: str, text: str, years: Collection[int], asking: Asking) -> list[Window]:
    """The days that a question in the language `code` names."""
    if code == ENGLISH:
        return read_windows(text, years, asking.asked, asking.day_first)
    named = [Window(first, last) for first, last in read_locale_windows(text, code, years)]
    if asking.asked is not None:
        named += [Window(found.first, found.last) for found in resolve(text, asking.asked)]
    named += read_figures(text, years, asking.day_first)
    return list(dict.fromkeys(named)) or bare_years(text)
