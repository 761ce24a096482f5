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

import Stemmer

from memoryqa.language.folding import fold
from memoryqa.language.lexicon.word_lists import IRREGULAR, STOPWORDS
from memoryqa.language.locales.files import LATIN, read_locale
from memoryqa.language.locales.scripts import stem_of_script, unspaced_stop_terms
from memoryqa.language.segmentation import HAN_AND_KANA, Segmenter, signs_and_pairs


@dataclass(frozen=True, eq=False)  # compared and hashed by identity: caches are kept per language
class Language:
    """How the words of one language become terms.

    code: ISO 639-1. stem: a word in lower case -> its stem. irregular: forms -> base forms, before the stem.
    segmenters: for scripts without spaces (names in memoryqa/language/segmentation.py), from an extra; a script that
    is missing is cut into signs and pairs of signs.
    """

    code: str
    stem: Callable[[str], str]
    stopwords: frozenset[str] = frozenset()
    irregular: Mapping[str, str] = field(default_factory=dict)
    stems_marked: bool = False
    segmenters: Mapping[str, Segmenter] = field(default_factory=dict)


def _snowball(name: str) -> Callable[[str], str]:
    """Snowball's stemmer for words in Latin letters; words in other scripts get the stem of their script's language."""
    stemmer = Stemmer.Stemmer(name, 0)  # no cache of its own: that of `terms` is bounded and thread-safe

    def stem(word: str) -> str:
        other = None if word.isascii() else stem_of_script(word)
        return str(stemmer.stemWord(word)) if other is None else other

    return stem


def _cut_han_and_kana(run: str) -> list[str]:
    """Signs and pairs of signs, without those that say nothing."""
    stop = unspaced_stop_terms()
    return [term for term in signs_and_pairs(run) if term not in stop]


_SEGMENTERS: Mapping[str, Segmenter] = {HAN_AND_KANA: _cut_han_and_kana}
ENGLISH = Language("en", _snowball("english"), STOPWORDS, IRREGULAR, segmenters=_SEGMENTERS)


def _without_participle(stem: Callable[[str], str], participle: re.Pattern[str]) -> Callable[[str], str]:
    """The stem of "gekocht" is that of "kochen"."""

    def stem_of(word: str) -> str:
        match = participle.fullmatch(word)
        return stem(f"{match[1] or ''}{match[2]}en" if match else word)

    return stem_of


def _without_verb_ending(
    stem: Callable[[str], str], verb: re.Pattern[str], others: frozenset[str]
) -> Callable[[str], str]:
    """The stem of "seviyorum" and "sevmedi" is that of "sev". others: words that only look like forms of verbs."""

    def stem_of(word: str) -> str:
        match = None if word in others else verb.fullmatch(word)
        return match[1] if match else stem(word)

    return stem_of


@lru_cache(maxsize=len(LATIN) + 1)
def language(code: str) -> Language:
    """The language of `code`: English or one of LATIN. Words in other scripts become the same terms in each."""
    if code == ENGLISH.code:
        return ENGLISH
    locale = read_locale(code)
    stopwords = frozenset(fold(f"{locale['stopwords']} {locale.get('suffixes', '')}").split())
    stem = _snowball(locale["snowball"])
    if "verb" in locale:
        nouns = frozenset(locale["dates"]["not_past"].split())
        stem = _without_verb_ending(stem, re.compile(locale["verb"]), nouns)
    if "participle" in locale:
        stem = _without_participle(stem, re.compile(locale["participle"]))
    return Language(code, stem, stopwords, stems_marked=True, segmenters=_SEGMENTERS)
