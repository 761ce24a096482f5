"""Finds words of a table by their term, and makes the terms of few of them: those of all take a tenth of a second."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from memoryqa.language.languages import ENGLISH
from memoryqa.language.terms import term_of

_BEGINNING = 3  # letters


class Beginnings:
    """English `words` by their first letters, with which their terms begin too, if they are as long.

    Irregular words do not, nor those with a y that becomes another letter ("dying"), nor those that lose an "ing" and
    get an e ("ewing").
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
        self._unlike.update(
            place for place, word in enumerate(words) if word in ENGLISH.irregular or word[_BEGINNING - 1 :] == "ing"
        )
        self._known: dict[str, dict[str, list[int]]] = {}  # by beginning, those asked for: places by term
        self._known_unlike: dict[str, list[int]] | None = None

    def term(self, place: int) -> str:
        """The term of the word at `place`; the word itself where it is none."""
        word = self.words[place]
        return term_of(word) or word

    def places_of(self, term: str) -> Sequence[int]:
        """The places of the words that have a term, in ascending order."""
        beginning = term[:_BEGINNING]
        if beginning not in self._known:
            longer = [self._places[beginning]] if len(beginning) == _BEGINNING else self._beginning_with(beginning)
            self._known[beginning] = self._by_term(place for places in longer for place in places)
        if self._known_unlike is None:
            self._known_unlike = self._by_term(self._unlike)
        near = self._known[beginning].get(term, ())
        return sorted({*near, *self._known_unlike.get(term, ())})

    def _beginning_with(self, letters: str) -> list[list[int]]:
        return [places for beginning, places in self._places.items() if beginning.startswith(letters)]

    def _by_term(self, places: Iterable[int]) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for place in places:
            found.setdefault(self.term(place), []).append(place)
        return found
