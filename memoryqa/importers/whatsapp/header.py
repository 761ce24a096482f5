"""The beginning of a message's line: date, time, and what ends them, in any locale that WhatsApp writes.

12/31/23, 9:05 PM - Ana: text          Android          31.12.23, 21:05 - Ana: text
[12/31/23, 9:05:33 PM] Ana: text       iOS              [31.12.2023 klo 21.05.33] Ana: text
2023. 12. 31. 오후 9:05 - Ana: text    Korean           ٣١/١٢/٢٠٢٣، ٩:٠٥ م - Ana: text
[21:05, 31/12/2023] Ana: text          copied from WhatsApp Web
21:05, 31/12/2023 - Ana: text          Vietnamese
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from memoryqa.importers.whatsapp.words import EVENING, MORNING, NEUTRAL

MARKS = "\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"  # invisible, around and inside of dates
_M = f"[{MARKS}]*"
_S = "[ \u00a0\u202f]"
_SEPARATOR = rf"{_M}{_S}?[./\-年月년월]{_S}?{_M}"
_DATE = rf"(?P<a>\d{{1,4}})(?P<sign>{_SEPARATOR})(?P<b>\d{{1,2}}){_SEPARATOR}(?P<c>\d{{1,4}})(?:{_S}?BE)?"
_TIME = rf"(?P<hour>\d{{1,2}})(?:[:.٫]|{_S}?h{_S}?)(?P<minute>\d{{2}})(?:[:.٫](?P<second>\d{{2}}))?"
_WORDS = r"[^\d\n\]\[:\-–]"
_BRACKETED = rf"\[{_M}{_DATE}(?P<before>{_WORDS}{{1,16}}?){_TIME}(?P<after>{_WORDS}{{0,18}})\]{_S}?"
_ENDED = rf"(?:{_S}[-–]{_S}|(?<=\d\d[:.]\d\d[:.]\d\d):{_S})"
_DASHED = rf"{_DATE}(?P<before>{_WORDS}{{1,16}}?){_TIME}(?P<after>{_WORDS}{{0,18}}?){_ENDED}"
_COPIED = rf"\[{_M}{_TIME}(?P<after>{_WORDS}{{0,18}}?)(?P<before>,){_S}?{_DATE}\]{_S}?"
_CLOCK_FIRST = rf"{_TIME}(?P<after>{_WORDS}{{0,18}}?)(?P<before>,?){_S}{_DATE}{_S}[-–]{_S}"
_FORMS = tuple(re.compile(f"{_M}{form}") for form in (_DASHED, _BRACKETED, _COPIED, _CLOCK_FIRST))
_BRACKETED_FIRST = _FORMS[1:3]
_COMMON = re.compile(r"(\[)?(\d{1,2})([./])(\d{1,2})\3(\d{2,4}),? (\d{1,2}):(\d\d)(?::(\d\d))?(?(1)\] | - )")
_CLOCK = re.compile(rf"\d{{1,2}}:\d\d(?::\d\d)?(?:{_S}?[AaPp]\.?{_S}?[Mm]\.?)?")  # of the forms that most files have
_SHORTEST_DATE, _LONGEST_CLOCK = 6, 18  # characters, the latter with what ends it
_PARTS = ("a", "b", "c", "sign", "hour", "minute", "second", "before", "after")
_FIRST = frozenset("[\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_PLAIN = (", ", " ")
_TRIMMED = re.compile(rf"[{MARKS},،、.日일 \u00a0\u202f]+")


class Header(NamedTuple):
    """date: the three numbers as written, and the sign after the first. half: 0 morning, 1 afternoon, None 24 hours.

    unknown: words beside the time that are neither. end: where the message begins in the line.
    """

    date: tuple[str, str, str, str]
    hour: int
    minute: int
    second: int
    half: int | None
    unknown: str
    end: int


def header_of(line: str) -> Header | None:
    """The header that `line` begins with, None for a line that goes on."""
    if not line or (line[0] not in _FIRST and not line[0].isdigit()):
        return None
    match = _COMMON.match(line)
    if match:  # one of the forms below, which take twice as long
        _, a, sign, b, c, hour, minute, second = match.groups()
        at, of, then = int(hour), int(minute), int(second or 0)
        if at <= 24 and of <= 59 and then <= 59:
            return Header((a, b, c, sign), at, of, then, None, "", match.end())
        return None
    for form in _FORMS if line[0] != "[" else _BRACKETED_FIRST:
        match = form.match(line)
        if match:
            a, b, c, sign, hour, minute, second, before, after = match.group(*_PARTS)
            half, unknown = (None, "") if before in _PLAIN and not after else _half(before, after)
            at, of, then = int(hour), int(minute), int(second or 0)
            if at > 24 or of > 59 or then > 59:
                return None
            return Header((a, b, c, sign), at, of, then, half, unknown, match.end())
    return None


class Headers:
    """`header_of` for the lines of one file: most have the day of the header before, and a minute that was met."""

    def __init__(self) -> None:
        self._day, self._mark = "\0", ""  # how such lines begin, and what ends the clock
        self._date = ("", "", "", "")
        self._minutes: dict[str, tuple[int, int]] = {}  # hour and minute as written
        self._rests: dict[str, tuple[int, int | None, str]] = {}  # of the clock: second, half, unknown

    def of(self, line: str) -> Header | None:
        """The header that `line` begins with, None for a line that goes on."""
        end = self.end(line)
        if end:
            at = len(self._day)
            middle = line.find(":", at) + 3
            minute = self._minutes.get(line[at:middle])
            rest = self._rests.get(line[middle : end - len(self._mark)])
            if minute is not None and rest is not None:
                return Header(self._date, minute[0], minute[1], rest[0], rest[1], rest[2], end)
        header = header_of(line)
        if header is not None:
            self._note(line, header)
        return header

    def end(self, line: str) -> int:
        """Where the message of `line` begins, if it has the day of the header before; else 0. The clock may be none."""
        if not line.startswith(self._day):
            return 0
        at = len(self._day)
        ends = line.find(self._mark, at, at + _LONGEST_CLOCK)
        return ends + len(self._mark) if ends > 0 else 0

    def _note(self, line: str, header: Header) -> None:
        mark = "] " if line[header.end - 2] == "]" else " - "
        at, ends = line.find(" ", _SHORTEST_DATE) + 1, header.end - len(mark)
        if not _CLOCK.fullmatch(line, at, ends) or line[ends : header.end] != mark:
            self._day = "\0"  # one of the rarer forms
            return
        middle = line.find(":", at) + 3
        self._day, self._mark, self._date = line[:at], mark, header.date
        self._minutes[line[at:middle]] = header.hour, header.minute
        self._rests[line[middle:ends]] = header.second, header.half, header.unknown


@lru_cache(maxsize=1024)
def _half(before: str, after: str) -> tuple[int | None, str]:
    for written in (before, after):
        word = _TRIMMED.sub(" ", written).strip().casefold()
        dotted = (
            re.sub(rf"[{MARKS},،、]", "", written).replace("\u00a0", " ").replace("\u202f", " ").strip(" .").casefold()
        )
        for said in (word, dotted):
            if said in MORNING:
                return 0, ""
            if said in EVENING:
                return 1, ""
    words = " ".join(_TRIMMED.sub(" ", f"{before} {after}").casefold().split())
    return None, "" if all(word in NEUTRAL for word in words.split()) else words


def hour_of(hour: int, half: int | None) -> int:
    """The hour of the day, 0 to 23."""
    if half is None:
        return hour % 24
    return hour % 12 + 12 * half
