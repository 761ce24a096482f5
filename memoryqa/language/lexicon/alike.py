"""Which other words are forms, relatives or compounds of a word, where no table of the language says so."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import NamedTuple

import regex

_WORD = regex.compile(r"[\p{L}\p{M}]+")
_HANGUL = regex.compile(r"\p{Hangul}+")
_LEAST, _LEAST_SYLLABLES = 4, 2  # letters, or Korean syllables, that words alike share
_LEAST_ENDING = 5  # letters of a word that is the end of a compound that is asked for
_FIRST_PART = 6  # letters that compounds with the same first part share
_COMPOUNDING = frozenset(("de", "nl"))
_PREFIXES = {  # "сварить" and "испечь" are "варить" and "печь", done; Arabic verbs have their person in front
    "ru": "с со по на за при вы про пере от у из ис об о до раз рас под во в".split(),
    "ar": "ا ي ت ن سا سي ست سن ل ب ف".split(),
    "de": "an ab auf aus ein mit vor zu um weg los her hin nach bei zurück".split(),  # "zieh die Jacke an"
    "nl": "aan af op uit in mee voor toe om weg terug".split(),
    "pl": "z s u po na za przy wy prze od do roz ob o pod w we".split(),
}
_ENDINGS = {  # "kırıldı" is "kırdı" in the passive, "pişirdi" is "pişti" done to something; folded
    "tr": "il ul in un n l t ir ur dir dur tir tur is us".split(),
}
_LEAST_VERB = 3


class Alike(NamedTuple):
    """How words alike begin and end, and words alike that are known as a whole."""

    openings: tuple[str, ...]
    endings: tuple[str, ...]
    words: tuple[str, ...]

    def among(self, terms: Collection[str]) -> Iterator[str]:
        """Those of `terms` that begin or end as words alike do, or are known as a whole."""
        yield from (word for word in self.words if word in terms)
        for term in terms if self.openings else ():
            if (term.startswith(self.openings) or term.endswith(self.endings)) and is_word(term):
                yield term


def is_word(term: str) -> bool:
    """Whether a term is letters and marks only."""
    return term.isalpha() or _WORD.fullmatch(term) is not None


@lru_cache(maxsize=1024)
def alike(term: str, code: str) -> Alike | None:
    """What is like `term` in the language `code`: words that begin as it does, or end in it; None for a short term."""
    if not is_word(term):
        return None
    words = (*_with_and_without_prefix(term, code), *_with_and_without_ending(term, code))
    least = _LEAST_SYLLABLES if _HANGUL.fullmatch(term) else _LEAST
    if len(term) < least:
        return Alike((), (), words) if words else None
    shared = max(least, (2 * len(term) + 2) // 3)
    if code in _COMPOUNDING:
        shared = min(shared, _FIRST_PART)
        words += tuple(term[at:] for at in range(_LEAST, len(term) - _LEAST_ENDING + 1))
    return Alike((term[:shared],), (term,), words)


def _with_and_without_prefix(term: str, code: str) -> list[str]:
    if len(term) < _LEAST_VERB:
        return []
    prefixes = _PREFIXES.get(code, ())
    bare = [term.removeprefix(one) for one in prefixes if term.startswith(one)]
    least = _LEAST if code in _COMPOUNDING else _LEAST_VERB
    return [prefix + term for prefix in prefixes] + [one for one in bare if len(one) >= least]


def _with_and_without_ending(term: str, code: str) -> list[str]:
    endings = _ENDINGS.get(code, ()) if len(term) >= _LEAST_VERB else ()
    bare = [term.removesuffix(one) for one in endings if term.endswith(one)]
    return [term + ending for ending in endings] + [one for one in bare if len(one) >= _LEAST_VERB]
