"""Kinds of things in other languages than English: for "Gemüse" carrots and leeks, for "楽器" the violin.

`python -m benchmarks.vocabulary.emoji_kinds` made the table from the keywords that Unicode gives to emoji of things.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from memoryqa.language.languages import Language, language
from memoryqa.language.locales.detection import ENGLISH
from memoryqa.language.locales.files import LATIN, UNSPACED
from memoryqa.language.terms import terms

_HIRAGANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
_KATAKANA = {other: code for code, other in _HIRAGANA.items()}
_KANA = re.compile(r"[\u3041-\u3096]+|[\u30a1-\u30f6]+")
EMOJI_KINDS = Path(__file__).parents[2] / "vocabulary" / "emoji_kinds.json.gz"


@lru_cache(maxsize=1)
def _tables() -> Mapping[str, Mapping[str, list[str]]]:
    tables: dict[str, dict[str, list[str]]] = json.loads(gzip.decompress(EMOJI_KINDS.read_bytes()))
    return tables


@lru_cache(maxsize=16)
def _table(code: str) -> Mapping[str, tuple[str, ...]]:
    spoken = language(code if code in LATIN else ENGLISH)  # words in other letters are stemmed by their script

    kinds = _tables().get(code, {})
    rare = _rarest(kinds, spoken) if code in UNSPACED else None
    table: dict[str, dict[str, None]] = {}
    for word, members in kinds.items():
        classes = terms_of_word(word, spoken)
        if len(classes) == 1:
            of_members = (rare[member] if rare else terms_of_word(member, spoken) for member in members)
            found = (term for of_member in of_members for term in of_member if term not in classes)
            table.setdefault(classes[0], {}).update(dict.fromkeys(found))
    return {term: tuple(members) for term, members in table.items()}


def terms_of_word(word: str, spoken: Language) -> list[str]:
    """One term of a word; of signs their pairs, a single sign only where there is no more."""
    found = terms(word, spoken)
    return [term for term in found if len(term) > 1] or found


def _rarest(kinds: Mapping[str, list[str]], spoken: Language) -> Mapping[str, list[str]]:
    """For each member the pair of its signs that fewest others have, in each kana: "ニンジン" is "にんじん"."""
    members = {member for of_class in kinds.values() for member in of_class}
    terms_of = {member: terms_of_word(member, spoken) for member in members}
    held = Counter(term for found in terms_of.values() for term in set(found))
    rarest = {member: min(found, key=lambda term: held[term]) for member, found in terms_of.items() if found}
    return {member: _in_both_kana(rarest[member], member) if member in rarest else [] for member in members}


def _in_both_kana(term: str, word: str) -> list[str]:
    """A term of a word; with hiragana, too, where the word is in katakana without a long vowel, and the other way."""
    if not _KANA.fullmatch(word):
        return [term]
    return list(dict.fromkeys((term, term.translate(_HIRAGANA), term.translate(_KATAKANA))))


def kinds_in(term: str, code: str) -> tuple[str, ...]:
    """Terms for kinds of `term` in a language other than English, in a fixed order; () for a term that has none."""
    return _table(code).get(term, ())
