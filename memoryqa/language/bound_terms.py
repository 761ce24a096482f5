"""Terms that are words only beside others: "plan B", "bus 7", "the US", "The Who", "5 kg", a number in groups.

A single letter or digit counts where it is beside a noun, by itself and as one word with the noun: "plan b" is "b" and
"planb". A stop word counts where it names something: in capitals inside a text that is not all capitals ("works in
IT"), or with one capital inside a sentence ("saw The Who"). Groups of digits count as the number that they make.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from memoryqa.language.folding import fold, normalise
from memoryqa.language.languages import ENGLISH, Language
from memoryqa.language.locales.scripts import stem_of_script
from memoryqa.language.phone_numbers import national_numbers
from memoryqa.language.terms import (
    ACRONYM,
    CAPITAL,
    CODE,
    NEVER_NAMES,
    NUMBER,
    SINGLE,
    STRESSED,
    THE_US,
    as_number,
    read_terms,
    term_of,
)

_SINGLE = re.compile(r"(?:^|[\s(#\"])([b-hj-zA-HJ-Z0-9])(?![\w'&/-]|[.,:]\w)")
_NOUN_RIGHT = re.compile(r" ([^\W\d_][^\W_]+)")
_LISTED_LEFT = re.compile(r"(?<![^\W_])[^\W_](?:,? and |,? or |, | ?& )\Z")
_NUMBER_SIGNS = frozenset(("no", "no.", "nr", "nr."))
_PRONOUNS_AND_CHAT = frozenset("aiurn")  # "a", "I", "u", "r", "n" ("and"): never what a noun is called
_ACRONYM = re.compile(r"(?<![\w'])([A-Z]{2,3})(?![\w'])")
_LEFT_IN_CAPITALS = re.compile(r"(?<![\w'])[A-Z]{2,},? \(?\Z")
_RIGHT_IN_CAPITALS = re.compile(r",? [A-Z]{2,}(?![\w'])")
_CAPITALISED = re.compile(r" (?<=[\w] )([A-Z][a-z]+)(?![\w'])(?! [A-Z])")
_LEFT_OF_NAME = re.compile(r"(?<![\w'-])(?:[a-z0-9][\w'-]*|[Tt]he) \Z")
_MOST_CHARS_BESIDE = 32
_THE_US = re.compile(r"(?<!\w)[Tt]he us(?![\w'])")
_UNITS = frozenset(
    """
    kg g mg lb lbs oz km m cm mm mi ft yd mph kmh kph ml l cl gal gb mb tb kb hz mhz ghz kw kwh w v mah h hr hrs min
    mins sec secs ms am pm px mp fps bpm kcal cal yrs yo x k
    """.split()
)
_GAP = r"(?:[ .-]|\) ?| ?\()"
_NUMERIC = re.compile(  # a number with a word that may be a unit, or groups of digits
    rf"(?<!\d)\d++(?:(?:[.,]\d++){{0,6}}+[ -]([A-Za-z]{{1,4}})(?![\w'])|(?:{_GAP}\d++){{1,12}}+(?!\w|,\d))"
)
_CODE = re.compile(r"(?<![\w-])[A-Z0-9]{1,6}(?:[ -][A-Z0-9]{1,6}){1,10}+(?![\w-])")
_THOUSANDS = re.compile(r"\d{1,3}(?: \d{3})+")
_FEWEST_GROUPED = 6  # digits or signs: shorter ones are found by their groups
_MOST_GROUPED = 40


def all_terms(text: str, language: Language = ENGLISH) -> list[str]:
    """`terms`, and what is a term only beside other words: what an index keeps of a text, and a question asks for."""
    normal = normalise(text)
    found, flags = read_terms(normal, language)
    if language is not ENGLISH:
        flags &= SINGLE | NUMBER  # capitals are no sign of a name in German
    if not flags:
        return found
    if flags & CAPITAL:
        found += _names(normal, language)
    if flags & ACRONYM:
        found += _acronyms(normal, language)
    if flags & THE_US:
        found += ["us"] * len(_THE_US.findall(normal))
    if flags & SINGLE:
        found += _singles(normal, language)
    if flags & NUMBER:
        found += _numbers(normal)
        found += national_numbers(normal)
        if flags & CODE:
            found += _codes(normal)
    return found


def _singles(text: str, language: Language) -> Iterator[str]:
    """Digits, and letters beside a noun; both also as one word with the noun."""
    for match in _SINGLE.finditer(text):
        written, start, end = match[1], match.start(1), match.end(1)
        single, before = written.lower(), text[max(0, start - _MOST_CHARS_BESIDE) : start]
        if single.isdigit():
            yield single
        elif (single in _PRONOUNS_AND_CHAT and written != "A") or _is_word(written, language):
            continue
        noun = _noun_before(before)
        if noun and (term := term_of(noun, language)):
            yield from (term + single,) if single.isdigit() else (single, term + single)
        elif written.isupper() and _LISTED_LEFT.search(before):
            yield single
        right = None if single.isdigit() or written == "A" else _NOUN_RIGHT.match(text, end)
        if right and (term := term_of(right[1].lower(), language)):
            yield single + term


def _noun_before(before: str) -> str | None:
    """The word in lower case right before a letter or digit, without 's; before "no." or "#" where there is one."""
    words = before.rstrip("#").split(" ")
    if len(words) > 1 and not words[-1]:
        words.pop()
    if words[-1].lower() in _NUMBER_SIGNS:
        words.pop()
    word = words[-1].lower().removesuffix("'s") if words else ""
    return word if len(word) > 1 and word.isalnum() and not word[0].isdigit() else None


def _is_word(letter: str, language: Language) -> bool:
    """Whether a letter is a word of its own in its language: "y", "w", "я"."""
    return (language is not ENGLISH or not letter.isascii()) and (
        letter.islower() or fold(letter) in language.stopwords or stem_of_script(fold(letter)) == ""
    )


def _acronyms(text: str, language: Language) -> Iterator[str]:
    """Stop words in capitals: in "the US and the UK", not in "I AM HAPPY"."""
    for match in _ACRONYM.finditer(text):
        word = match[1].lower()
        if (
            word in language.stopwords
            and word not in STRESSED
            and not _LEFT_IN_CAPITALS.search(text, max(0, match.start() - _MOST_CHARS_BESIDE), match.start())
            and not _RIGHT_IN_CAPITALS.match(text, match.end())
        ):
            yield word


def _names(text: str, language: Language) -> Iterator[str]:
    """Stop words with a capital after a word without one: in "saw Up twice", and in "The Who"."""
    for match in _CAPITALISED.finditer(text):
        word = match[1].lower()
        if (
            word in language.stopwords
            and word not in NEVER_NAMES
            and _LEFT_OF_NAME.search(text, max(0, match.start() - _MOST_CHARS_BESIDE), match.start(1))
        ):
            yield word


def _numbers(text: str) -> Iterator[str]:
    """Numbers with their unit, and groups of digits as one number."""
    for match in _NUMERIC.finditer(text):
        if match.start() and (text[match.start() - 1].isalnum() or text[match.start() - 1] in "_.,"):
            continue
        if match[1]:
            if (unit := match[1].lower()) in _UNITS:
                yield as_number(match[0][: -len(unit) - 1]) + unit
            continue
        digits = re.sub(r"\D", "", match[0])
        if (" " in match[0] or "(" in match[0] or ")" in match[0]) and (
            _FEWEST_GROUPED <= len(digits) <= _MOST_GROUPED or _THOUSANDS.fullmatch(match[0])
        ):
            yield digits


def _codes(text: str) -> Iterator[str]:
    """Groups of capitals and digits as one word: "DE89 3704 0044"."""
    for match in _CODE.finditer(text):
        groups = re.split("[ -]", match[0].lower())
        for first in (0, 1) if groups[0].isalpha() else (0,):  # "IBAN DE89 ..." and "DE89 ..."
            joined = "".join(groups[first:])
            if _FEWEST_GROUPED <= len(joined) <= _MOST_GROUPED and not joined.isalpha() and not joined.isdigit():
                yield joined
