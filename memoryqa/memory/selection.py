"""Which turns a search may find: by who said them and when."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import TypeVar

from memoryqa.checks import collection, one_of_kind, text, true_or_false
from memoryqa.errors import UsageError
from memoryqa.language.folding import fold
from memoryqa.messages import TimeLike, parse_time
from memoryqa.turns import Turn

Memory = TypeVar("Memory")


def selector(speakers: str | Iterable[str] | None, since: TimeLike, until: TimeLike) -> Callable[[Turn], bool] | None:
    """Whether a turn is meant; None where every turn is. See `ReadableMemory.search` for the arguments.

    Clocks are compared as they stood, whatever their zones. Raises TypeError and UsageError that name the argument.
    """
    if speakers is None and since is None and until is None:
        return None
    names = None if speakers is None else _names(speakers)
    first, last = _clock(since, "since"), _end(until)
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


def check_asking(question: str, memory: Memory, asked: TimeLike) -> tuple[str, Memory, TimeLike]:
    """What a program is asked, as it is. Raises TypeError and UsageError, before an LM is paid for a question that a
    search refuses."""
    parse_time(asked, "asked")
    return text("question", question), memory, asked


def _names(speakers: str | Iterable[str]) -> frozenset[str]:
    listed = [speakers] if isinstance(speakers, str) else collection("speakers", speakers, "names")
    return frozenset(fold(one_of_kind("speakers", name, str, "names")).strip() for name in listed)


def _clock(value: TimeLike, name: str) -> datetime | None:
    time = parse_time(value, name)
    return None if time is None else time.replace(tzinfo=None)


def _end(value: TimeLike) -> datetime | None:
    """The first moment that is too late: of a day, the next one."""
    time = _clock(value, "until")
    if time is None:
        return None
    names_a_day = (isinstance(value, date) and not isinstance(value, datetime)) or (
        isinstance(value, str) and len(value.strip()) <= len("2023-05-25")
    )
    try:
        return time + (timedelta(days=1) if names_a_day else timedelta(microseconds=1))
    except OverflowError:
        return datetime.max


def to_forget(
    handle: str | Iterable[str] | None, person: str | None, before: TimeLike, everything: bool
) -> Callable[[Turn], bool]:
    """Which turns are to be forgotten. TypeError and UsageError unless one thing is given, as it must be."""
    true_or_false("everything", everything)
    arguments = {"a handle": handle, "person": person, "before": before, "everything": everything or None}
    given = [name for name, value in arguments.items() if value is not None]
    if len(given) != 1:
        raise UsageError(
            "forget needs one of a handle, person=NAME, before=DATE and everything=True, got "
            + (" and ".join(given) or "none")
        )
    if handle is not None and not isinstance(handle, str):
        collection("a handle", handle, "handles")
    if before is not None:
        limit = _clock(before, "before")
        return lambda turn: turn.time is not None and limit is not None and turn.time.replace(tzinfo=None) < limit
    of_person = None if person is None else selector(text("person", person), None, None)
    return of_person or (lambda turn: True)
