"""Kinds of things: for "bird" heron and wren, for "instrument" bassoon and sitar.

`python -m benchmarks.vocabulary.wordnet_extract` made the table from the noun classes of WordNet (Princeton University;
its licence is beside it). It has what people can point at (animals, plants, foods, things, people, parts of the body)
and sports, dances, illnesses, feelings and sciences. It is used beside the hand-written classes (word_lists.py).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from memoryqa.language.ordinary_words import WORDNET
from memoryqa.language.terms import term_of


class _Table:
    """Words, and for each class the places of its members among them."""

    def __init__(self) -> None:
        with np.load(WORDNET) as kept:
            self._words = kept["words"].tobytes().decode().split("\n")
            classes, ends = kept["classes"].tolist(), np.cumsum(kept["counts"], dtype=np.int64)
            self._members = np.split(kept["members"], ends[:-1])
        self._places: dict[str, list[int]] = {}  # term of a class -> its places among the classes
        for number, place in enumerate(classes):
            if term := term_of(self._words[place]):
                self._places.setdefault(term, []).append(number)

    def kinds(self, term: str) -> tuple[str, ...]:
        members = (place for number in self._places.get(term, ()) for place in self._members[number].tolist())
        terms = dict.fromkeys(term_of(self._words[place]) for place in members)
        return tuple(one for one in terms if one and one != term)


@lru_cache(maxsize=1)
def _table() -> _Table:
    return _Table()


@lru_cache(maxsize=4096)
def kinds(term: str) -> tuple[str, ...]:
    """Terms for kinds of `term` ("bird" -> "heron", "wren", ...), in a fixed order; () for a term that has none."""
    return _table().kinds(term)
