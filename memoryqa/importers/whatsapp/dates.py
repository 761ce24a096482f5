"""Which of a date's three numbers is the day, the month, the year: decided by the whole file, or asked for.

`12/11/10` has six readings. What speaks for one: numbers above 12 and 31, a year of four digits, the sign between the
numbers (no locale writes month.day.year), that a chat goes forward in time and not beyond today, and the dates in the
names of attachments. A year of two digits stands first, with a slash or a dot, in Chinese, Japanese and
Basque alone; Korean puts a blank behind the dot.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import lru_cache

from memoryqa.errors import UsageError
from memoryqa.importers.options import ORDERS
from memoryqa.turns import format_date

_BUDDHIST_YEARS = 543
_BUDDHIST = range(2480, 2800)  # no Gregorian year of a chat, every Buddhist one
_PERSIAN = range(1330, 1450)  # the same
_PERSIAN_LEAP = (1, 5, 9, 13, 17, 22, 26, 30)  # of 33 years
_EARLIEST_YEAR = 1000
_ISSUED = re.compile(r"(?:-(?:WA)?|^)(20\d\d)-?(\d\d)-?(\d\d)(?=-)")
_OUT_OF_ORDER = timedelta(days=2)  # a phone without a network delivers late
_EAST_ASIAN = re.compile("[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
Triple = tuple[str, str, str, str]


@lru_cache(maxsize=65_536)
def day_of(written: Triple, order: str) -> date | None:
    """The day that `written` means in `order`, None when there is no such day."""
    places = {part: written[place] for place, part in enumerate(order)}
    year, month, day = (int(places[part]) for part in "ymd")
    if len(places["y"]) not in (2, 4) or max(len(places["m"]), len(places["d"])) > 2:
        return None
    year += 2000 if len(places["y"]) == 2 else 0
    if not _EARLIEST_YEAR <= year < _BUDDHIST.stop:
        return None
    try:
        if year in _PERSIAN:
            return _from_persian(year, month, day)
        return date(year - _BUDDHIST_YEARS if year in _BUDDHIST else year, month, day)
    except ValueError:
        return None


def is_day(written: Triple) -> bool:
    """Whether there is such a day, in any order."""
    return bool(_orders(written))


def _orders(written: Triple) -> set[str]:
    return {order for order in ORDERS if day_of(written, order) is not None}


def shown_date(written: Triple) -> str:
    """The date as it was written, without the blanks in it."""
    a, b, c, sign = written
    return f"{a}{sign.strip()}{b}{sign.strip()}{c}"


def _from_persian(year: int, month: int, day: int) -> date:
    """A day of the Solar Hijri calendar: six months of 31 days, five of 30, one of 29 or, in a leap year, 30."""
    longest = 31 if month <= 6 else 30 if month < 12 or year % 33 in _PERSIAN_LEAP else 29
    if not (1 <= month <= 12 and 1 <= day <= longest):
        raise ValueError("no such day")
    years = range(min(year, 1403), max(year, 1403))
    days = sum(366 if one % 33 in _PERSIAN_LEAP else 365 for one in years) * (1 if year >= 1403 else -1)
    return date(2024, 3, 20) + timedelta(days + 31 * min(month - 1, 6) + 30 * max(month - 7, 0) + day - 1)


class OrderEvidence:
    """Collects, message by message, what speaks against each order of day, month and year.

    A date that is none in any order (31/02/2024) speaks against no order.
    """

    def __init__(self) -> None:
        self._dates: dict[Triple, int] = {}  # date -> line of its first message
        self.impossible: dict[Triple, int] = {}
        self._before: dict[str, date] = {}
        self._backward = dict.fromkeys(ORDERS, 0)
        self._agreeing = dict.fromkeys(ORDERS, 0)
        self._latest: dict[str, date] = {}
        self._last: Triple | None = None
        self._is_east_asian = False

    def add(self, written: Triple, line: int) -> None:
        """A message is dated `written`."""
        if written == self._last:
            return
        self._last = written
        if not is_day(written):
            self.impossible.setdefault(written, line)
            return
        self._dates.setdefault(written, line)
        for order in ORDERS:
            day = day_of(written, order)
            if day is not None:
                self._backward[order] += day < self._before.get(order, day) - _OUT_OF_ORDER
                self._before[order] = day
                self._latest[order] = max(day, self._latest.get(order, day))

    def add_text(self, line: str) -> None:
        """A line of the chat, whose script may be that of a language with the year first."""
        self._is_east_asian = self._is_east_asian or _EAST_ASIAN.search(line) is not None

    def add_name(self, written: Triple, name: str) -> None:
        """A message dated `written` has an attachment of this name, which may carry a date of its own."""
        match = _ISSUED.search(name)
        if not match:
            return
        try:
            issued = date(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            return
        for order in ORDERS:
            day = day_of(written, order)
            self._agreeing[order] += day is not None and abs(day - issued) <= timedelta(days=1)

    def decide(self, place: str, wanted: str | None, today: date) -> tuple[str, str]:
        """The order, and the reason for it. UsageError when the file leaves it open and nothing is `wanted`."""
        if not self._dates:
            first, line = next(iter(self.impossible.items()))
            raise UsageError(
                f"{place}: the dates have no common order of day, month and year: {shown_date(first)} in line {line} "
                "is no day in any; correct them"
            )
        if wanted is not None:
            wrong = next((one for one in self._dates if day_of(one, wanted) is None), None)
            if wrong is not None:
                at = f"{place}, line {self._dates[wrong]}"
                raise UsageError(
                    f"{at}: {shown_date(wrong)} is no date in the order {wanted}; name another with `dates`"
                )
            return wanted, "as given"
        left = [order for order in ORDERS if all(day_of(one, order) is not None for one in self._dates)]
        if not left:
            one, other = self._disagreeing()
            raise UsageError(
                f"{place}: the dates have no common order of day, month and year: {shown_date(one)} in line "
                f"{self._dates[one]}, {shown_date(other)} in line {self._dates[other]}; correct one, or split the file"
            )
        reason = "no other order fits all dates"
        for keep, why in self._tests(today):
            if len(left) > 1 and any(map(keep, left)) and not all(map(keep, left)):
                left, reason = [order for order in left if keep(order)], why
        readings = {tuple(day_of(one, order) for one in self._dates) for order in left}
        if len(readings) > 1:
            first = next(one for one in self._dates if len({day_of(one, order) for order in left}) > 1)
            meant = " or ".join(f"{format_date(day_of(first, order))} (`dates={order}`)" for order in left)
            raise UsageError(
                f"{place}, line {self._dates[first]}: {shown_date(first)} may be {meant}; say which with `dates`"
            )
        return left[0], reason

    def _disagreeing(self) -> tuple[Triple, Triple]:
        """Two dates that have no order in common, or none with those between them."""
        left = set(ORDERS)
        for other in self._dates:
            left &= _orders(other)
            if not left:
                break
        others = (one for one in self._dates if not _orders(one) & _orders(other))
        return next(others, next(iter(self._dates))), other

    def _tests(self, today: date) -> Iterator[tuple[Callable[[str], bool], str]]:
        most = max(self._agreeing.values())
        yield lambda order: self._agreeing[order] == most, "it is that of the dates in the attachments' names"
        is_dotted = any("." in sign or "-" in sign for _, _, _, sign in self._dates)
        yield lambda order: not (is_dotted and order == "mdy"), "dates with this sign begin with the day or the year"
        year_first = any("-" in sign and len(a) == 4 for a, _, _, sign in self._dates)
        yield lambda order: not year_first or order == "ymd", "the year comes first"
        is_short = all("-" not in sign and len(a) == 2 for a, _, _, sign in self._dates) and not self._is_east_asian
        yield lambda order: not (is_short and order == "ymd"), "a year of two digits comes last in this language"
        yield (
            lambda order: self._latest[order] <= today + timedelta(days=1),
            "another order would date it in the future",
        )
        yield lambda order: not self._backward[order], "in another order the chat would go back in time"
