"""Contacts whose names have a colon ("Work: Ana"): decided by the whole file, because a colon ends every name in it.

    13/05/2024, 21:06 - Work: Ana: The kettle is on.

A colon is taken for one within the name where all that stands behind it, in all messages that begin so, is one of few
names that recur. Whoever writes no second colon once is called by what is before the first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

_SECOND = re.compile(r"( ?[^:\n]{1,40}):(?= |$)")
_FEW = 5  # messages, below which nothing recurs
_MOST_NAMES = 8  # that begin alike
_SIGNS = re.compile(r"[\W_]+")


class ColonNames:
    """Collects what stands between the first colon of a message and the second, by what is before the first."""

    def __init__(self, title: str) -> None:
        """title: of the chat, which may be the name of a contact; files have other signs for colons."""
        self._title = _bare(title)
        self._whole = set[str]()
        self._seconds: dict[str, Counter[str]] = {}

    def is_whole(self, first: str) -> bool:
        """Whether `first` is known to be the name."""
        return first in self._whole

    def add(self, first: str, said: str) -> None:
        """A message begins with `first` and a colon; `said` is behind that."""
        if first in self._whole:
            return
        match = _SECOND.match(said)
        seconds = self._seconds.setdefault(first, Counter())
        if match is not None:
            seconds[match[1]] += 1
        if match is None or len(seconds) > _MOST_NAMES:
            self._whole.add(first)
            del self._seconds[first]

    def decide(self) -> Mapping[str, frozenset[str]]:
        """What belongs to the name behind the first colon, by what is before it."""
        return {first: frozenset(seconds) for first, seconds in self._seconds.items() if self._recur(first, seconds)}

    def _recur(self, first: str, seconds: Counter[str]) -> bool:
        is_contact = len(seconds) == 1 and _bare(f"{first}{next(iter(seconds))}") == self._title
        return is_contact or (seconds.total() >= _FEW and 2 * len(seconds) <= seconds.total())


def parted(text: str, within: Mapping[str, frozenset[str]]) -> tuple[str, str, str]:
    """Name, colon, and what is behind it; both last are "" where nobody speaks. within: what `decide` gives."""
    name, colon, said = text.partition(":")
    if name in within and (match := _SECOND.match(said)) and match[1] in within[name]:
        return f"{name}:{match[1]}", ":", said[match.end() :]
    return name, colon, said


def _bare(name: str) -> str:
    return _SIGNS.sub("", name).casefold()
