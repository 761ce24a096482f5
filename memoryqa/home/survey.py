"""Reads an export once without keeping it: the report, and of each conversation what it is recognised by."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from memoryqa.importers import Import, ImportReport, Message, fingerprint

_UNDATED = float("nan")
_REPORTED_EVERY = 1000


@dataclass
class Seen:
    """A conversation of an export.

    keys, digests, clocks, said_by: of each message; clocks in seconds, as they stood, NaN when unknown; said_by counts
    in `speakers`. has_id: the scope is an id, and no name. is_named: the ids of its messages have its name in them, so
    that they change with it.
    """

    scope: str
    title: str
    has_id: bool
    is_named: bool
    keys: array[int] = field(default_factory=lambda: array("q"))
    digests: array[int] = field(default_factory=lambda: array("q"))
    clocks: array[float] = field(default_factory=lambda: array("d"))
    said_by: array[int] = field(default_factory=lambda: array("l"))
    speakers: list[str] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    def add(self, message: Message, key: int, digest: int) -> None:
        """Take note of the next message."""
        self.keys.append(key)
        self.digests.append(digest)
        self.clocks.append(clock_of(message.time))
        if (number := self._numbers.get(message.speaker)) is None:
            number = self._numbers[message.speaker] = len(self.speakers)
            self.speakers.append(message.speaker)
        self.said_by.append(number)

    def span(self) -> tuple[float, float]:
        """The first and the last clock; infinities the wrong way round when none is known."""
        known = [clock for clock in self.clocks if clock == clock]
        return min(known, default=float("inf")), max(known, default=float("-inf"))


@dataclass
class Survey:
    """conversations: by scope, in the order of the export."""

    report: ImportReport
    conversations: dict[str, Seen]


def survey(found: Import, progress: Callable[[int], None]) -> Survey:
    """Read `found` to its end. UsageError when it is damaged."""
    seen: dict[str, Seen] = {}
    keys = Keys()
    for number, message in enumerate(found.messages, start=1):
        scope = scope_of(message)
        if (one := seen.get(scope)) is None:
            one = seen[scope] = Seen(scope, message.chat, bool(message.chat_id), bool(message.local))
        one.add(message, *keys.of(message))
        if number % _REPORTED_EVERY == 0:
            progress(number)
    return Survey(found.report, seen)


def scope_of(message: Message) -> str:
    """What tells its conversation from others: the app's id of it, or its name."""
    return message.chat_id or message.chat


class Keys:
    """The numbers by which conversations know the messages of one pass over an export."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, int], int] = {}  # by scope and key the digest of the first message that has it

    def of(self, message: Message) -> tuple[int, int]:
        """The key, whatever the conversation is called, and the digest of what an edit or a deletion changes.

        A message that is twice in an export has one key; different messages of one id, as in a table whose `id` is that
        of a person, have two.
        """
        found = fingerprint(message)
        digest = int.from_bytes(bytes.fromhex(found), "big", signed=True)
        own = message.local or message.id or f"{message.time} {message.speaker}"
        key = _number(own)
        if self._first.setdefault((scope_of(message), key), digest) != digest:
            key = _number(f"{own} {found}")
        return key, digest


def clock_of(time: datetime | None) -> float:
    """Seconds on the clock that stood there, whatever its zone; NaN when unknown."""
    if time is None:
        return _UNDATED
    return time.toordinal() * 86400.0 + time.hour * 3600 + time.minute * 60 + time.second


def _number(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
