"""The days in a file of LINE: in some the order is that of the phone, and the days of the week decide it."""

from __future__ import annotations

import re
from datetime import date

from memoryqa.importers.options import ORDERS
from memoryqa.importers.whatsapp.dates import OrderEvidence, Triple, day_of, is_day

_ENGLISH = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAY = r"(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?"
_YEAR_FIRST = re.compile(
    r"(\d{4})([/.])(\d{1,2})[/.](\d{1,2}) ?"
    rf"(?:[(（][^()（）\d]{{1,12}}[)）]|(?:周|週|星期)\w|{_WEEKDAY}|\w{{1,3}}曜日|[월화수목금토일]요일)"
)
_YEAR_LAST = re.compile(rf"({_WEEKDAY}), (\d{{1,2}})([/.])(\d{{1,2}})[/.](\d{{4}})")


def is_day_line(line: str) -> bool:
    """Whether a line is the day of those that follow."""
    return len(line) < 40 and (_YEAR_FIRST.fullmatch(line) or _YEAR_LAST.fullmatch(line)) is not None


class DayLines:
    """Reads them, once all were seen."""

    def __init__(self) -> None:
        self._evidence = OrderEvidence()
        self._any = False
        self._left = {"dmy", "mdy"}
        self.order = "ymd"

    def add(self, line: str, number: int) -> None:
        """A line of the file, and its number."""
        match = _YEAR_LAST.fullmatch(line)
        if match is None:
            return
        written = _triple(match)
        if not is_day(written):
            return
        self._any = True
        self._evidence.add(written, number)
        weekday = _ENGLISH.index(match[1][:3].lower())
        fits = {order for order in self._left if (day := day_of(written, order)) and day.weekday() == weekday}
        self._left = fits or self._left

    def decide(self, place: str, wanted: str | None) -> tuple[str, str]:
        """The order and the reason; "" where the year comes first in all. UsageError where nothing decides."""
        if not self._any:
            return "", ""
        if wanted is None and len(self._left) == 1:
            self.order, reason = next(iter(self._left)), "the days of the week are those of no other order"
        else:
            self.order, reason = self._evidence.decide(place, wanted, date.today())
        return self.order, reason

    def day_of(self, line: str) -> date | None:
        """The day, None for one that there is not."""
        match = _YEAR_FIRST.fullmatch(line)
        if match:
            return day_of((match[1], match[3], match[4], match[2]), ORDERS[2])
        match = _YEAR_LAST.fullmatch(line)
        return None if match is None else day_of(_triple(match), self.order)


def _triple(match: re.Match[str]) -> Triple:
    return match[2], match[4], match[5], match[3]
