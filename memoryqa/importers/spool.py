"""Conversations in the order of time, without holding them: exports of assistants list the newest first."""

from __future__ import annotations

import pickle
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import fields
from datetime import UTC, datetime, tzinfo
from itertools import islice
from operator import attrgetter
from typing import IO, Any

from memoryqa.importers.message import Message

_IN_MEMORY_BYTES = 1 << 22
_AT_ONCE = 500  # messages
_MOST_IN_MEMORY = 10_000  # keys
_CACHE_KB = 2000
_MOST_ZONES = 64  # a zone that is no other, for each of a mailbox's times, would fill the list
_fields = attrgetter(*(one.name for one in fields(Message)))  # pickled in a third of the time that a message takes


def oldest_first(conversations: Iterable[Iterable[Message]]) -> Iterator[Message]:
    """The messages of all conversations, the one that began first first; within each as they come.

    They wait in temporary files that nobody else can read and that go with the process; so does their order.
    """
    zones = list[tzinfo | None]()  # of the messages; to pickle one takes longer than the rest of a message
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as file, closing(_on_disk()) as order:
        order.execute("CREATE TABLE conversations (began REAL, offset INTEGER, batches INTEGER)")
        order.executemany("INSERT INTO conversations VALUES (?, ?, ?)", _written(conversations, file, zones))
        for offset, batches in order.execute("SELECT offset, batches FROM conversations ORDER BY began, rowid"):
            file.seek(offset)
            for _ in range(batches):
                for values, zone in pickle.load(file):
                    message = Message(*values)
                    if zone is not None and message.time is not None:
                        message.time = message.time.replace(tzinfo=zones[zone])
                    yield message


def _written(
    conversations: Iterable[Iterable[Message]], file: IO[bytes], zones: list[tzinfo | None]
) -> Iterator[tuple[float, int, int]]:
    """When each conversation began, its place in `file`, where it is written, and in how many batches."""
    for conversation in conversations:
        offset, count, began = file.tell(), 0, float("-inf")
        for batch in _batches(conversation):
            if began == float("-inf"):
                began = next((_moment(one.time) for one in batch if one.time is not None), began)
            file.write(pickle.dumps([_plain(one, zones) for one in batch], pickle.HIGHEST_PROTOCOL))
            count += 1
        if count:
            yield began, offset, count


def _plain(message: Message, zones: list[tzinfo | None]) -> tuple[tuple[Any, ...], int | None]:
    """The message's fields, its time without the zone, and the place of that in `zones`."""
    time = message.time
    if time is None or time.tzinfo is None:
        return _fields(message), None
    place = next((place for place, zone in enumerate(zones) if zone is time.tzinfo), len(zones))
    if place == len(zones) == _MOST_ZONES:
        return _fields(message), None
    if place == len(zones):
        zones.append(time.tzinfo)
    message.time = time.replace(tzinfo=None)
    values = _fields(message)
    message.time = time
    return values, place


class SeenKeys:
    """Which keys have come. The first are in memory, the rest in a temporary file: a mailbox has millions."""

    def __init__(self) -> None:
        self._first = set[int]()
        self._others: sqlite3.Connection | None = None
        self._count = 0

    def add(self, key: str) -> bool:
        """Whether the key is new."""
        mark = hash(key)
        if mark in self._first:
            return False
        if len(self._first) < _MOST_IN_MEMORY:
            self._first.add(mark)
        else:
            if self._others is None:
                self._others = _on_disk()
                self._others.execute("CREATE TABLE seen (mark INTEGER PRIMARY KEY)")
            if not self._others.execute("INSERT OR IGNORE INTO seen VALUES (?)", (mark,)).rowcount:
                return False
        self._count += 1
        return True

    def __len__(self) -> int:
        return self._count


def _on_disk() -> sqlite3.Connection:
    """An empty database of this process alone, which has no name and goes with its connection."""
    database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    for setting in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE_KB}", "temp_store = FILE"):
        database.execute(f"PRAGMA {setting}")
    database.execute("BEGIN")
    return database


def _batches(messages: Iterable[Message]) -> Iterator[list[Message]]:
    waiting = iter(messages)
    while batch := list(islice(waiting, _AT_ONCE)):
        yield batch


def _moment(time: datetime) -> float:
    try:
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):  # the years 1 and 9999, moved into another zone
        return float("-inf")
