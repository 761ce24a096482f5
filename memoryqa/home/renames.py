"""People who are called otherwise in a newer export: their messages are the same, at the same minutes.

WhatsApp writes the name that the phone has for a contact, and knows messages by it. A contact who was renamed is met
by the messages themselves: those of one name in the export are those of another name in the chat.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from memoryqa.home.survey import Seen

_LEAST_SHARE = 0.8  # of the messages that either of the two names has alone, must be the same
_LEAST_OF_EXPORT = 0.3  # the user may have forgotten many
_MINUTE_SEC = 60


@dataclass(frozen=True, slots=True)
class Stored:
    """A message of a chat. digest: None once the user has erased what the export said."""

    key: int
    digest: int | None
    clock: float
    speaker: str


@dataclass(frozen=True, slots=True)
class Renames:
    """names: in the chat, by those in the export. keys: in the chat, by those in the export. same: how many of these
    messages say the same."""

    names: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[int, int] = field(default_factory=dict)
    same: int = 0


def find_renames(stored: Mapping[int, Stored], one: Seen) -> Renames:
    """The people of `one` who have other names in `stored`, which is a conversation by its keys."""
    seen = set(one.keys)
    left = defaultdict[float, list[Stored]](list)  # by minute, what is in the chat alone
    for message in stored.values():
        if message.key not in seen:
            left[message.clock // _MINUTE_SEC].append(message)
    unknown = defaultdict[int, list[int]](list)  # by speaker, what is in the export alone, at the times of the chat
    first, last = min(left, default=0.0), max(left, default=-1.0)
    for place, (key, clock) in enumerate(zip(one.keys, one.clocks, strict=True)):
        if first <= clock // _MINUTE_SEC <= last and key not in stored:
            unknown[one.said_by[place]].append(place)
    is_rest_known = len(one.keys) - sum(map(len, unknown.values())) > 0
    alone = Counter(message.speaker for some in left.values() for message in some)
    names: dict[str, str] = {}
    keys: dict[int, int] = {}
    same = 0
    for speaker, places in unknown.items():
        votes = Counter(_voted(left, one, places))
        name, count = votes.most_common(1)[0] if votes else ("", 0)
        if count and count >= _least(len(places), alone[name], is_rest_known):
            names[one.speakers[speaker]] = name
            pairs, equal = _pairs(left, one, places, name)
            keys |= pairs
            same += equal
    return Renames(names, keys, same)


def _least(in_export: int, in_chat: int, is_rest_known: bool) -> float:
    """How many messages must be the same: nearly all that one of the two names has alone."""
    fewer = min(in_export, in_chat)
    nearly_all = min(_LEAST_SHARE * fewer, fewer - 1)
    return max(nearly_all, _LEAST_OF_EXPORT * in_export, 1 if fewer == 1 and is_rest_known else 2)


def _voted(left: Mapping[float, list[Stored]], one: Seen, places: Iterable[int]) -> Iterator[str]:
    """The names of those who said the same in the same minute, by message."""
    for place in places:
        at = left.get(one.clocks[place] // _MINUTE_SEC, ())
        yield from {message.speaker for message in at if message.digest == one.digests[place]}


def _pairs(
    left: Mapping[float, list[Stored]], one: Seen, places: Iterable[int], name: str
) -> tuple[dict[int, int], int]:
    """Keys of the chat by those of the export, and how many of them say the same. What was edited is known by its
    place within the minute."""
    by_minute = defaultdict[float, list[int]](list)
    for place in places:
        by_minute[one.clocks[place] // _MINUTE_SEC].append(place)
    keys: dict[int, int] = {}
    equal = 0
    for minute, some in by_minute.items():
        there = [message for message in left.get(minute, ()) if message.speaker == name]
        rest = list[int]()
        for place in some:
            found = next((message for message in there if message.digest == one.digests[place]), None)
            if found is None:
                rest.append(place)
            else:
                there.remove(found)
                keys[one.keys[place]] = found.key
                equal += 1
        if len(rest) == len(there):
            keys |= {one.keys[place]: message.key for place, message in zip(rest, there, strict=True)}
    return keys, equal
