"""What a file keeps of the exports that it was filled from: which message is which turn, and who is who.

A message is known by a key, a number made of its id, and compared by a digest of what it said. People are kept in three
kinds: "join" (another name, a number or an id that means a person, because the user said so), "author" (the export's
own id of a person) and "owner" (the one who says "I"; its alias is "me"), and "choice" has what the user said about the
export: its time zone and the order of its dates. Nothing here outlives the turns that it is about: see `forget_unused`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memoryqa.archive.database import Archive

_AT_ONCE = 500  # keys in a query
OWNER = "me"


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation of an export. scope: the app's id of it, or its name."""

    number: int
    format: str
    scope: str
    title: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message of an export. fields: of the turn that it becomes. deleted: the export says that it was."""

    conversation: int
    key: int
    digest: int
    fields: Mapping[str, Any]
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """The turn that a message became; digest: of what the export said then, None once the user has erased that."""

    position: int
    digest: int | None


@dataclass
class People:
    """joins: names by another spelling, number or id. authors: names by the export's ids. owner: who says "I"."""

    joins: dict[str, str] = field(default_factory=dict)
    authors: dict[str, str] = field(default_factory=dict)
    owner: str | None = None
    choices: dict[str, str] = field(default_factory=dict)


# -- conversations and messages ----------------------------------------------------------------------------------------


def conversations(archive: Archive) -> list[Conversation]:
    """Those that the file has, in the order in which they came."""
    return [Conversation(*row) for row in archive.fetch("SELECT number, format, scope, title FROM conversations")]


def add_conversation(archive: Archive, format: str, scope: str, title: str) -> int:
    """The number of a new one."""
    with archive.transaction():
        row = archive.connection.execute(
            "INSERT INTO conversations (format, scope, title) VALUES (?, ?, ?)", (format, scope, title)
        )
        assert row.lastrowid is not None
        return row.lastrowid


def set_title(archive: Archive, number: int, title: str) -> None:
    with archive.transaction():
        archive.connection.execute("UPDATE conversations SET title = ? WHERE number = ?", (title, number))


def titles(archive: Archive) -> dict[int, str]:
    """The titles of conversations by the sessions that they were put in."""
    rows = archive.fetch(
        "SELECT DISTINCT substr(turns.id, 2, instr(turns.id, ':') - 2), title FROM imported"
        " JOIN turns USING (position) JOIN conversations ON number = conversation WHERE title != ''"
    )
    return {int(session): title for session, title in rows}


def known(archive: Archive, messages: Sequence[Incoming]) -> dict[tuple[int, int], Known]:
    """Those of `messages` that the file has, by conversation and key."""
    found: dict[tuple[int, int], Known] = {}
    wanted = {one.conversation for one in messages}
    for conversation, rows in _by_keys(archive, "position, digest", [one.key for one in messages]):
        if conversation in wanted:
            key, position, digest = rows
            found[conversation, key] = Known(position, digest)
    return found


def shared(archive: Archive, keys: Sequence[int]) -> dict[int, set[int]]:
    """Which of `keys` the file has, by conversation."""
    found: dict[int, set[int]] = {}
    for conversation, (key, *_) in _by_keys(archive, "position", keys):
        found.setdefault(conversation, set()).add(key)
    return found


def _by_keys(archive: Archive, columns: str, keys: Sequence[int]) -> Iterable[tuple[int, tuple[Any, ...]]]:
    for first in range(0, len(keys), _AT_ONCE):
        some = keys[first : first + _AT_ONCE]
        marks = ", ".join("?" * len(some))
        for row in archive.fetch(f"SELECT conversation, key, {columns} FROM imported WHERE key IN ({marks})", *some):
            yield row[0], row[1:]


def saying(archive: Archive, digests: Sequence[int]) -> dict[int, set[int]]:
    """Which of `digests` the messages of each conversation have. It looks at all messages."""
    found: dict[int, set[int]] = {}
    for first in range(0, len(digests), _AT_ONCE):
        some = digests[first : first + _AT_ONCE]
        marks = ", ".join("?" * len(some))
        for row in archive.fetch(f"SELECT conversation, digest FROM imported WHERE digest IN ({marks})", *some):
            found.setdefault(row[0], set()).add(row[1])
    return found


def messages_of(archive: Archive, conversation: int) -> list[tuple[int, int | None, str | None, str]]:
    """Key, digest, local time (ISO 8601) and speaker of all messages of a conversation, in their order."""
    found = "SELECT key, imported.digest, time, speaker FROM imported JOIN turns USING (position)"
    rows = archive.fetch(f"{found} WHERE conversation = ? ORDER BY position", conversation)
    return [(key, digest, time, speaker) for key, digest, time, speaker in rows]


def note(archive: Archive, position: int, message: Incoming) -> None:
    """`message` became the turn at `position`. Within a transaction."""
    values = (position, message.conversation, message.key, message.digest)
    archive.connection.execute("INSERT INTO imported VALUES (?, ?, ?, ?)", values)


def note_last(archive: Archive, lasts: Mapping[int, int]) -> None:
    """The last positions of conversations. Within a transaction."""
    rows = [(position, number) for number, position in lasts.items()]
    archive.connection.executemany("UPDATE conversations SET last = ? WHERE number = ?", rows)


def last_position(archive: Archive, conversation: int) -> int | None:
    """Where the last turn of a conversation is; None when it has none."""
    found = "SELECT position FROM imported WHERE position = (SELECT last FROM conversations WHERE number = ?1)"
    rows = archive.fetch(found, conversation) or archive.fetch(
        "SELECT max(position) FROM imported WHERE conversation = ?1", conversation
    )
    position = rows[0][0]
    return None if position is None else int(position)


def set_digest(archive: Archive, position: int, digest: int | None) -> None:
    """What the export says of the turn at `position` by now. Within a transaction."""
    archive.connection.execute("UPDATE imported SET digest = ? WHERE position = ?", (digest, position))


# -- people ------------------------------------------------------------------------------------------------------------


def people(archive: Archive) -> People:
    found = People()
    kinds = {"join": found.joins, "author": found.authors, "choice": found.choices}
    for kind, alias, name in archive.fetch("SELECT kind, alias, name FROM people"):
        if kind == "owner":
            found.owner = name
        elif kind in kinds:
            kinds[kind][alias] = name
    return found


def owner(archive: Archive) -> str | None:
    """Who says "I"."""
    rows = archive.fetch("SELECT name FROM people WHERE kind = 'owner'")
    return str(rows[0][0]) if rows else None


def keep_people(archive: Archive, found: People) -> None:
    """Let the file have `found`."""
    with archive.transaction():
        write_people(archive, found)


def write_people(archive: Archive, found: People) -> None:
    """`keep_people` within a transaction."""
    rows = [("join", alias, name) for alias, name in found.joins.items()]
    rows += [("author", alias, name) for alias, name in found.authors.items()]
    rows += [("choice", alias, name) for alias, name in found.choices.items()]
    rows += [("owner", OWNER, found.owner)] if found.owner else []
    archive.connection.execute("DELETE FROM people")
    archive.connection.executemany("INSERT INTO people VALUES (?, ?, ?)", rows)


def count_messages(archive: Archive) -> Counter[int]:
    """How many messages each conversation has."""
    return Counter(dict(archive.fetch("SELECT conversation, count(*) FROM imported GROUP BY conversation")))


def forget_unused(archive: Archive) -> None:
    """Drop what is kept of conversations and people who have no turn any more. Within a transaction."""
    execute = archive.connection.execute
    execute("DELETE FROM conversations WHERE number NOT IN (SELECT conversation FROM imported)")
    execute("DELETE FROM people WHERE kind != 'choice' AND name NOT IN (SELECT speaker FROM turns)")
    execute("DELETE FROM people WHERE NOT EXISTS (SELECT 1 FROM turns)")
