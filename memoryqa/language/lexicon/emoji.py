"""Emoji as terms: found as they stand, and by their Unicode names where a question says "emoji"."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

import regex

from memoryqa.language.terms import term_of

_FIRST, _LAST = 0x2190, 0x1FAFF  # below are signs such as © and ™
_EMOJI = regex.compile(
    rf"[[\U{_FIRST:08x}-\U{_LAST:08x}]&&\p{{Extended_Pictographic}}]|[\U0001f1e6-\U0001f1ff]{{2}}", regex.V1
)
_ASKED_BY_NAME = re.compile(r"\b(?:emojis?|emoticons?|smileys?)\b", re.I)
_MOST_NAMED = 48  # emoji that one question asks for; "face" alone is in more names
_OTHER_NAMES = {"🎉": "celebration", "🔥": "lit", "😂": "laughing", "❤": "love red", "💩": "poop", "😭": "sobbing"}


def emoji_in(text: str) -> list[str]:
    """The emoji of `text`, each once, without tones of skin; a joined one as its parts."""
    return [] if text.isascii() else list(dict.fromkeys(_EMOJI.findall(text)))


def named_emoji(question: str, terms: Iterable[str]) -> list[str]:
    """The emoji whose name has one of the terms of a question that says "emoji"."""
    if not _ASKED_BY_NAME.search(question):
        return []
    found = [emoji for term in terms for emoji in _emoji_by_term().get(term, ())]
    return list(dict.fromkeys(found))[:_MOST_NAMED]


@lru_cache(maxsize=1)
def _emoji_by_term() -> Mapping[str, list[str]]:
    table: dict[str, list[str]] = {}
    for sign in map(chr, range(_FIRST, _LAST + 1)):
        if name := unicodedata.name(sign, "") if _EMOJI.match(sign) else "":
            words = re.findall("[a-z]+", f"{name} {_OTHER_NAMES.get(sign, '')}".lower())
            for term in dict.fromkeys(filter(None, map(term_of, words))):
                table.setdefault(term, []).append(sign)
    return table
