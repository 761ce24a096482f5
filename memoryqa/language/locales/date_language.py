"""The language whose date words a text has: that of its script, or of most of its words; never English."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

from memoryqa.language.locales.detection import (
    ENGLISH,
    codes_of,
    is_foreign_word,
    not_english,
    plain_words,
    shows_no_other_language,
    words_of,
)
from memoryqa.language.locales.files import LATIN, read_locale
from memoryqa.language.locales.flatten import flatten, lower
from memoryqa.language.locales.scripts import script_language

_MONTH_NAMES_TOO = frozenset("april august september november december mardi mars mart mayo juli may".split())
_ENGLISH_WORDS = _MONTH_NAMES_TOO | frozenset(
    "week weekend an ay on sera mes jour cinema salt pasada domani winter winters estate".split()
)
_JOINING = ("de", "nl")  # "Sonntagabend"


@lru_cache(maxsize=1)
def _date_words() -> Mapping[str, frozenset[str]]:
    """Words of days, weekdays, months and units, flattened -> the codes of the languages that have them."""
    found: dict[str, set[str]] = {}
    for code in LATIN:
        dates = read_locale(code)["dates"]
        lists = [*dates["days"], *dates["weekdays"], *dates["months"], *dates["units"].values(), dates["weekend"]]
        lists += [*dates.get("spans", ()), dates["last"], dates["next"], *dates["seasons"]]
        if code in _JOINING:
            lists += [day + part for day in dates["weekdays"] for part in dates["part"].split("|") if "|" not in day]
        seasons = words_of("|".join(map(flatten, dates["seasons"])))  # "été" is a stop word, too: "has been"
        for text in lists:
            for word in (*words_of(lower(text)), *words_of(flatten(text))):
                if len(word) > 1 and (flatten(word) in seasons or code not in codes_of(word)):
                    found.setdefault(word, set()).add(code)
    return {word: frozenset(codes) for word, codes in found.items()}


@lru_cache(maxsize=1)
def foreign_words() -> frozenset[str]:
    """Words that are a sign of another language than English, or name a time in one."""
    return not_english() | (_date_words().keys() - _ENGLISH_WORDS)


def date_language(text: str) -> str | None:
    """The code of the language other than English in which `text` may name a date; None for most texts."""
    words = plain_words(text)
    if words is not None and foreign_words().isdisjoint(words):
        return None
    return _read_date_language(text)


@lru_cache(maxsize=256)  # a message is asked about several times while it is added
def _read_date_language(text: str) -> str | None:
    if not text.isascii() and (code := script_language(text)):
        return code
    date_words = _date_words()
    words = words_of(lower(text))
    found = date_words.keys() & words
    if found <= _ENGLISH_WORDS and shows_no_other_language(words):
        return None
    found = date_words.keys() & words_of(flatten(text))
    candidates = Counter(code for word in found for code in date_words[word] if word not in _ENGLISH_WORDS)
    signs = {word: codes_of(word) for word in {*words}}
    votes = Counter(code for codes in signs.values() for code in codes)
    possible = frozenset().union(*(date_words[word] for word in found))
    if not possible:
        return None
    best = max(sorted(possible), key=lambda code: (votes[code] + candidates[code], candidates[code]))
    is_foreign = candidates[best] or any(best in codes and is_foreign_word(word) for word, codes in signs.items())
    return best if is_foreign and votes[best] + candidates[best] > votes[ENGLISH] else None
