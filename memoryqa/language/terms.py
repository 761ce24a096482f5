"""Turns text into the terms that are matched: folded, no stop words, irregular forms to their base, stems.

A word is cut where the script changes, and a run of a script without spaces is cut into signs and pairs of signs
(memoryqa/language/segmentation.py). Spellings of one word share a term: "Wi-Fi" is "wi", "fi" and "wifi"; "12,500" is
"12500"; "5kg" is "kg" and "5kg", as "5 kg" is. What a word is only beside another one ("plan B", "the US") is in
memoryqa/language/bound_terms.py. The language decides about stop words and stems (memoryqa/language/languages.py).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache, reduce
from operator import or_

import numpy as np
import numpy.typing as npt
import regex

from memoryqa.arrays import Floats
from memoryqa.language.folding import fold_marks, normalise
from memoryqa.language.languages import ENGLISH, Language
from memoryqa.language.lexicon.word_lists import CLASSES, META_WORDS, SYNONYM_GROUPS
from memoryqa.language.segmentation import UNSPACED, cut_run, is_syllable, runs

__all__ = [
    "META_TERMS",
    "UNSPACED",
    "idf",
    "idfs",
    "instances",
    "marked",
    "synonyms",
    "term_of",
    "terms",
    "terms_within",
    "words",
]

_WORD = re.compile(r"([^\W_]+)(?:'[^\W_]+)?")
_WORD_WITH_MARKS = regex.compile(r"([\p{L}\p{N}][\p{L}\p{N}\p{M}]*)(?:'[\p{L}\p{N}\p{M}]+)?")  # Hindi, Thai, Hebrew
_MARK = regex.compile(r"\p{M}")

# A word with what belongs to it: "Node.js", "Wi-Fi", "R&D", "O'Hara", "12,500", "7:30"; with signs "C++", "F#", ".NET".
_JOINTS = "['.&,:-]"
_ASCII_TOKEN = re.compile(rf"[a-zA-Z0-9]++(?:{_JOINTS}[a-zA-Z0-9]++)*+")
_TOKEN = re.compile(rf"[^\W_]++(?:{_JOINTS}[^\W_]++)*+")
_LETTERS = r"[\p{L}\p{N}][\p{L}\p{N}\p{M}]*+"
_TOKEN_WITH_MARKS = regex.compile(rf"{_LETTERS}(?:{_JOINTS}{_LETTERS})*+")
_ENDING = r"(?:\+\+|[+#](?![\w+#]))?+"
_ASCII_TOKEN_WITH_SIGNS = re.compile(rf"\.?[a-zA-Z0-9]++(?:{_JOINTS}[a-zA-Z0-9]++)*+{_ENDING}")
_TOKEN_WITH_SIGNS = regex.compile(rf"\.?{_LETTERS}(?:{_JOINTS}{_LETTERS})*+{_ENDING}")

_CAMEL = re.compile(r"[a-z]{2}[A-Z]|[A-Z]{2}[a-z]{2}")
_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_CAMEL_WORD = re.compile(r"(?<![^\W_])[A-Za-z0-9]{4,60}+(?![^\W_])")
_INITIALS = re.compile(r"([a-z](?:&[a-z])+)s")  # "M&Ms", "Q&As"
_CLITIC = re.compile(r"'(?:s|t|re|ve|ll|d|m)(?![^\W_])")
_JOINT = re.compile(r"[-.&']")
_LISTED = re.compile(r"[,:]+")
_SIGNED = re.compile(r"([^\W\d_]{1,2})([+#]|\+\+)|(.{3,})(\+\+)")  # C++, C#, A+, notepad++
_THOUSANDS = re.compile(r"(\d{1,3}(?:([,.'])\d{3})(?:\2\d{3})*)(?:(?!\2)[.,](\d+))?")
_DECIMAL = re.compile(r"(\d+)[.,](\d+)")
_MEASURED = re.compile(r"(\d+)[.,](\d+)([^\W\d_]{1,4})")
_CLOCK = re.compile(r"(\d{1,2}):\d\d(?::\d\d)?")
_CLOCK_HALF = re.compile(r"(\d{1,2}:\d\d)(?:am|pm)")
_VERSION = re.compile(r"v\.?(\d+(?:\.\d+)+)")
_THOUSAND = re.compile(r"(\d{1,3})(?:[.,](\d))?k")  # 60k, 1.5k
_MIXED = re.compile(r"(\d+)([^\W\d_]+)|([^\W\d_]+)(\d+)")
_NO_HUMPS = frozenset("mc mac de di la le van von du del fitz".split())  # McCoy, LeBron, DiCaprio
_ORDINAL = frozenset(("st", "nd", "rd", "th"))
_MOST_PARTS, _MOST_JOINED, _LAST_DOTTED = 6, 40, 4
_MOST_KEPT, _LONGEST_KEPT = 65_536, 64  # tokens whose terms are remembered, and their characters


# What the words beside a token may change: it is one letter or digit, a number, a stop word with a capital or in
# capitals, "us", or a group of a code ("AB", "X9").
SINGLE, NUMBER, CAPITAL, ACRONYM, THE_US, CODE = 1, 2, 4, 8, 16, 32
_NEVER_BOUND = frozenset(("I", "a", "i", "u", "r", "n"))
NEVER_NAMES = frozenset("i im ive id ill hi hey hello oh ok okay yes yeah yep wow".split())
STRESSED = frozenset("so my we he no not all you too yes the and but can ok oh hi".split())  # by their capitals
_MOST_ACRONYM = 3  # letters; longer stop words in capitals are stressed


def words(text: str) -> list[str]:
    """The words of `text` in lower case, with their marks, each cut at its apostrophe ("Maria's" -> "maria")."""
    lower = normalise(text).lower().replace("won't", "wont")  # not "won", of "win"
    found: list[str] = (_WORD_WITH_MARKS if _has_marks(lower) else _WORD).findall(lower)
    return found


def _has_marks(text: str) -> bool:
    return not text.isascii() and bool(_MARK.search(text))


@lru_cache(maxsize=65_536)
def term_of(word: str, language: Language = ENGLISH) -> str | None:
    """The term of one word in lower case; None for a word that is none."""
    folded = fold_marks(word)
    if folded in language.stopwords or (len(folded) < 2 and not is_syllable(folded)):
        return None
    return _stem(word, folded, language) or None  # a stemmer gives "" for a stop word of another script


def _stem(word: str, folded: str, language: Language) -> str:
    base = language.irregular.get(folded)
    if base is None and language.stems_marked:
        return fold_marks(language.stem(word))
    return language.stem(base or folded)


def terms(text: str, language: Language = ENGLISH) -> list[str]:
    """The terms of `text` in order, with repeats: the length of the list is what BM25 normalises by."""
    return read_terms(normalise(text), language)[0]


def read_terms(normalised: str, language: Language = ENGLISH) -> tuple[list[str], int]:
    """The terms of a normalised text, and the flags of all its tokens together."""
    found: list[str] = []
    flags = 0
    readings = _readings(language)
    if not normalised.isascii() or _has_signs(normalised):
        read = map(readings.__getitem__, tokens(normalised))
    else:
        read = map(readings.of_written.__getitem__, normalised.split())
    for of_token, flag in read:
        if of_token:
            found += of_token
        if flag:
            flags |= flag
    return found, flags


def other_terms(normalised: str, language: Language, others: Iterable[Language]) -> list[tuple[str, str]]:
    """What the terms of a normalised text are in `others`, where that differs: (term in `language`, other term)."""
    pairs: dict[tuple[str, str], None] = {}
    others = tuple(others)
    for token in tokens(normalised) if others else ():
        found = _readings(language)[token][0]
        for other in others:
            in_other = _readings(other)[token][0]
            same_number = len(found) == len(in_other)
            together = (
                zip(found, in_other, strict=True) if same_number else ((found[0], one) for one in in_other if found)
            )
            pairs.update(dict.fromkeys(pair for pair in together if pair[0] != pair[1]))
    return list(pairs)


def tokens(normalised: str) -> list[str]:
    """The words of a normalised text as they are written, with what joins their parts."""
    ascii_only = normalised.isascii()
    pattern: re.Pattern[str] | regex.Pattern[str] = _ASCII_TOKEN if ascii_only else _TOKEN
    if _has_signs(normalised):
        pattern = _ASCII_TOKEN_WITH_SIGNS if ascii_only else _TOKEN_WITH_SIGNS
    elif not ascii_only and _MARK.search(normalised):
        pattern = _TOKEN_WITH_MARKS
    found: list[str] = pattern.findall(normalised)
    return found


def _has_signs(normalised: str) -> bool:
    """Whether a word may have one of the signs of "C++", "F#" and ".NET"."""
    return "+" in normalised or "#" in normalised or " ." in normalised or "\n." in normalised or normalised[:1] == "."


Reading = tuple[tuple[str, ...], int]


class _Kept(dict[str, Reading]):
    """A dictionary that fills itself is four times as fast as a function with a cache."""

    def __missing__(self, key: str) -> Reading:
        found = self.read(key)
        if len(key) <= _LONGEST_KEPT:
            if len(self) >= _MOST_KEPT:
                self.clear()
            self[key] = found
        return found

    def read(self, key: str) -> Reading:
        raise NotImplementedError


class _Readings(_Kept):
    """By token its terms in a language, and the flags that say how the words beside it may change what it is.

    of_written: the same by what stands between spaces in ASCII text, with its punctuation: to look that up takes less
    time than to find the tokens in it.
    """

    def __init__(self, language: Language) -> None:
        self._language = language
        self.of_written = _WrittenReadings(self)

    def read(self, key: str) -> Reading:
        return tuple(_terms_of(key, self._language)), _flags_of(key, self._language)


class _WrittenReadings(_Kept):
    def __init__(self, of_tokens: _Readings) -> None:
        self._of_tokens = of_tokens

    def read(self, key: str) -> Reading:
        found = [self._of_tokens[token] for token in _ASCII_TOKEN.findall(key)]
        return tuple(term for of_token, _ in found for term in of_token), reduce(or_, (flag for _, flag in found), 0)


@lru_cache(maxsize=64)
def _readings(language: Language) -> _Readings:
    return _Readings(language)


def _flags_of(token: str, language: Language) -> int:
    bare = token.partition("'")[0]
    if len(bare) == 1:
        return (0 if token[0] in _NEVER_BOUND else SINGLE) | (NUMBER if bare.isdigit() else 0)
    if any(sign.isdigit() for sign in token):
        return NUMBER | (CODE if token.isupper() else 0)
    word = token.lower()
    if word not in language.stopwords:
        return CODE if len(token) == 2 and token.isupper() else 0
    if token.isupper():
        return ACRONYM if len(word) <= _MOST_ACRONYM and word not in STRESSED else 0
    if token[0].isupper():
        return 0 if word in NEVER_NAMES else CAPITAL
    return THE_US if token == "us" else 0


def _terms_of(token: str, language: Language) -> Iterator[str]:
    lower = token.lower()
    if lower.isascii():
        yield from _terms_of_joined(lower, language)
        return
    for run, script in runs(lower):
        yield from (
            cut_run(fold_marks(run), script, language.segmenters) if script else _terms_of_joined(run, language)
        )


def within_term(term: str) -> str:
    """The name under which a term is indexed that is a part of a word: "user" of "getUserName"."""
    return f"~{term}"


def terms_within(text: str, language: Language = ENGLISH) -> Iterator[str]:
    """The terms of the words in "getUserName" and "#WeekendVibes", each by its `within_term`.

    "McCoy" has none: its parts are no words.
    """
    if not _CAMEL.search(text):
        return
    for token in _CAMEL_WORD.findall(text):
        parts = [part.lower() for part in _HUMP.findall(token)] if _CAMEL.search(token) else []
        if 1 < len(parts) <= _MOST_PARTS and all(len(part) > 1 for part in parts) and parts[0] not in _NO_HUMPS:
            yield from (within_term(term) for part in parts if (term := term_of(part, language)))


def _terms_of_joined(token: str, language: Language) -> Iterator[str]:
    """The terms of a token of one script: of its parts, and of all of it as one word."""
    if token.isalpha():
        if term := term_of(token, language):
            yield term
        return
    if half := _CLOCK_HALF.fullmatch(token):
        yield token
        token = half[1]
    elif version := _VERSION.fullmatch(token):
        yield token
        token = version[1]
    elif thousand := _THOUSAND.fullmatch(token):
        yield f"{thousand[1]}{thousand[2] or '0'}00"
    if _LISTED.search(token) and not _number(token):
        for piece in filter(None, _LISTED.split(token)):  # "one,two" and "key:value" are several words
            yield from _terms_of_joined(piece, language)
        return
    if signed := _SIGNED.fullmatch(token):
        yield token
        token = signed[3] or ""
    bare = _CLITIC.sub("", token.replace("won't", "wont"))
    if language.clitics is not None and ("'" in bare or "-" in bare):
        bare = language.clitics.sub("", bare)
    if initials := _INITIALS.fullmatch(bare):
        bare = initials[1]
    if number := _number(bare):
        yield from number
        return
    parts = [part for part in _JOINT.split(bare.rstrip("+#")) if part]
    for part in parts:
        yield from _terms_of_part(part, language)
    if joined := _joined(bare, parts, language):
        yield joined


def _number(token: str) -> tuple[str, ...]:
    """12,500 and 12.500 are 12500, 12,5 is 12.5; 7:30 is found by its hour too."""
    if match := _THOUSANDS.fullmatch(token):
        whole = re.sub(r"\D", "", match[1])
        return (f"{whole}.{match[3]}",) if match[3] else (whole,)
    if match := _DECIMAL.fullmatch(token):
        return (f"{match[1]}.{match[2]}",)
    if match := _MEASURED.fullmatch(token):
        return (f"{match[1]}.{match[2]}{match[3]}", match[3])
    if match := _CLOCK.fullmatch(token):
        return (token, match[1])
    return ()


def as_number(token: str) -> str:
    """A number as it is compared: "12,500" is "12500"."""
    return next(iter(_number(token)), token)


def _terms_of_part(part: str, language: Language) -> Iterator[str]:
    if mixed := _MIXED.fullmatch(part):
        yield part
        digits, letters = mixed[1] or mixed[4], mixed[2] or mixed[3]
        if letters in _ORDINAL and mixed[1]:
            return
        yield from (piece for piece in (term_of(letters, language), digits if len(digits) > 1 else None) if piece)
    elif term := term_of(part, language):
        yield term


def _joined(token: str, parts: list[str], language: Language) -> str | None:
    """The parts written as one word: "wifi" of "wi-fi", "us" of "u.s"; None where they are words of two sentences."""
    if token.startswith(".") and len(parts) == 1:
        return f"dot{parts[0]}"
    joined = fold_marks("".join(parts))
    if not 2 <= len(parts) <= _MOST_PARTS or not 2 <= len(joined) <= _MOST_JOINED:
        return None
    if all(len(part) == 1 for part in parts):
        return joined
    if "." in token and len(parts[-1]) > _LAST_DOTTED:
        return None
    return term_of(joined, language)


def marked(text: str, language: Language = ENGLISH) -> list[tuple[str, str]]:
    """The words of `text` whose marks are folded, each as its term and as it is written: ("jose", "josé")."""
    if text.isascii():
        return []
    found = ((word, fold_marks(word)) for word in words(text))
    return [(term, word) for word, folded in found if word != folded and (term := term_of(word, language))]


def idf(held: int, total: int) -> float:
    """Inverse document frequency of a term in `held` of `total` documents: ln(1 + (total - held + .5) / (held + .5)).

    As in Lucene: never negative, and small for a term that every document holds.
    """
    return math.log(1 + (total - held + 0.5) / (held + 0.5))


def idfs(held: npt.ArrayLike, total: int) -> Floats:
    """`idf` for each number in `held`; the same shape."""
    held = np.asarray(held)
    return np.asarray(np.log(1 + (total - held + 0.5) / (held + 0.5)))


@lru_cache(maxsize=1)
def _synonyms() -> dict[str, tuple[str, ...]]:
    table: dict[str, dict[str, None]] = {}
    for group in SYNONYM_GROUPS:
        stems = [term for word in group if (term := term_of(word))]
        for stem in stems:
            table.setdefault(stem, {}).update(dict.fromkeys(stems))
    return {stem: tuple(other for other in group if other != stem) for stem, group in table.items()}


def synonyms(term: str) -> tuple[str, ...]:
    """Terms that often answer a question about `term`, in a fixed order."""
    return _synonyms().get(term, ())


@lru_cache(maxsize=1)
def _instances() -> dict[str, tuple[str, ...]]:
    table: dict[str, dict[str, None]] = {}
    for classes, members in CLASSES:
        stems = dict.fromkeys(term for word in members if (term := term_of(word)))
        for word in classes:
            if term := term_of(word):
                table.setdefault(term, {}).update(stems)
    return {term: tuple(stem for stem in stems if stem != term) for term, stems in table.items()}


def instances(term: str) -> tuple[str, ...]:
    """Terms for members of the class `term` ("hobbi" -> "hike", "paint", ...), in a fixed order."""
    return _instances().get(term, ())


META_TERMS = frozenset(term for word in META_WORDS if (term := term_of(word)))  # what speaks about the conversation
