"""Which of the chats of a folder already has a conversation of an export, under whatever name.

A conversation with ids of its own is known by one message. One whose messages have only names and times is the same
when half of its messages that lie in the time of the known one are in it, too; and when the two have no time in common
and one name, as the parts of one chat do that was exported twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from memoryqa.archive import imports
from memoryqa.archive.database import Archive, ArchiveError
from memoryqa.archive.imports import Conversation
from memoryqa.home.survey import Seen, clock_of

_LEAST_SAMPLE, _SAMPLED = 40, 4000  # messages that are looked for: of each conversation, and of all
_LEAST_SHARE = 0.5
_SAME_NAME = 0.1  # how sure a name alone makes, beside the share of messages that are known


@dataclass(frozen=True, slots=True)
class Place:
    """A conversation of a chat. share: how sure that is, 0 to 1. last: the latest clock in it."""

    chat: str
    number: int
    share: float
    last: float


def recognise(
    conversations: Iterable[Seen], format: str, chats: Mapping[str, Path], only: str | None = None
) -> dict[str, Place]:
    """By scope the place of each of `conversations` that a file of `chats` has; in the chat `only`, if it is given.

    Files that cannot be read are passed over.
    """
    found: dict[str, Place] = {}
    listed = list(conversations)
    for chat, path in chats.items():
        if only in (None, chat) and path.exists():
            try:
                with Archive(path, create=False) as archive:
                    places = list(_places(archive, chat, format, listed))
            except ArchiveError:
                continue
            for scope, place in places:
                if scope not in found or place.share > found[scope].share:
                    found[scope] = place
    return found


def _places(archive: Archive, chat: str, format: str, conversations: list[Seen]) -> Iterator[tuple[str, Place]]:
    known = {one.number: one for one in imports.conversations(archive) if one.format == format}
    if not known:
        return
    size = max(_LEAST_SAMPLE, _SAMPLED // max(1, len(conversations)))
    samples = {one.scope: list(one.keys[:: max(1, len(one.keys) // size)]) for one in conversations}
    shared = imports.shared(archive, list({key for sample in samples.values() for key in sample}))
    for one in conversations:
        hits = {number: len(keys.intersection(samples[one.scope])) for number, keys in shared.items()}
        for number, there in known.items():
            if hits.get(number) or there.scope == one.scope:
                place = _place(archive, chat, there, one, hits.get(number, 0) / len(samples[one.scope]))
                if place is not None:
                    yield one.scope, place


def _place(archive: Archive, chat: str, there: Conversation, one: Seen, hits: float) -> Place | None:
    """`there` as the place of `one`; None when it is another conversation. hits: share of its sample that is there."""
    has_name = _SAME_NAME * (there.scope == one.scope)
    if not one.is_named:
        is_it = hits or one.has_id or any(imports.shared(archive, one.keys).get(there.number, ()))
        return Place(chat, there.number, hits + has_name, _last_clock(archive, there.number)) if is_it else None
    stored = {key: (digest, _clock(time)) for key, digest, time in imports.messages_of(archive, there.number)}
    clocks = [clock for _, clock in stored.values() if clock == clock]
    first, last = min(clocks, default=float("inf")), max(clocks, default=float("-inf"))
    comparable = same = 0
    for key, digest, clock in zip(one.keys, one.digests, one.clocks, strict=True):
        before = stored.get(key)
        if before is not None or first <= clock <= last:
            comparable += 1
            # without a time in it, a key is only a place in the file
            same += before is not None and (clock == clock or before[0] in (digest, None))
    if comparable:
        share = same / comparable
        is_same = share >= _LEAST_SHARE
    else:
        share, is_same = 0.0, there.scope == one.scope
    return Place(chat, there.number, share + has_name, last) if is_same else None


def _last_clock(archive: Archive, conversation: int) -> float:
    position = imports.last_position(archive, conversation)
    return float("-inf") if position is None else clock_of(archive.between(position, position)[0].time)


def _clock(time: str | None) -> float:
    return clock_of(None if time is None else datetime.fromisoformat(time))
