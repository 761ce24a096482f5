"""Kinds of things in other languages than English: for "Gemüse" carrots and leeks, for "楽器" the violin.

`python -m benchmarks.vocabulary.emoji_kinds` made the table from the keywords that Unicode gives to emoji of things.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from memoryqa.language.languages import language
from memoryqa.language.locales.detection import ENGLISH
from memoryqa.language.locales.files import LATIN
from memoryqa.language.terms import terms

EMOJI_KINDS = Path(__file__).parents[2] / "vocabulary" / "emoji_kinds.json.gz"


@lru_cache(maxsize=1)
def _tables() -> Mapping[str, Mapping[str, list[str]]]:
    tables: dict[str, dict[str, list[str]]] = json.loads(gzip.decompress(EMOJI_KINDS.read_bytes()))
    return tables


@lru_cache(maxsize=16)
def _table(code: str) -> Mapping[str, tuple[str, ...]]:
    spoken = language(code if code in LATIN else ENGLISH)  # words in other letters are stemmed by their script

    def terms_of(word: str) -> list[str]:
        """One term of a word; of signs their pairs, a single sign only where there is no more."""
        found = terms(word, spoken)
        return [term for term in found if len(term) > 1] or found

    table: dict[str, dict[str, None]] = {}
    for word, members in _tables().get(code, {}).items():
        classes = terms_of(word)
        if len(classes) == 1:
            found = (term for member in members for term in terms_of(member) if term not in classes)
            table.setdefault(classes[0], {}).update(dict.fromkeys(found))
    return {term: tuple(members) for term, members in table.items()}


def kinds_in(term: str, code: str) -> tuple[str, ...]:
    """Terms for kinds of `term` in a language other than English, in a fixed order; () for a term that has none."""
    return _table(code).get(term, ())
