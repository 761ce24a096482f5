"""Turns text into the terms that are matched: lower case, no stop words, irregular forms to their base, Snowball stems.

Scripts written without spaces (Chinese, Japanese kana, Thai) are cut into overlapping pairs of characters.
"""

from __future__ import annotations

import math
import re
import unicodedata
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import regex
import Stemmer

from memoryqa.arrays import Floats
from memoryqa.language.word_lists import CLASSES, IRREGULAR, META_WORDS, STOPWORDS, SYNONYM_GROUPS

_WORD = re.compile(r"([^\W_]+)(?:['’][^\W_]+)?")
_WORD_WITH_MARKS = regex.compile(r"([\p{L}\p{N}][\p{L}\p{N}\p{M}]*)(?:['’][\p{L}\p{N}\p{M}]+)?")  # Hindi, Thai, Hebrew
UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]")


@lru_cache(maxsize=1)
def _stemmer() -> Stemmer.Stemmer:
    return Stemmer.Stemmer("english", 0)  # no cache of its own: ours is bounded and thread-safe


def words(text: str) -> list[str]:
    """The words of `text` in lower case, each cut at its apostrophe ("Maria's" -> "maria")."""
    lower = text.lower().replace("won't", "wont").replace("won’t", "wont")  # not "won", of "win"
    if lower.isascii():
        return _WORD.findall(lower)
    found: list[str] = _WORD_WITH_MARKS.findall(unicodedata.normalize("NFC", lower))
    return found


@lru_cache(maxsize=65_536)
def term_of(word: str) -> str | None:
    """The term of one word in lower case; None for a word that is none."""
    if word in STOPWORDS or len(word) < 2:
        return None
    return str(_stemmer().stemWord(IRREGULAR.get(word, word)))


def terms(text: str) -> list[str]:
    """The terms of `text` in order, with repeats: the length of the list is what BM25 normalises by."""
    found = []
    for word in words(text):
        if not word.isascii() and UNSPACED.search(word):
            found += [word[i : i + 2] for i in range(max(1, len(word) - 1))]
        elif term := term_of(word):
            found.append(term)
    return found


def idf(held: int, total: int) -> float:
    """Inverse document frequency of a term in `held` of `total` documents: ln(1 + (total - held + .5) / (held + .5)).

    As in Lucene: never negative, and small for a term that every document holds.
    """
    return math.log(1 + (total - held + 0.5) / (held + 0.5))


def idfs(held: npt.ArrayLike, total: int) -> Floats:
    """`idf` for each number in `held`; the same shape."""
    held = np.asarray(held)
    return np.asarray(np.log(1 + (total - held + 0.5) / (held + 0.5)))


@lru_cache(maxsize=1)
def _synonyms() -> dict[str, tuple[str, ...]]:
    table: dict[str, dict[str, None]] = {}
    for group in SYNONYM_GROUPS:
        stems = [term for word in group if (term := term_of(word))]
        for stem in stems:
            table.setdefault(stem, {}).update(dict.fromkeys(stems))
    return {stem: tuple(other for other in group if other != stem) for stem, group in table.items()}


def synonyms(term: str) -> tuple[str, ...]:
    """Terms that often answer a question about `term`, in a fixed order."""
    return _synonyms().get(term, ())


@lru_cache(maxsize=1)
def _instances() -> dict[str, tuple[str, ...]]:
    table: dict[str, dict[str, None]] = {}
    for classes, members in CLASSES:
        stems = dict.fromkeys(term for word in members if (term := term_of(word)))
        for word in classes:
            if term := term_of(word):
                table.setdefault(term, {}).update(stems)
    return {term: tuple(stem for stem in stems if stem != term) for term, stems in table.items()}


def instances(term: str) -> tuple[str, ...]:
    """Terms for members of the class `term` ("hobbi" -> "hike", "paint", ...), in a fixed order."""
    return _instances().get(term, ())


META_TERMS = frozenset(term for word in META_WORDS if (term := term_of(word)))  # what speaks about the conversation
