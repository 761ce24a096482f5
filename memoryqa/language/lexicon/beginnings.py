"""Finds words of a table by their term, and makes the terms of few of them: those of all take a tenth of a second."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from memoryqa.language.languages import ENGLISH
from memoryqa.language.terms import term_of

_BEGINNING = 2  # letters


class Beginnings:
    """English `words` by their first letters, with which their terms begin too.

    Irregular words do not, and those with a y that becomes another letter ("dying").
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = words
        self._places = defaultdict[str, list[int]](list)
        for place, word in enumerate(words):
            self._places[word[:_BEGINNING]].append(place)
        self._unlike = {
            place
            for beginning, places in self._places.items()
            if "y" in beginning[1:] or not beginning.isascii()
            for place in places
        }
        self._unlike.update(place for place, word in enumerate(words) if word in ENGLISH.irregular)

    def term(self, place: int) -> str:
        """The term of the word at `place`; the word itself where it is none."""
        word = self.words[place]
        return term_of(word) or word

    def places_of(self, term: str) -> Iterator[int]:
        """The places of the words that have a term, in ascending order."""
        near = sorted({*self._places.get(term[:_BEGINNING], ()), *self._unlike})
        return (place for place in near if self.term(place) == term)
