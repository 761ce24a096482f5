"""Which turns a search may find: by who said them and when."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta

from memoryqa.checks import described
from memoryqa.errors import UsageError
from memoryqa.language.folding import fold
from memoryqa.messages import TimeLike, parse_time
from memoryqa.turns import Turn


def selector(speakers: str | Iterable[str] | None, since: TimeLike, until: TimeLike) -> Callable[[Turn], bool] | None:
    """Whether a turn is meant; None where every turn is. See `ReadableMemory.search` for the arguments.

    Clocks are compared as they stood, whatever their zones. Raises TypeError and UsageError that name the argument.
    """
    if speakers is None and since is None and until is None:
        return None
    names = None if speakers is None else _names(speakers)
    first, last = _clock(since), _end(until)
    if first is not None and last is not None and first >= last:
        raise UsageError(f"since {since} is not before until {until}; turn them round")

    def is_meant(turn: Turn) -> bool:
        if names is not None and fold(turn.speaker).strip() not in names:
            return False
        if first is None and last is None:
            return True
        if turn.time is None:
            return False
        clock = turn.time.replace(tzinfo=None)
        return (first is None or clock >= first) and (last is None or clock < last)

    return is_meant


def _names(speakers: str | Iterable[str]) -> frozenset[str]:
    listed = [speakers] if isinstance(speakers, str) else list(speakers)
    for name in listed:
        if not isinstance(name, str):
            raise TypeError(f"speakers must be names, got {described(name)}")
    return frozenset(fold(name).strip() for name in listed)


def _clock(value: TimeLike) -> datetime | None:
    time = parse_time(value)
    return None if time is None else time.replace(tzinfo=None)


def _end(value: TimeLike) -> datetime | None:
    """The first moment that is too late: of a day, the next one."""
    time = _clock(value)
    if time is None:
        return None
    names_a_day = (isinstance(value, date) and not isinstance(value, datetime)) or (
        isinstance(value, str) and len(value.strip()) <= len("2023-05-25")
    )
    try:
        return time + (timedelta(days=1) if names_a_day else timedelta(microseconds=1))
    except OverflowError:
        return datetime.max
