"""What the handlers of `language.dating.grammar` look up around a match."""

from __future__ import annotations

import re

from memoryqa.language.dating.english.tense import Way, look_around

_SENTENCE_END = re.compile(r"[.!?\n]")
_LOOKS_AHEAD = re.compile(r"(?:until|till|by|before|due|no later than)\b")
_BORN = re.compile(r"\bborn\b")
_BABY = re.compile(
    r"\b(?:baby|babies|twins?|newborn|grandson|granddaughter|grandchild|puppy|puppies|kittens?|foal|calf|lambs?)\b"
)


def way_of(match: re.Match[str], bearing: str | None = None) -> Way:
    """Which way the match looks; `since` looks back, and `by` and `until` ahead where no tense says otherwise."""
    if bearing and bearing.startswith("since"):
        return "back"
    look = look_around(match.string, match.start(), match.end())
    if bearing and look.way == "open" and _LOOKS_AHEAD.match(bearing):
        return "ahead"
    return look.way


def says_born(match: re.Match[str]) -> bool:
    """Whether the sentence is of a birth, whose year the day of saying does not show; a baby's is this year's."""
    around = match.string[max(0, match.start() - 60) : match.end() + 60]
    return _BORN.search(around) is not None and not _BABY.search(around)


def just_before(match: re.Match[str]) -> str:
    return match.string[max(0, match.start() - 24) : match.start()]


def sentence_before(match: re.Match[str]) -> str:
    """The sentence before the match, as far as a clause may reach."""
    before = match.string[max(0, match.start() - 160) : match.start()]
    return _SENTENCE_END.split(before)[-1]
