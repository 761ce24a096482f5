"""Stems of words whose script shows their language: Cyrillic, Arabic, Devanagari, Hangul.

They are stemmed alike in every chat, whatever language the words around them have. So a Russian name in an English
message is found by a Russian question.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice

import regex
import Stemmer

from memoryqa.language.folding import fold
from memoryqa.language.locales.files import SCRIPTS, UNSPACED, read_locale

_PAST_AFTER_CONSONANT = re.compile(r"(?<=\w\w[зсгкбр])л$")  # "сгрызла" is of "сгрыз"
_AND_THE = re.compile(r"^[وف](?!الد)(?=(?:ال|لل|بال|كال)\w{3})")  # "and the", which Snowball leaves in front
_HEBREW = regex.compile(r"\p{Hebrew}")
_HEBREW_BEFORE = frozenset("והבלמשכ")  # "and", "the", "in", "to", "from", "that", "as" are letters before a word
_LEAST_HEBREW = 3  # letters of a word that are left
_FIRST_SYLLABLE, _SYLLABLES, _FINALS, _DOUBLE_S = 0xAC00, 11_172, 28, 20  # of Hangul in Unicode
_SCRIPT = regex.compile(
    r"(?P<cyrillic>\p{Cyrillic})|(?P<arabic>\p{Arabic})|(?P<devanagari>\p{Devanagari})|(?P<hangul>\p{Hangul})"
)


def script_of(word: str) -> str | None:
    """The name in SCRIPTS of the script that `word` begins in."""
    match = _SCRIPT.match(word)
    return match.lastgroup if match else None


def stem_of_script(word: str) -> str | None:
    """The stem of a folded word in one of SCRIPTS or Hebrew, "" for a stop word; None for a word in another script."""
    script = script_of(word)
    if script:
        return _stem_in(script)(word)
    return _without_hebrew_prefixes(word) if _HEBREW.match(word) else None


def _without_hebrew_prefixes(word: str) -> str:
    """A word without the letters before it, as many as may be, so that forms of one word end up alike."""
    place = 0
    while len(word) - place > _LEAST_HEBREW and word[place] in _HEBREW_BEFORE:
        place += 1
    return word[place:]


@lru_cache(maxsize=len(SCRIPTS))
def _stem_in(script: str) -> Callable[[str], str]:
    locale = read_locale(SCRIPTS[script])
    stopwords = frozenset(fold(locale["stopwords"]).split())
    if "particles" in locale:
        stem = _stripper(locale["particles"].split(), locale["endings"].split())
    else:
        stem = Stemmer.Stemmer(locale["snowball"], 0).stemWord
    if script == "arabic":
        return lambda word: "" if word in stopwords else str(stem(_AND_THE.sub("", word)))
    if script == "cyrillic":
        return lambda word: "" if word in stopwords else _PAST_AFTER_CONSONANT.sub("", stem(word))
    return lambda word: "" if word in stopwords else str(stem(word))


def _stripper(particles: list[str], endings: list[str]) -> Callable[[str], str]:
    """Takes the longest particle, and then the longest ending of a verb, off a word's end; a syllable is left."""
    longest_first = [tuple(sorted(some, key=len, reverse=True)) for some in (particles, endings)]

    def stem(word: str) -> str:
        for some in longest_first:
            found = next((one for one in some if word.endswith(one) and len(word) > len(one)), "")
            word = word[: len(word) - len(found)]
        return _without_past(word)

    return stem


def _without_past(word: str) -> str:
    """A Korean stem without the double s that marks the past in its last syllable."""
    last = ord(word[-1]) - _FIRST_SYLLABLE
    if 0 <= last < _SYLLABLES and last % _FINALS == _DOUBLE_S:
        return word[:-1] + chr(_FIRST_SYLLABLE + last - _DOUBLE_S)
    return word


@lru_cache(maxsize=1)
def unspaced_stop_terms() -> frozenset[str]:
    """Signs and pairs of signs that say nothing in Chinese and Japanese."""
    return frozenset(term for code in UNSPACED for term in _signs_and_pairs(read_locale(code)["stop_phrases"]))


def _signs_and_pairs(phrases: str) -> Iterator[str]:
    for phrase in phrases.split():
        if len(phrase) == 1:
            yield phrase
        yield from (phrase[at : at + 2] for at in range(len(phrase) - 1))


OTHER_SCRIPT = re.compile(
    "[\u0400-\u052f\u0600-\u06ff\u0900-\u097f\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7af]"
)
_COUNTED = regex.compile(
    r"(?P<ru>\p{Cyrillic})|(?P<ar>\p{Arabic})|(?P<hi>\p{Devanagari})|(?P<ko>\p{Hangul})"
    r"|(?P<ja>[\p{Hiragana}\p{Katakana}])|(?P<zh>\p{Han})|(?P<latin>\p{Latin})"
)
_MOST_SIGNS = 400
_KANA_SHARE = 0.1  # of Han and kana together; Japanese has more


def script_language(text: str) -> str | None:
    """The language that most letters of `text` are written in, where their script shows it; None for Latin letters."""
    if not OTHER_SCRIPT.search(text):
        return None
    counts = Counter(match.lastgroup for match in islice(_COUNTED.finditer(text), _MOST_SIGNS))
    if counts["ja"] and counts["ja"] >= _KANA_SHARE * (counts["ja"] + counts["zh"]):
        counts["ja"] += counts.pop("zh", 0)
    if not counts or counts.most_common(1)[0][0] == "latin":
        return None
    return str(counts.most_common(1)[0][0])
