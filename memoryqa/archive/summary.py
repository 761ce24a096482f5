"""Who said how much, and when, from a file alone: no index is read, so that hundreds of chats are listed at once."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from urllib.parse import quote

from memoryqa.archive.database import APPLICATION_ID, MIGRATIONS, Archive, ArchiveError
from memoryqa.archive.file import Row


@dataclass(frozen=True, slots=True)
class Speaker:
    """A person of one file. first, last: days, None when unknown."""

    messages: int
    first: date | None
    last: date | None


@dataclass(frozen=True, slots=True)
class Summary:
    """speakers: most talkative first. conversations: those of exports. bytes: of the file and its log. owner: who says
    "I", where the user said so."""

    messages: int
    sessions: int
    conversations: int
    corrected: int
    forgotten: int
    bytes: int
    owner: str | None
    speakers: dict[str, Speaker] = field(default_factory=dict)

    @property
    def first(self) -> date | None:
        return min((one.first for one in self.speakers.values() if one.first), default=None)

    @property
    def last(self) -> date | None:
        return max((one.last for one in self.speakers.values() if one.last), default=None)


def summary(path: Path) -> Summary:
    """What is in the file of a chat. ArchiveError when it cannot be read."""
    found = _read_alone(path)
    if found is None:
        with Archive(path, create=False) as archive:
            found = _read(archive.fetch)
    rows, owner, counts = found
    try:
        speakers = {
            name.decode("utf-8", "replace"): Speaker(count, _day(first), _day(last))
            for name, count, first, last in rows
        }
    except (AttributeError, ValueError) as error:
        raise ArchiveError(f"{path}: damaged, a speaker or a time cannot be read; restore it from a copy") from error
    size = sum(map(_size, (path, path.with_name(f"{path.name}-wal"))))
    messages = sum(one.messages for one in speakers.values())
    sessions, conversations, corrected, forgotten = counts
    return Summary(
        messages, sessions, conversations, corrected, forgotten, size, owner[0][0] if owner else None, speakers
    )


_Found = tuple[list[Row], list[Row], list[int]]


def _read(fetch: Callable[[str], list[Row]]) -> _Found:
    """Speakers, who says "I", and the counts of a summary."""
    rows = fetch(
        "SELECT CAST(speaker AS BLOB), count(*) AS n, min(time), max(time) FROM turns GROUP BY speaker"
        " ORDER BY n DESC, min(position)"
    )
    owner = fetch("SELECT name FROM people WHERE kind = 'owner'")
    counts = [
        int(fetch(statement)[0][0] or 0)
        for statement in (
            "SELECT count(DISTINCT substr(id, 1, instr(id, ':'))) FROM turns",
            "SELECT count(*) FROM conversations",
            "SELECT count(DISTINCT id) FROM revisions",
            "SELECT sum(turns) FROM forgotten",
        )
    ]
    return rows, owner, counts


def _read_alone(path: Path) -> _Found | None:
    """The same of a file that nobody has open, in a third of the time and without a log beside it. None where somebody
    has it open, or had while it was read, and where it must be opened to say what is wrong."""
    before = _stamps(path)
    if before[0] is None or any(before[1:]):
        return None
    try:
        address = f"file:{quote(os.fsencode(path))}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as connection:

            def fetch(statement: str) -> list[Row]:
                return connection.execute(statement).fetchall()

            expected = [(APPLICATION_ID,)], [(len(MIGRATIONS),)], [(0,)]
            due = "SELECT value FROM state WHERE name = 'erase_due'"
            if (fetch("PRAGMA application_id"), fetch("PRAGMA user_version"), fetch(due)) != expected:
                return None
            found = _read(fetch)
    except (sqlite3.Error, UnicodeDecodeError):
        return None
    return found if _stamps(path) == before else None


def _stamps(path: Path) -> list[tuple[int, int, int] | None]:
    """Which file it is, when it was changed and how large it is, and the same of its logs; None for one that is not."""
    return [stamp_of(path.with_name(f"{path.name}{ending}")) for ending in ("", "-wal", "-journal")]


def stamp_of(path: Path) -> tuple[int, int, int] | None:
    """Which file it is, when it was changed (ns) and how large it is (bytes); None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # there is none, or it was removed just now
        return 0


def _day(written: str | None) -> date | None:
    return None if written is None else datetime.fromisoformat(written).date()
