"""How well the date of a session matches the days that a question names."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np

from memoryqa.arrays import Floats, Ints
from memoryqa.language.question import Window

_RECENT_DAYS = 21  # people talk about the last weeks, so a session counts up to so many days after a window
_AHEAD_DAYS = 3  # ... and about the next days
_AHEAD_WEIGHT = 0.4


def note_day(first_days: array[int], last_days: array[int], day: int) -> bool:
    """Widen the days of the last block to `day`: a session may pass midnight, or begin without a time (-1).

    Returns whether anything changed.
    """
    first, last = first_days[-1], last_days[-1]
    if 0 <= first <= day <= last:
        return False
    first_days[-1] = day if first < 0 else min(first, day)
    last_days[-1] = max(last, day)
    return True


def match_blocks(windows: Sequence[Window], first_days: Ints, last_days: Ints) -> Floats:
    """The match of each block of turns, which lasts from a first to a last day: the better one of both."""
    match = match_dates(windows, first_days)
    if np.array_equal(first_days, last_days):
        return match
    return np.maximum(match, match_dates(windows, last_days))


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
