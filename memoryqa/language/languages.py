"""What depends on the language of a text: its stop words, how words become stems, and who cuts unspaced scripts.

To add a language, make a `Language` and pass it to `terms` (memoryqa/language/terms.py):

    GERMAN = Language("de", stem=Stemmer.Stemmer("german", 0).stemWord, stopwords=frozenset(("und", "oder")))
    terms("Die Häuser", GERMAN)

Words reach `stopwords`, `irregular` and `stem` in lower case. Marks that people leave out are folded before
(memoryqa/language/folding.py), so lists are written folded, or passed through `fold`. A stemmer whose rules need the
marks sets `stems_marked`: it gets the word with its marks, and its stem is folded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from memoryqa.language.folding import fold
from memoryqa.language.lexicon.word_lists import IRREGULAR, STOPWORDS
from memoryqa.language.locales.files import LATIN, read_locale
from memoryqa.language.locales.scripts import unspaced_stop_terms
from memoryqa.language.segmentation import HAN_AND_KANA, Segmenter, signs_and_pairs
from memoryqa.language.stemming import snowball, stemmer_of


@dataclass(frozen=True, eq=False)  # compared and hashed by identity: caches are kept per language
class Language:
    """How the words of one language become terms.

    code: ISO 639-1. stem: a word in lower case -> its stem. irregular: forms -> base forms, before the stem.
    segmenters: for scripts without spaces (names in memoryqa/language/segmentation.py), from an extra; a script that
    is missing is cut into signs and pairs of signs. clitics: short words that are written together with others, by an
    apostrophe or a hyphen, and are no terms: "l'" and "-t-il" in French.
    """

    code: str
    stem: Callable[[str], str]
    stopwords: frozenset[str] = frozenset()
    irregular: Mapping[str, str] = field(default_factory=dict)
    stems_marked: bool = False
    segmenters: Mapping[str, Segmenter] = field(default_factory=dict)
    clitics: re.Pattern[str] | None = None


def _cut_han_and_kana(run: str) -> list[str]:
    """Signs and pairs of signs, without those that say nothing."""
    stop = unspaced_stop_terms()
    return [term for term in signs_and_pairs(run) if term not in stop]


_SEGMENTERS: Mapping[str, Segmenter] = {HAN_AND_KANA: _cut_han_and_kana}
ENGLISH = Language("en", snowball("english"), STOPWORDS, IRREGULAR, segmenters=_SEGMENTERS)


@lru_cache(maxsize=len(LATIN) + 1)
def language(code: str) -> Language:
    """The language of `code`: English or one of LATIN. Words in other scripts become the same terms in each."""
    if code == ENGLISH.code:
        return ENGLISH
    locale = read_locale(code)
    stopwords = frozenset(fold(f"{locale['stopwords']} {locale.get('suffixes', '')}").split())
    clitics = re.compile(locale["clitics"]) if "clitics" in locale else None
    return Language(code, stemmer_of(locale), stopwords, stems_marked=True, segmenters=_SEGMENTERS, clitics=clitics)
