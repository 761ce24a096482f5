"""Misspelled English words of a question: what a term may have been meant to be that was said, "pasword", "birhtday".

A term is taken for misspelled where English does not have it. Its first letter is right, and one letter is missing, too
many, swapped with the next or, in long words, another one.
"""

from __future__ import annotations

from collections.abc import Iterator

from memoryqa.language.lexicon.ordinary_words import is_ordinary
from memoryqa.language.lexicon.related import is_in_table

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_LEAST, _LEAST_OTHER, _MOST = 5, 7, 20  # letters


def may_be_misspelled(term: str) -> bool:
    """Whether a term that was not said may be another one, misspelled."""
    return (
        _LEAST <= len(term) <= _MOST
        and term.isascii()
        and term.isalpha()
        and not is_in_table(term)
        and not is_ordinary(term)
    )


def near_spellings(term: str) -> Iterator[str]:
    """The terms that one slip makes of `term`, or that it makes of them; some twice."""
    for place in range(1, len(term)):
        before, behind = term[:place], term[place:]
        yield before + behind[1:]
        if len(behind) > 1:
            yield before + behind[1] + behind[0] + behind[2:]
        for letter in _LETTERS:
            yield before + letter + behind
            if len(term) >= _LEAST_OTHER:
                yield before + letter + behind[1:]
    yield from (term + letter for letter in _LETTERS)
