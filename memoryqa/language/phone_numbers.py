"""Phone numbers as they are dialled within their country: the part that all their spellings have in common.

"+49 170 1234567", "0049 170 1234567", "+49 (0)170 1234567", "0170/1234567" and "0170 1234567" all have "1701234567".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_PHONE = re.compile(  # with a country code, or with the zero that is dialled within a country
    r"(?<![\w.,:+/-])(?:(\+|00) ?\(?(?=[1-9])|\(?(?=0[1-9]|0 [1-9]\d\d))"
    r"(\d(?:(?:[ ./-]|\) ?| ?\(|\)\()?\d){6,16})(?![\w/-]|[.,:]\d)"
)
_DATE = re.compile(r"\d\d([./-])\d\d\1(?:\d\d){1,2}")
_MAY_BE_PHONE = re.compile(r"\+|(?<![\w.,:])0")
_TWO_DIGITS = frozenset(  # country codes of the E.164 plan that have two digits; one has 1 and 7, all others three
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 "
    "91 92 93 94 95 98".split()
)
_FEWEST = 6  # digits of a number without its country code


def national_numbers(text: str) -> Iterator[str]:
    """The digits of the phone numbers in `text` (normalised) without country code and without the zero before them."""
    for match in phones_in(text):
        digits = re.sub(r"\D", "", match[2])
        if match[1]:
            digits = digits[_code_length(digits) :]
        digits = digits.removeprefix("0")
        if len(digits) >= _FEWEST:
            yield digits


def phones_in(text: str) -> Iterator[re.Match[str]]:
    """Where `text` (normalised) may have a phone number, as it is written."""
    if not _MAY_BE_PHONE.search(text):
        return
    yield from (match for match in _PHONE.finditer(text) if not _DATE.fullmatch(match[2]))


def _code_length(digits: str) -> int:
    return 1 if digits[0] in "17" else 2 if digits[:2] in _TWO_DIGITS else 3
