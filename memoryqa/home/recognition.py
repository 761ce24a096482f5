"""Which of the chats of a folder already has a conversation of an export, under whatever name.

A conversation with ids of its own is known by one message. One whose messages have only names and times is the same
when half of its messages that lie in the time of the known one are in it, too, if under other names of people; and
when the two have no time in common, but one name and the same people, as the parts of one chat do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from memoryqa.archive import imports
from memoryqa.archive.database import Archive, ArchiveError
from memoryqa.archive.imports import Conversation
from memoryqa.errors import UsageError
from memoryqa.home.people import final_name
from memoryqa.home.renames import Stored, find_renames
from memoryqa.home.survey import Seen, clock_of
from memoryqa.importers.people import key_of

_LEAST_SAMPLE, _SAMPLED = 40, 4000  # messages that are looked for: of each conversation, and of all
_LEAST_SHARE = 0.5
_LEAST_SAID = 3  # different messages by which a conversation is looked for where no name is the same
_SAME_NAME = 0.1  # how sure a name alone makes, beside the share of messages that are known


@dataclass(frozen=True, slots=True)
class Place:
    """A conversation of a chat. share: how sure that is, 0 to 1. last: the latest clock in it. is_by_name: no message
    is in both, but their names and people are the same. renamed: names in the chat by those in the export, of people
    whose messages are the same; known: keys in the chat by those in the export, of such messages."""

    chat: str
    number: int
    share: float
    last: float
    is_by_name: bool = False
    renamed: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[int, int] = field(default_factory=dict)


def recognise(
    conversations: Iterable[Seen],
    format: str,
    chats: Mapping[str, Path],
    only: str | None = None,
    file_chat: str = "",
) -> dict[str, Place]:
    """By scope the place of each of `conversations` that a file of `chats` has; in the chat `only`, if it is given.

    file_chat: what a conversation without a name is called, after its file. Files that cannot be read are passed over.
    UsageError for a conversation that may be the next part of two chats.
    """
    found: dict[str, list[Place]] = {}
    listed = list(conversations)
    for chat, path in chats.items():
        if only in (None, chat) and path.exists():
            try:
                with Archive(path, create=False) as archive:
                    places = list(_Recogniser(archive, chat, file_chat).places(format, listed))
            except ArchiveError:
                continue
            for scope, place in places:
                found.setdefault(scope, []).append(place)
    return {scope: _best(places, scope or file_chat) for scope, places in found.items()}


def _best(places: list[Place], title: str) -> Place:
    best = max(places, key=lambda place: place.share)
    chats = list(dict.fromkeys(place.chat for place in places))
    if best.is_by_name and len(chats) > 1:
        listed = " or of ".join(chats[:4])
        raise UsageError(f"{title} may be another part of {listed}; say which with `chat`, or keep it apart with `new`")
    return best


class _Recogniser:
    """Looks into the file of one chat."""

    def __init__(self, archive: Archive, chat: str, file_chat: str) -> None:
        self._archive, self._chat, self._file_chat = archive, chat, file_chat

    def places(self, format: str, conversations: list[Seen]) -> Iterator[tuple[str, Place]]:
        """Where each of `conversations` may be, by scope."""
        known = {one.number: one for one in imports.conversations(self._archive) if one.format == format}
        if not known:
            return
        size = max(_LEAST_SAMPLE, _SAMPLED // max(1, len(conversations)))
        samples = {one.scope: list(one.keys[:: max(1, len(one.keys) // size)]) for one in conversations}
        shared = imports.shared(self._archive, list({key for sample in samples.values() for key in sample}))
        for one in conversations:
            hits = {number: len(keys.intersection(samples[one.scope])) for number, keys in shared.items()}
            wanted = [there for number, there in known.items() if hits.get(number) or there.scope == one.scope]
            if not wanted and one.is_named:
                wanted = [known[number] for number in self._saying(one, size) if number in known]
            for there in wanted:
                place = self._place(there, one, hits.get(there.number, 0) / len(samples[one.scope]))
                if place is not None:
                    yield one.scope, place

    def _saying(self, one: Seen, size: int) -> list[int]:
        """The conversations of which half is in `one`, or the other way round: all people may have been renamed."""
        step = max(1, len(one.digests) // size)
        sample = list(set(one.digests[::step]))
        counts = imports.count_messages(self._archive)
        return [
            number
            for number, digests in imports.saying(self._archive, sample).items()
            if len(digests) >= max(_LEAST_SAID, _LEAST_SHARE * min(len(sample), counts[number] / step))
        ]

    def _place(self, there: Conversation, one: Seen, hits: float) -> Place | None:
        """`there` as the place of `one`; None when it is another conversation. hits: share of its sample there."""
        has_name = there.scope == one.scope and bool(one.scope or self._chat == self._file_chat)
        if one.is_named:
            return self._place_by_texts(there, one, has_name)
        is_it = hits or one.has_id or any(imports.shared(self._archive, one.keys).get(there.number, ()))
        share = hits + _SAME_NAME * has_name
        return Place(self._chat, there.number, share, self._last_clock(there.number)) if is_it else None

    def _place_by_texts(self, there: Conversation, one: Seen, has_name: bool) -> Place | None:
        stored = {
            key: Stored(key, digest, _clock(time), speaker)
            for key, digest, time, speaker in imports.messages_of(self._archive, there.number)
        }
        clocks = [message.clock for message in stored.values() if message.clock == message.clock]
        first, last = min(clocks, default=float("inf")), max(clocks, default=float("-inf"))
        comparable = same = 0
        for key, digest, clock in zip(one.keys, one.digests, one.clocks, strict=True):
            before = stored.get(key)
            if before is not None or first <= clock <= last:
                comparable += 1
                # without a time in it, a key is only a place in the file
                same += before is not None and (clock == clock or before.digest in (digest, None))
        if not comparable:
            is_it = has_name and self._has_people_of({message.speaker for message in stored.values()}, one)
            return Place(self._chat, there.number, _SAME_NAME, last, is_by_name=True) if is_it else None
        renames = find_renames(stored, one)
        share = (same + renames.same) / comparable
        if share < _LEAST_SHARE:
            return None
        joins = imports.people(self._archive).joins
        renamed = {name: old for name, old in renames.names.items() if old not in (name, final_name(name, joins))}
        return Place(self._chat, there.number, share + _SAME_NAME * has_name, last, False, renamed, renames.keys)

    def _has_people_of(self, there: Collection[str], one: Seen) -> bool:
        """Whether most people of the smaller of two parts of a chat are in the other, too."""
        joins = imports.people(self._archive).joins
        old = {key_of(name) for name in there}
        new = {key_of(final_name(name, joins)) for name in one.speakers}
        return len(old & new) > min(len(old), len(new)) / 2

    def _last_clock(self, conversation: int) -> float:
        position = imports.last_position(self._archive, conversation)
        return float("-inf") if position is None else clock_of(self._archive.between(position, position)[0].time)


def _clock(time: str | None) -> float:
    return clock_of(None if time is None else datetime.fromisoformat(time))
