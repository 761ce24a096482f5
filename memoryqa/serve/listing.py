"""Chats and people as clients list them, from what the files say: no chat is opened for a list, however long it is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from memoryqa.archive.summary import Summary, stamp_of, summary
from memoryqa.home.people import people_in
from memoryqa.serve.replies import ChatSummary, People, Person

_SETTLED_NS = 2_000_000_000  # since a file was changed: a change after that has another time
_MOST_SPEAKERS = 50  # of a summary that is kept

Stamp = tuple[tuple[int, int, int] | None, ...]


class Summaries:
    """What is in the files of many chats, each read again only when it has changed. May be used from any thread."""

    def __init__(self) -> None:
        self._kept: dict[Path, tuple[Stamp, Summary]] = {}

    def of(self, path: Path) -> Summary:
        """As `archive.summary.summary`."""
        stamp = _stamp(path)
        kept, found = self._kept.get(path, ((), None))
        if found is not None and kept == stamp:
            return found
        found = summary(path)
        if _is_settled(stamp) and len(found.speakers) <= _MOST_SPEAKERS:
            self._kept[path] = stamp, found
        else:
            self._kept.pop(path, None)
        return found


def _stamp(path: Path) -> Stamp:
    """Which file it is, when it was changed, and how large it is; the same of its log."""
    return tuple(map(stamp_of, (path, path.with_name(f"{path.name}-wal"))))


def _is_settled(stamp: Stamp) -> bool:
    return all(one is None or one[1] < time.time_ns() - _SETTLED_NS for one in stamp)


def listed_chat(name: str, found: Summary) -> ChatSummary:
    """A chat with its people, most talkative first."""
    first, last = _written(found.first), _written(found.last)
    return ChatSummary(chat=name, messages=found.messages, people=list(found.speakers), first=first, last=last)


def listed_people(chats: Mapping[str, Summary]) -> People:
    """Who speaks, most talkative first. One name is one person, in all chats."""
    return People(
        people=[
            Person(
                name=one.name,
                chats=one.chats,
                messages=one.messages,
                first=_written(one.first),
                last=_written(one.last),
            )
            for one in people_in(chats)
        ]
    )


def _written(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
