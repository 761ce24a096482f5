"""Clocks without a day: the day is that of the file's name, or of a line of the log, and follows midnight."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import PurePosixPath

from memoryqa.importers.whatsapp.header import hour_of

HALF = "[ \u202f\u00a0]?[APap]\\.?[Mm]\\.?"
CLOCK = rf"\d{{1,2}}:\d\d(?::\d\d)?(?:{HALF})?"
NO_DAY = "no date: name the file by its day, as in"
_PARTS = re.compile(rf"(\d{{1,2}}):(\d\d)(?::(\d\d))?({HALF})?")
_DAY = re.compile(r"(20\d\d)[-_.]?(\d\d)[-_.]?(\d\d)(?:[ _T-]+(\d\d)[-_.:h]?(\d\d)(?:[-_.:]?\d\d)?)?(?!\d)")
_BACK = timedelta(hours=1)  # of a clock, by which a new day begins


def is_clock(written: str) -> bool:
    """Whether a cell is a time of day alone."""
    return _PARTS.fullmatch(written.strip()) is not None


def named_day(name: str) -> datetime | None:
    """The day in a file's name, with the time behind it; None without one. A recording of Zoom says that it is UTC."""
    stem = PurePosixPath(name).stem
    match = _DAY.search(stem)
    if not match:
        return None
    try:
        began = datetime(int(match[1]), int(match[2]), int(match[3]), int(match[4] or 0), int(match[5] or 0))
    except ValueError:
        return None
    return began.replace(tzinfo=UTC) if stem.startswith("GMT") else began


class DayClock:
    """Times of the messages of a file, whose lines have a clock alone."""

    def __init__(self, name: str) -> None:
        begun = named_day(name)
        self._last = None if begun is None else datetime.combine(begun, datetime.min.time())

    def day_is(self, day: date) -> None:
        """The lines that follow are of this day."""
        self._last = datetime.combine(day, datetime.min.time())

    def time_of(self, clock: str) -> datetime | None:
        """The time of the next message; None while no day is known, or for a clock that there is not."""
        match = _PARTS.fullmatch(clock)
        if self._last is None or match is None:
            return None
        half = None if match[4] is None else int(match[4].strip(" \u202f\u00a0").lower().startswith("p"))
        try:
            time = datetime.combine(self._last, datetime.min.time()).replace(
                hour=hour_of(int(match[1]), half), minute=int(match[2]), second=int(match[3] or 0)
            )
        except ValueError:
            return None
        if time < self._last - _BACK:
            time += timedelta(days=1)
        self._last = time
        return time
