"""The days of festivals: of a fixed date, of a weekday in a month, and those that move with Easter or the moon.

Easter is computed. The days of other calendars are a table from 2000 to 2040; outside it they have no date. A library
for this (`holidays`, 14 MB installed) would be a tenth of the environment that the memory may take.
"""

from __future__ import annotations

from datetime import date, timedelta

_FIXED = {  # (month, day)
    "christmas eve": (12, 24),
    "christmas": (12, 25),
    "boxing day": (12, 26),
    "new year's eve": (12, 31),
    "new year's": (1, 1),
    "valentine's": (2, 14),
    "st patrick's": (3, 17),
    "april fools": (4, 1),
    "earth day": (4, 22),
    "cinco de mayo": (5, 5),
    "juneteenth": (6, 19),
    "canada day": (7, 1),
    "independence day": (7, 4),
    "fourth of july": (7, 4),
    "bastille day": (7, 14),
    "halloween": (10, 31),
    "all saints": (11, 1),
    "guy fawkes": (11, 5),
    "bonfire night": (11, 5),
    "veterans day": (11, 11),
}
_WEEKDAY_OF_MONTH = {  # (month, weekday, which of the month's; -1: the last)
    "martin luther king": (1, 0, 3),
    "mlk": (1, 0, 3),
    "presidents": (2, 0, 3),
    "memorial day": (5, 0, -1),
    "labor day": (9, 0, 1),
    "columbus day": (10, 0, 2),
    "thanksgiving": (11, 3, 4),
}
_AFTER_THANKSGIVING = {"black friday": 1, "cyber monday": 4}  # days after it
_AFTER_EASTER = {  # days after Easter Sunday
    "shrove tuesday": -47,
    "mardi gras": -47,
    "ash wednesday": -46,
    "palm sunday": -7,
    "maundy thursday": -3,
    "good friday": -2,
    "easter sunday": 0,
    "easter monday": 1,
    "easter": 0,
    "ascension day": 39,
    "pentecost": 49,
    "whit sunday": 49,
    "whit monday": 50,
    "corpus christi": 60,
}
_FIRST_YEAR = 2000
_MOON = {  # month and day in each year from 2000 to 2040, four digits a year
    "lunar new year": (
        "0205 0124 0212 0201 0122 0209 0129 0218 0207 0126 0214 0203 0123 0210 0131 0219 0208 0128 0216 0205"
        " 0125 0212 0201 0122 0210 0129 0217 0206 0126 0213 0203 0123 0211 0131 0219 0208 0128 0215 0204 0124"
        " 0212"
    ),
    "passover": (  # its first full day
        "0420 0408 0328 0417 0406 0424 0413 0403 0420 0409 0330 0419 0407 0326 0415 0404 0423 0411 0331 0420"
        " 0409 0328 0416 0406 0423 0413 0402 0422 0411 0331 0418 0408 0327 0414 0404 0424 0412 0331 0420 0409"
        " 0329"
    ),
    "rosh hashanah": (  # its first full day
        "0930 0918 0907 0927 0916 1004 0923 0913 0930 0919 0909 0929 0917 0905 0925 0914 1003 0921 0910 0930"
        " 0919 0907 0926 0916 1003 0923 0912 1002 0921 0910 0928 0918 0906 0924 0914 1004 0922 0910 0930 0919"
        " 0908"
    ),
}
HOLIDAYS = (*_FIXED, "thanksgiving")  # at most a year and a few days apart
FESTIVALS = (*_FIXED, *_WEEKDAY_OF_MONTH, *_AFTER_THANKSGIVING, *_AFTER_EASTER, *_MOON)
MOVABLE = frozenset(
    (*_WEEKDAY_OF_MONTH, *_AFTER_THANKSGIVING, *_AFTER_EASTER, *_MOON)
)  # a year alone does not say their day


def easter(year: int) -> date:
    """Easter Sunday of a year of the Gregorian calendar (Oudin's algorithm)."""
    century = year // 100
    golden = year % 19
    correction = (century - 17) // 25
    moon = (century - century // 4 - (century - correction) // 3 + 19 * golden + 15) % 30
    moon -= (moon // 28) * (1 - (moon // 28) * (29 // (moon + 1)) * ((21 - golden) // 11))
    weekday = (year + year // 4 + moon + 2 - century + century // 4) % 7
    day = moon - weekday
    month = 3 + (day + 40) // 44
    return date(year, month, day + 28 - 31 * (month // 4))


def nth_weekday(year: int, month: int, weekday: int, which: int) -> date:
    """The first, second, ... such weekday of a month; -1: its last."""
    if which < 0:
        last = date(year + month // 12, month % 12 + 1, 1) - timedelta(1)
        return last - timedelta((last.weekday() - weekday) % 7)
    first = date(year, month, 1)
    return first + timedelta((weekday - first.weekday()) % 7 + 7 * (which - 1))


def feast(name: str, year: int) -> date:
    """The day of one of FESTIVALS in `year`. Raises ValueError where it is not known."""
    if name in _FIXED:
        return date(year, *_FIXED[name])
    if name in _WEEKDAY_OF_MONTH:
        return nth_weekday(year, *_WEEKDAY_OF_MONTH[name])
    if name in _AFTER_THANKSGIVING:
        return nth_weekday(year, *_WEEKDAY_OF_MONTH["thanksgiving"]) + timedelta(_AFTER_THANKSGIVING[name])
    if name in _AFTER_EASTER:
        return easter(year) + timedelta(_AFTER_EASTER[name])
    days = _MOON[name].split()
    if not 0 <= year - _FIRST_YEAR < len(days):
        raise ValueError(f"the day of {name} in {year} is not known")
    written = days[year - _FIRST_YEAR]
    return date(year, int(written[:2]), int(written[2:]))
