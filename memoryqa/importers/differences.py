"""What a newer export of the same chat changes: what is new, edited or deleted since the last import."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from memoryqa.importers.message import Message, fingerprint


@dataclass
class Difference:
    """new, edited, deleted: messages of the newer export. unchanged: how many are as they were known.

    missing: ids that were known and are not in it. An export may begin later than the last one, so that a missing
    message is not taken for a deleted one.
    """

    new: list[Message] = field(default_factory=list)
    edited: list[Message] = field(default_factory=list)
    deleted: list[Message] = field(default_factory=list)
    unchanged: int = 0
    missing: list[str] = field(default_factory=list)


def difference(messages: Iterable[Message], known: Mapping[str, str]) -> Difference:
    """`messages` compared with those that were imported: `known` has their ids and `fingerprint`s.

    A message without an id counts as new. A message that is twice in the export counts once, as it was first.
    """
    found = Difference()
    seen: set[str] = set()
    for message in messages:
        if message.id and message.id in seen:
            continue
        seen.add(message.id)
        before = known.get(message.id) if message.id else None
        if before is None:
            found.new.append(message)
        elif before == fingerprint(message):
            found.unchanged += 1
        elif message.deleted:
            found.deleted.append(message)
        else:
            found.edited.append(message)
    found.missing = [one for one in known if one not in seen]
    return found
