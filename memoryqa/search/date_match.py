"""How well the date of a session matches the days that a question names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memoryqa.arrays import Floats, Ints
from memoryqa.language.question import Window

_RECENT_DAYS = 21  # people talk about the last weeks, so a session counts up to so many days after a window
_AHEAD_DAYS = 3  # ... and about the next days
_AHEAD_WEIGHT = 0.4


def match_dates(windows: Sequence[Window], days: Ints) -> Floats:
    """The match of each day (an ordinal; -1: unknown) with its best window, 0 to 1. It fades in the weeks after."""
    known = days >= 0
    if not windows or not known.any():
        return np.zeros(len(days))
    start, end = int(days[known].min()), int(days.max()) + 1
    by_day = np.zeros(end - start)  # a long history has fewer days than sessions, and a window has few
    for window in windows:
        first, last = window.first.toordinal(), window.last.toordinal()
        reached = np.arange(max(first - _AHEAD_DAYS, start), min(last + _RECENT_DAYS, end))
        fading = 1 - (reached - last) / _RECENT_DAYS
        match = np.where(reached > last, fading, np.where(reached >= first, 1.0, 0.0))
        if first == last:
            match = np.where(reached < first, _AHEAD_WEIGHT, match)
        by_day[reached - start] = np.maximum(by_day[reached - start], window.weight * match)
    return np.where(known, by_day[np.where(known, days - start, 0)], 0.0)
