"""One folding for words, names and queries, so that what is typed differently and means the same is the same.

`normalise` takes out what no reader sees or what a keyboard chooses: width, ligatures, invisible format characters,
kinds of apostrophes and hyphens, digits of other scripts, a letter that looks like one of its word's alphabet ("сrush"
with the Russian letter). Case and marks stay. `fold` also takes out case, and marks where people leave them out: those
of Latin and Greek letters, points of Hebrew and Arabic, the dots of ё. Marks that are letters of their own stay: й,
Indic vowel signs, voicing marks of kana, tones of Thai.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import regex

# Invisible: format characters (soft hyphen, joiners, directions, tags), variation selectors, fillers.
_INVISIBLE = regex.compile(
    r"[\p{Cf}\u034f\u115f\u1160\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]+"
)
_APOSTROPHES = (
    "\u2018\u2019\u201b\u02b9\u02bb\u02bc\u02bd\u02be\u02bf\u02c8\u2032\u2035\u00b4\u1ffd\u1fef\uff07\ua78b\ua78c`"
)
_HYPHENS = "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"
_SIGNS: dict[int, str] = {ord(sign): "'" for sign in _APOSTROPHES} | {ord(sign): "-" for sign in _HYPHENS}
_SIGNS |= {ord(sign): " " for sign in "™℠®©"}  # "Acme™" is no "acmetm"
_SIGNS[0x640] = ""  # tatweel, which stretches an Arabic word
_OTHER_DIGIT = regex.compile(r"[^\P{Nd}0-9]")

# What a change of keyboard leaves in a word. Only letters that look alike in both cases: case means nothing.
_LATIN, _CYRILLIC = re.compile("[a-zA-Z]"), re.compile("[\u0400-\u052f]")  # most texts have one of them only
_OF_TWO_ALPHABETS = regex.compile(
    r"(?<![a-zA-Z\u0400-\u052f])(?:[a-zA-Z]++(?=[\u0400-\u052f])|[\u0400-\u052f]++(?=[a-zA-Z]))[a-zA-Z\u0400-\u052f]++"
)
_TWO_LATIN = re.compile("[a-zA-Z]{2}")
_LATIN_TWINS = dict(zip("аеорсухіѕјАЕОРСУХІЅЈ", "aeopcyxisjAEOPCYXISJ", strict=True))
_CYRILLIC_TWINS = {latin: cyrillic for cyrillic, latin in _LATIN_TWINS.items()}

# Letters that no decomposition leads back to what people type for them.
_LETTERS = str.maketrans(
    {
        **{"ß": "ss", "ẞ": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ħ": "h"},
        **{"ı": "i", "ȷ": "j", "ŋ": "n", "ŧ": "t", "ƀ": "b", "ɨ": "i", "ʉ": "u", "ə": "e", "ς": "σ"},
        **{"ی": "ي", "ى": "ي", "ک": "ك", "ہ": "ه", "ە": "ه"},  # keyboards for Persian, Urdu and Arabic
        **{"\u093c": "", "\u0901": "\u0902"},  # Hindi: the dot below, and one nasal sign for the other
    }
)
_UMLAUTS = {"ae": "ä", "oe": "ö", "ue": "ü"}
_DIGRAPHS = {ord(umlaut): digraph for digraph, umlaut in _UMLAUTS.items()}
_DIGRAPH = re.compile(r"(?<![aeq])(?:ae|oe|ue)")  # not in "neue", "Quelle"
_FOLDED_MARKS = regex.compile(r"(?<=[\p{Latin}\p{Greek}\p{Hebrew}\p{Arabic}\p{Syriac}])\p{Mn}+")
_CYRILLIC_MARKS = regex.compile(r"([\p{Cyrillic}])(\p{Mn}+)")
_CYRILLIC_VOWELS = frozenset("аеиоуыэюяіѣ")


def normalise(text: str) -> str:
    """`text` without differences that are not seen. Case and marks stay; the length may change."""
    if text.isascii():
        return text.replace("`", "'") if "`" in text else text
    text = _INVISIBLE.sub("", text).translate(_SIGNS)
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text).translate(_SIGNS)
    text = _in_one_alphabet(text)
    return _OTHER_DIGIT.sub(lambda match: str(unicodedata.digit(match[0], match[0])), text)


def _in_one_alphabet(text: str) -> str:
    """`text` with each word in the alphabet of most of its letters, if its others look like letters of that."""
    if text.isascii() or not (_LATIN.search(text) and _CYRILLIC.search(text)):
        return text
    return _OF_TWO_ALPHABETS.sub(_without_twins, text)


def _without_twins(match: regex.Match[str]) -> str:
    """A word that ends in the other alphabet stays: it may be an ending ("Googleа"). So do Latin letters in a row in a
    Russian word, which may be a word themselves ("PCшник")."""
    word: str = match[0]
    latin = sum(map(str.isascii, word))
    is_latin = 2 * latin > len(word)
    others = {letter for letter in word if letter.isascii() != is_latin}
    twins = _LATIN_TWINS if is_latin else _CYRILLIC_TWINS
    stays = 2 * latin == len(word) or word[-1] in others or not others <= twins.keys()
    if stays or (not is_latin and _TWO_LATIN.search(word)):
        return word
    return "".join(twins.get(letter, letter) for letter in word)


def fold(text: str) -> str:
    """`text` as it is compared: without case, and without marks that people leave out. Idempotent."""
    return _in_one_alphabet(fold_marks(normalise(text).lower()))  # again: "æ" counts for two letters now


@lru_cache(maxsize=16_384)
def _fold_word_marks(word: str) -> str:
    apart = unicodedata.normalize("NFD", word.translate(_LETTERS))
    apart = _CYRILLIC_MARKS.sub(_without_stress, _FOLDED_MARKS.sub("", apart))
    return unicodedata.normalize("NFC", apart.translate(_LETTERS))


def fold_marks(text: str) -> str:
    """`text` (normalised, lower case) without marks that people leave out."""
    if text.isascii():
        return text
    return _fold_word_marks(text) if len(text) <= 64 else _fold_word_marks.__wrapped__(text)


def _without_stress(match: re.Match[str]) -> str:
    """ё is е, and stress marks go; й and ї stay."""
    letter, marks = match[1], match[2]
    if letter in _CYRILLIC_VOWELS:
        marks = marks.replace("\u0300", "").replace("\u0301", "")
    return letter + (marks.replace("\u0308", "") if letter == "е" else marks)


def other_spelling(word: str) -> str | None:
    """A word in lower case with "ue" for "ü" and the like, or with "ü" for "ue"; None where it has neither."""
    apart = word.translate(_DIGRAPHS)
    if apart != word:
        return apart
    together = _DIGRAPH.sub(lambda match: _UMLAUTS[match[0]], word)
    return together if together != word else None
