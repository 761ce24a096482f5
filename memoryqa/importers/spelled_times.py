"""Times with the month written out, as Google and Apple write them in the language of an account.

Monday, May 13, 2024 at 10:15:30 AM UTC      lunes, 13 de mayo de 2024, 10:15:30 UTC      2024年5月13日 10:15:30 JST

The names of months are those of memoryqa/language/locales; an abbreviation is read where it is no other month's.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

from memoryqa.importers.whatsapp.header import hour_of
from memoryqa.importers.whatsapp.words import EVENING, MORNING
from memoryqa.language.locales.files import CODES, read_locale
from memoryqa.language.locales.flatten import flatten
from memoryqa.turns import MONTHS

_CLOCK = re.compile(
    r"(?<!\d)(\d{1,2})(?:[:.]|\s?[時시点點时hH]\s?)(\d\d?)(?:(?:[:.]|\s?[分분]\s?)(\d\d?))?(?:\s?[秒초分분])?(?![\d.:])"
)
_NUMBERS = re.compile(r"(?<!\d)(\d{4})\s?[年년./-]\s?(\d{1,2})\s?[月월./-]\s?(\d{1,2})(?!\d)")
_NUMBERS_LAST = re.compile(r"(?<!\d)(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})(?!\d)")
_YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)(?!\d)")
_DAY = re.compile(r"(?<!\d)(\d{1,2})(?!\d)")
_WORD = re.compile(r"[^\W\d_]+(?:\.[^\W\d_]+)*")
_LEAST_LETTERS = 3  # of an abbreviation
_LONGEST = 120  # characters


def spelled_time(written: str) -> datetime | None:
    """The time; in UTC where it says so, else without a zone. None for a text that is none."""
    written = " ".join(written.split())
    clocks = list(_CLOCK.finditer(written)) if len(written) <= _LONGEST else []
    clock = next((one for one in reversed(clocks) if one[3] is not None or ":" in one[0]), None)
    if clock is None:
        return None
    around = written[: clock.start()], written[clock.end() :]
    day = _day(" ".join(around))
    before, after = around[0].split()[-1:], around[1].split()[:2]
    half = None if int(clock[1]) > 12 else _half(after) if _half(after) is not None else _half(before)
    if day is None:
        return None
    try:
        time = datetime(*day, hour_of(int(clock[1]), half), int(clock[2]), int(clock[3] or 0))
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if re.search(r"\b(?:UTC|GMT)\b(?![+-])", around[1]) else time


def _day(written: str) -> tuple[int, int, int] | None:
    match = _NUMBERS.search(written)
    if match:
        return int(match[1]), int(match[2]), int(match[3])
    match = _NUMBERS_LAST.search(written)
    if match:
        return int(match[3]), int(match[2]), int(match[1])
    year = _YEAR.search(written)
    day = _DAY.search(written)
    month = next((found for word in _WORD.findall(flatten(written)) if (found := _month(word))), 0)
    return (int(year[1]), month, int(day[1])) if year and day and month else None


def _half(words: list[str]) -> int | None:
    """0 in the morning, 1 in the afternoon, None where the words beside the clock say neither."""
    said = {word.casefold().strip(" .,،、") for word in (*words[:1], " ".join(words))}
    return 1 if said & EVENING else 0 if said & MORNING else None


@lru_cache(maxsize=4096)
def _month(word: str) -> int:
    """1 to 12, 0 for a word that is no month."""
    word = word.strip(".")
    forms = _forms()
    if word in forms:
        return forms[word]
    found = {month for form, month in forms.items() if form.startswith(word)} if len(word) >= _LEAST_LETTERS else set()
    return found.pop() if len(found) == 1 else 0


@lru_cache(maxsize=1)
def _forms() -> dict[str, int]:
    found = {month.casefold(): number for number, month in enumerate(MONTHS, 1)}
    for code in set(CODES) - {"en"}:
        for number, forms in enumerate(read_locale(code)["dates"].get("months", ()), 1):
            for form in flatten(forms).split("|"):
                found.setdefault(form, number)
    return found
