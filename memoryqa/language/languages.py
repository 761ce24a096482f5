"""What depends on the language of a text: its stop words, how words become stems, and who cuts unspaced scripts.

To add a language, make a `Language` and pass it to `terms` (memoryqa/language/terms.py):

    GERMAN = Language("de", stem=Stemmer.Stemmer("german", 0).stemWord, stopwords=frozenset(("und", "oder")))
    terms("Die Häuser", GERMAN)

Words reach `stopwords`, `irregular` and `stem` in lower case. Marks that people leave out are folded before
(memoryqa/language/folding.py), so lists are written folded, or passed through `fold`. A stemmer whose rules need the
marks sets `stems_marked`: it gets the word with its marks, and its stem is folded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import Stemmer

from memoryqa.language.segmentation import Segmenter
from memoryqa.language.word_lists import IRREGULAR, STOPWORDS


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


@lru_cache(maxsize=1)
def _english_stemmer() -> Stemmer.Stemmer:
    return Stemmer.Stemmer("english", 0)  # no cache of its own: that of `terms` is bounded and thread-safe


ENGLISH = Language("en", lambda word: str(_english_stemmer().stemWord(word)), STOPWORDS, IRREGULAR)
