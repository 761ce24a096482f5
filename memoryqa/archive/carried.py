"""What a chat knows of its exports goes with it into another file: a chat that comes back knows its messages again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from memoryqa.archive import imports
from memoryqa.archive.database import Archive
from memoryqa.archive.imports import Conversation, People


@dataclass(frozen=True, slots=True)
class Carried:
    """messages: by the id of the turn that each became, its conversation's number, key and digest (see `imports`)."""

    conversations: tuple[Conversation, ...] = ()
    messages: Mapping[str, tuple[int, int, int | None]] = field(default_factory=dict)
    people: People = field(default_factory=People)

    def __bool__(self) -> bool:
        return bool(self.conversations or self.people != People())


def carried(archive: Archive) -> Carried:
    """What the file knows."""
    found = "SELECT id, conversation, key, imported.digest FROM imported JOIN turns USING (position)"
    messages = {turn: (number, key, digest) for turn, number, key, digest in archive.fetch(found)}
    return Carried(tuple(imports.conversations(archive)), messages, imports.people(archive))


def carry_in(archive: Archive, found: Carried) -> None:
    """Let the file know what another one knew of the same turns. Within a transaction."""
    execute = archive.connection.execute
    numbers: dict[int, int] = {}
    for one in found.conversations:
        row = execute(
            "INSERT INTO conversations (format, scope, title) VALUES (?, ?, ?)", (one.format, one.scope, one.title)
        )
        assert row.lastrowid is not None
        numbers[one.number] = row.lastrowid
    known = "INSERT OR IGNORE INTO imported SELECT position, ?, ?, ? FROM turns WHERE id = ?"
    rows = [
        (numbers[number], key, digest, turn)
        for turn, (number, key, digest) in found.messages.items()
        if number in numbers
    ]
    archive.connection.executemany(known, rows)
    execute(
        "UPDATE conversations SET last = coalesce((SELECT max(position) FROM imported WHERE conversation = number), 0)"
    )
    kept = imports.people(archive)
    people = found.people
    imports.write_people(
        archive,
        People(
            kept.joins | people.joins,
            kept.authors | people.authors,
            kept.owner or people.owner,
            kept.choices | people.choices,
        ),
    )
