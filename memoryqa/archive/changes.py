"""Corrects and forgets turns of an archive. What is forgotten leaves a count, and no byte in the archive's files.

A file keeps bytes of what was deleted: in free pages, in its log, in the index of words until its parts are merged. So
these functions overwrite it, write the index of words anew or merge its parts, and drop the index snapshot, in one
transaction; after that the caller has the whole file written anew (erasing.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import cast

from memoryqa.archive import imports
from memoryqa.archive.database import Archive
from memoryqa.archive.records import COLUMNS, Record, decode, digest, encode
from memoryqa.turns import Turn

_FEW = 20  # turns of which the index of words is rid one by one
_VALUES = ", ".join(f"{name} = CAST(? AS TEXT)" for name in COLUMNS)


def replace_turn(archive: Archive, turn: Turn, *, keep_revision: bool) -> None:
    """Let the turn with `turn`'s id be `turn`; what it was is kept as a revision, or erased with all older ones."""
    with archive.transaction():
        _overwrite_what_is_deleted(archive)
        position, before = _position(archive, turn.id), archive.expand(turn.id)
        with archive.words_replaced([(position, before, turn)], erased=not keep_revision):
            if keep_revision:
                _keep_revision(archive, position)
            else:
                archive.connection.execute("DELETE FROM revisions WHERE id = ?", (turn.id,))
                imports.set_digest(archive, position, None)
            _write_turn(archive, position, turn)
        if (
            not keep_revision
        ):  # else the index that is kept is of another generation, and says no more than the revision
            _drop_snapshot(archive)
            _note_erase_due(archive)


def follow_export(archive: Archive, found: Iterable[tuple[Turn, int, imports.Incoming]]) -> bool:
    """Let turns say what a newer export says of them: each as it is to be, its position, and the message.

    What an edited one said before is kept as a revision; of a deleted one no byte is. Returns whether the file must be
    written anew for that.
    """
    erase_due = False
    with archive.transaction():
        _overwrite_what_is_deleted(archive)
        for turn, position, message in found:
            if message.deleted:
                archive.connection.execute("DELETE FROM revisions WHERE id = ?", (turn.id,))
                erase_due = True
            else:
                _keep_revision(archive, position)
            _write_turn(archive, position, turn)
            imports.set_digest(archive, position, message.digest)
        _note_change(archive, erase_due=erase_due)
    return erase_due


def rename_speakers(archive: Archive, names: Mapping[str, str]) -> None:
    """Let what was said under each of `names` be said under its new name, in revisions too."""
    with archive.transaction():
        for position, turn in list(archive.after(0)):
            if turn.speaker in names:
                _write_turn(archive, position, replace(turn, speaker=names[turn.speaker]))
        renamed = [(new, old) for old, new in names.items()]
        archive.connection.executemany("UPDATE revisions SET speaker = ? WHERE speaker = ?", renamed)
        _note_change(archive, erase_due=False)


def _keep_revision(archive: Archive, position: int) -> None:
    archive.connection.execute(
        f"INSERT INTO revisions (number, {', '.join(COLUMNS)}) SELECT (SELECT count(*) FROM revisions AS older"
        f" WHERE older.id = turns.id), {', '.join(COLUMNS)} FROM turns WHERE position = ?",
        (position,),
    )


def _write_turn(archive: Archive, position: int, turn: Turn) -> None:
    record = encode(turn)
    values = (*record, digest(record), position)
    archive.connection.execute(f"UPDATE turns SET {_VALUES}, digest = ? WHERE position = ?", values)


def revisions(archive: Archive) -> dict[str, list[Turn]]:
    """By id what turns were before each correction, oldest first."""
    fields = ", ".join(f"CAST({name} AS BLOB)" for name in COLUMNS)
    found: dict[str, list[Turn]] = {}
    for row in archive.fetch(f"SELECT {fields} FROM revisions ORDER BY id, number"):
        turn = decode(cast(Record, row))
        found.setdefault(turn.id, []).append(turn)
    return found


def write_history(archive: Archive, older: Iterable[Turn], forgotten_turns: Mapping[int, tuple[int, int]]) -> None:
    """Make `older` the revisions of the archive's turns (those of each turn oldest first), and note what was forgotten
    of a memory that is saved: see `forgotten`."""
    numbers: Counter[str] = Counter()
    with archive.transaction():
        archive.connection.execute("DELETE FROM revisions")
        for turn in older:
            values = f"VALUES (?, {', '.join('CAST(? AS TEXT)' for _ in COLUMNS)})"
            archive.connection.execute(
                f"INSERT INTO revisions (number, {', '.join(COLUMNS)}) {values}", (numbers[turn.id], *encode(turn))
            )
            numbers[turn.id] += 1
        _write_forgotten(archive, forgotten_turns)


def remove(archive: Archive, turns: Iterable[Turn]) -> None:
    """Forget `turns` and their revisions. Only how many they were is kept, and the highest number of each session, so
    that no id is used twice."""
    gone = list(turns)
    with archive.transaction():
        _overwrite_what_is_deleted(archive)
        if len(gone) > _FEW:
            _delete(archive, gone)
            archive.write_words()
        else:
            with archive.words_replaced(
                [(_position(archive, turn.id), archive.expand(turn.id), None) for turn in gone], erased=True
            ):
                _delete(archive, gone)
        _drop_snapshot(archive)
        _note_erase_due(archive)


def _delete(archive: Archive, gone: Iterable[Turn]) -> None:
    counts = forgotten(archive)
    for turn in gone:
        archive.connection.execute("DELETE FROM turns WHERE id = ?", (turn.id,))  # a trigger deletes its revisions
        highest, count = counts.get(turn.session, (0, 0))
        counts[turn.session] = max(highest, turn.number), count + 1
    _write_forgotten(archive, counts)
    imports.forget_unused(archive)


def _write_forgotten(archive: Archive, counts: Mapping[int, tuple[int, int]]) -> None:
    rows = [(str(session), str(highest), turns) for session, (highest, turns) in counts.items()]
    archive.connection.executemany("INSERT OR REPLACE INTO forgotten VALUES (?, ?, ?)", rows)


def forgotten(archive: Archive) -> dict[int, tuple[int, int]]:
    """By session, the highest number of a forgotten turn, and how many turns were forgotten."""
    rows = archive.fetch("SELECT session, highest, turns FROM forgotten")
    return {int(session): (int(highest), turns) for session, highest, turns in rows}


def _overwrite_what_is_deleted(archive: Archive) -> None:
    archive.connection.execute("PRAGMA secure_delete = ON")


def _drop_snapshot(archive: Archive) -> None:
    archive.connection.execute("DELETE FROM snapshot")


def _note_change(archive: Archive, *, erase_due: bool) -> None:
    """Bring what is derived from the turns up to date, without a trace of what they were."""
    _drop_snapshot(archive)
    archive.write_words()
    if erase_due:
        _note_erase_due(archive)


def _note_erase_due(archive: Archive) -> None:
    archive.connection.execute("UPDATE state SET value = value + 1 WHERE name = 'erase_due'")


def _position(archive: Archive, turn_id: str) -> int:
    rows = archive.fetch("SELECT position FROM turns WHERE id = ?", turn_id)
    if not rows:
        raise KeyError(f"no turn {turn_id} in {archive.path}")
    return int(rows[0][0])
