"""Words of one everyday meaning, by language: written by hand, the groups of the English list in each language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from memoryqa.language.languages import language
from memoryqa.language.lexicon.emoji_kinds import terms_of_word
from memoryqa.language.locales.detection import ENGLISH
from memoryqa.language.locales.files import LATIN
from memoryqa.language.terms import synonyms

SYNONYMS = Path(__file__).parents[2] / "vocabulary" / "synonyms"


def synonyms_in(term: str, code: str) -> tuple[str, ...]:
    """Terms that often answer a question about `term` in the language `code`, in a fixed order."""
    return synonyms(term) if code == ENGLISH else _table(code).get(term, ())


@lru_cache(maxsize=16)
def _table(code: str) -> Mapping[str, tuple[str, ...]]:
    path = SYNONYMS / f"{code}.txt"
    spoken = language(code if code in LATIN else ENGLISH)  # words in other letters are stemmed by their script
    table: dict[str, dict[str, None]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        found = [of_word for word in line.split() if (of_word := terms_of_word(word, spoken))]
        everything = dict.fromkeys(term for of_word in found for term in of_word)
        for of_word in found:
            if len(of_word) == 1:
                table.setdefault(of_word[0], {}).update(everything)
    return {term: tuple(other for other in others if other != term) for term, others in table.items()}
