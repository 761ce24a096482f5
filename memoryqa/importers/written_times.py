"""Times as tables and transcripts write them: ISO 8601, seconds since 1970, mail's form, or numbers in any order."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from email.utils import parsedate_to_datetime

from memoryqa.checks import shown
from memoryqa.importers.options import Options
from memoryqa.importers.report import ImportReport
from memoryqa.importers.spelled_times import spelled_time
from memoryqa.importers.whatsapp.dates import OrderEvidence, day_of, is_day
from memoryqa.importers.whatsapp.header import Header, header_of, hour_of

TIME_FIELDS = ("timestamp", "time", "created_at", "create_time", "created", "date")  # of a chat message in JSON
_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))  # from how many: nano-, micro-, milliseconds
_UTC = re.compile(r" ?(?:UTC|GMT)$")
_MONTH = re.compile(r"[^\W\d_]{3}")  # a word; times of numbers alone are decided by the whole file
_OFFSET = re.compile(r"[+-]\d\d:?\d\d\b")  # which mail's form has, and the standard library reads
_EPOCH = re.compile(r"1[0-9]{9}(?:[0-9]{3})?(?:\.\d+)?|(?:19|20)\d\d[01]\d[0-3]\d")
_BETWEEN = re.compile(r"[\W\d_]+")
_IN_TIMES = re.compile(
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]{0,6}|(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}|"
    r"[ap]m?|m|at|t|z|utc|gmt|오전|오후|년|월|일|[午上下]?[午前後]|年|月|日"
)
_LEAST_EPOCH = 1e8  # the year 1973; a smaller number is no time


def from_number(number: float, options: Options) -> datetime | None:
    """Seconds, milli-, micro- or nanoseconds since 1970, told apart by their size."""
    if not _LEAST_EPOCH <= abs(number) < float("inf"):
        return None
    per_second = next((unit for least, unit in _UNITS if abs(number) >= least), 1.0)
    return options.moment(number / per_second)


def from_text(written: str, options: Options) -> datetime | None:
    """A time that needs no decision: ISO 8601, a number as text, or as mail writes it."""
    written = written.strip()
    if not written:
        return None
    if written.replace(".", "", 1).isdigit() and written.isascii():
        digits = written.partition(".")[0]
        is_date = len(digits) == 8 and "." not in written and digits[:2] in ("19", "20")  # 20240513
        return options.iso(written) if is_date else from_number(float(written), options)
    found = options.iso(written)
    if found is None and written[:1].isdigit():
        found = options.iso(_UTC.sub("Z", written.upper()))
    if found is not None:
        return found
    spelled = spelled_time(written) if _MONTH.search(written) and not _OFFSET.search(written) else None
    try:
        if spelled is None and ("," in written or written[:1].isalpha()):
            spelled = parsedate_to_datetime(written)
        return None if spelled is None else options.placed(spelled)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def is_time(written: str) -> bool:
    """Whether a cell is most likely a time: a date, with a clock or without, or seconds since 1970, no other number."""
    written = written.strip()
    if written.replace(".", "", 1).isdigit():
        return _EPOCH.fullmatch(written) is not None
    words = filter(None, _BETWEEN.split(written.casefold()))
    if len(written) < 6 or not any(map(str.isdigit, written)) or not all(map(_IN_TIMES.fullmatch, words)):
        return False
    header = _header(written)
    is_whole = header is not None and header.end >= len(written) and is_day(header.date)
    return is_whole or from_text(written, Options()) is not None


class NumericTimes:
    """Times such as `13/05/2024 9:05 PM`, whose order of day, month and year the whole file decides."""

    def __init__(self, written: Iterable[tuple[int, str]], place: str, options: Options) -> None:
        """written: line and text of every time that `from_text` does not read."""
        evidence, any_found = OrderEvidence(), False
        for line, one in written:
            header = _header(one)
            if header is not None and is_day(header.date):
                evidence.add(header.date, line)
                any_found = True
        self.order, self.reason = evidence.decide(place, options.dates, date.today()) if any_found else ("", "")
        self._options = options

    def time_of(self, written: str) -> datetime | None:
        """The time, None for what is none."""
        header = _header(written)
        day = day_of(header.date, self.order) if header is not None and self.order else None
        if header is None or day is None:
            return None
        hour = hour_of(header.hour, header.half)
        return self._options.placed(datetime(day.year, day.month, day.day, hour, header.minute, header.second))


class UnreadTimes:
    """Counts times that are none (31/02/2024, "soon"): their messages are kept without a date."""

    def __init__(self) -> None:
        self._count = 0
        self._first = ""

    def add(self, place: str, written: str) -> None:
        """place: where it is, `line 3`."""
        self._count += 1
        self._first = self._first or f"{shown(written)} in {place}"

    def note(self, report: ImportReport) -> None:
        """Say how many there were, and where the first is."""
        if self._count:
            counted = "1 time cannot be read," if self._count == 1 else f"{self._count:,} times cannot be read, first"
            report.note(f"{counted} {self._first}: kept without a date; write it as 2024-05-13T10:15")


def _header(written: str) -> Header | None:
    written = written.strip()
    return header_of(f"{written} - ") or header_of(f"{written} 00:00 - ")
