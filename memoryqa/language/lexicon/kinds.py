"""Kinds of things: for "bird" heron and wren, for "instrument" bassoon and sitar.

`python -m benchmarks.vocabulary.wordnet_extract` made the table from the noun classes of WordNet (Princeton University;
its licence is beside it). It has what people can point at (animals, plants, foods, things, people, parts of the body)
and sports, dances, illnesses, feelings and sciences. It is used beside the hand-written classes (word_lists.py).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from memoryqa.language.lexicon.beginnings import Beginnings
from memoryqa.language.lexicon.ordinary_words import WORDNET
from memoryqa.language.terms import term_of


class _Table:
    """Words, and for each class the places of its members among them."""

    def __init__(self) -> None:
        with np.load(WORDNET) as kept:
            self._words = kept["words"].tobytes().decode().split("\n")
            self._classes = Beginnings([self._words[place] for place in kept["classes"].tolist()])
            self._members, self._ends = kept["members"], np.cumsum(kept["counts"], dtype=np.int64)

    def kinds(self, term: str) -> tuple[str, ...]:
        numbers = (number for number in self._classes.places_of(term) if term_of(self._classes.words[number]))
        members = (place for number in numbers for place in self._members_of(number))
        terms = dict.fromkeys(term_of(self._words[place]) for place in members)
        return tuple(one for one in terms if one and one != term)

    def _members_of(self, number: int) -> list[int]:
        first, last = int(self._ends[number - 1]) if number else 0, int(self._ends[number])
        return list(self._members[first:last].tolist())


@lru_cache(maxsize=1)
def _table() -> _Table:
    return _Table()


@lru_cache(maxsize=4096)
def kinds(term: str) -> tuple[str, ...]:
    """Terms for kinds of `term` ("bird" -> "heron", "wren", ...), in a fixed order; () for a term that has none."""
    return _table().kinds(term)
