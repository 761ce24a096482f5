"""Who said how much, and when, from a file alone: no index is read, so that hundreds of chats are listed at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from memoryqa.archive.database import Archive, ArchiveError


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
    with Archive(path, create=False) as archive:
        rows = archive.fetch(
            "SELECT CAST(speaker AS BLOB), count(*) AS n, min(time), max(time) FROM turns GROUP BY speaker"
            " ORDER BY n DESC, min(position)"
        )
        owner = archive.fetch("SELECT name FROM people WHERE kind = 'owner'")
        sessions, conversations, corrected, forgotten = (
            int(archive.fetch(statement)[0][0] or 0)
            for statement in (
                "SELECT count(DISTINCT substr(id, 1, instr(id, ':'))) FROM turns",
                "SELECT count(*) FROM conversations",
                "SELECT count(DISTINCT id) FROM revisions",
                "SELECT sum(turns) FROM forgotten",
            )
        )
    try:
        speakers = {
            name.decode("utf-8", "replace"): Speaker(count, _day(first), _day(last))
            for name, count, first, last in rows
        }
    except (AttributeError, ValueError) as error:
        raise ArchiveError(f"{path}: damaged, a speaker or a time cannot be read; restore it from a copy") from error
    size = sum(map(_size, (path, path.with_name(f"{path.name}-wal"))))
    messages = sum(one.messages for one in speakers.values())
    me = owner[0][0] if owner else None
    return Summary(messages, sessions, conversations, corrected, forgotten, size, me, speakers)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # there is none, or it was removed just now
        return 0


def _day(written: str | None) -> date | None:
    return None if written is None else datetime.fromisoformat(written).date()
