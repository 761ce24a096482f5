"""Keeps everything that was said in one SQLite file: found by handle, in order, or by words, and equal byte for byte.

    with Archive("ines.db") as archive:
        archive.extend(turns)
        archive.expand("mem:D8:6")  # the turn itself
        archive.search("kites at the mill")

Committed turns survive kill -9 at any moment. After a power failure the last commits may be missing, but the file is
consistent (WAL, synchronous=NORMAL: https://sqlite.org/wal.html). `close` writes everything to the disk. Several
processes on one machine may read while one writes; WAL does not work on network drives. docs/store.md says more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, cast
from zoneinfo import ZoneInfoNotFoundError

from memoryqa.archive.erasing import erase_what_is_due
from memoryqa.archive.file import APPLICATION_ID, ArchiveError, ArchiveFile, Migration, Row
from memoryqa.archive.migrations import m001_initial, m002_tags, m003_changes, m004_imports
from memoryqa.archive.records import COLUMNS, Record, decode, digest, encode
from memoryqa.checks import collection, described, one_of_kind, text, whole_number
from memoryqa.errors import UsageError
from memoryqa.language.terms import UNSPACED
from memoryqa.turns import HANDLE_PREFIX, Turn

__all__ = ["APPLICATION_ID", "BUSY_SEC", "MIGRATIONS", "Archive", "ArchiveError"]

BUSY_SEC = 30.0  # how long to wait for another process that writes
_BATCH = 1000  # turns per transaction, and turns read at once
_INSERT = (
    f"INSERT INTO turns ({', '.join(COLUMNS)}, digest) VALUES ({'CAST(? AS TEXT), ' * len(COLUMNS)}?)"
    " ON CONFLICT (id) DO NOTHING"
)
_INSERT_AT = (
    f"INSERT INTO turns (position, {', '.join(COLUMNS)}, digest) VALUES (?, {'CAST(? AS TEXT), ' * len(COLUMNS)}?)"
    " ON CONFLICT (id) DO NOTHING"
)
_FIELDS = ", ".join(f"CAST(turns.{name} AS BLOB)" for name in COLUMNS)
_INSERT_WORDS = "INSERT INTO words (rowid, turn) VALUES (?, ?)"
_SAID = [2 + COLUMNS.index(name) for name in ("speaker", "text", "caption")]  # in a row of:
_SELECT = f"SELECT turns.position, turns.digest, {_FIELDS} FROM turns"

# A file's user_version is the number of migrations that it has seen.
MIGRATIONS: tuple[Migration, ...] = (m001_initial, m002_tags, m003_changes, m004_imports)


class Archive(ArchiveFile):
    """Turns in `path` (a new file, an empty one, or an archive), or in memory only for ":memory:".

    Usable from all threads of the process that opened it, one at a time. All methods raise ArchiveError when something
    is wrong with the file; a file that is no archive is left unchanged. `create=False` refuses a missing or empty file,
    and opens one that may not be written for reading only. Turns are corrected and forgotten by
    memoryqa/archive/changes.py.
    """

    def __init__(self, path: str | Path, *, create: bool = True) -> None:
        super().__init__(path, MIGRATIONS, BUSY_SEC, create=create)
        if self.is_read_only:
            return
        if self.state()["stale_words"]:
            with self.transaction():
                self.write_words()
        erase_what_is_due(self)

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- writing -------------------------------------------------------------------------------------------------------

    def add(self, turn: Turn) -> bool:
        """Keep `turn`, committed on return. False when it is in the archive already; its tags, if any, replace the old.

        Raises ArchiveError when the id is there with another content, or was forgotten.
        """
        return bool(self.extend((turn,)))

    def extend(self, turns: Iterable[Turn]) -> int:
        """Add `turns` in transactions of a thousand, each kept as a whole or not at all. Returns how many were new."""
        waiting, added = iter(collection("turns", turns, "turns")), 0
        while batch := list(islice(waiting, _BATCH)):
            with self.transaction():
                added += sum(self._insert(one_of_kind("a turn", turn, Turn)) for turn in batch)
        return added

    def save(self, turns: Sequence[Turn], settings: Mapping[str, Any]) -> None:
        """Make the archive contain exactly `turns` and `settings` (JSON values), in one transaction.

        Raises ArchiveError unless the archive contains the beginning of `turns`: nothing is lost, and two conversations
        are never mixed.
        """
        with self.transaction():
            held = self._connection.execute(
                "SELECT id, digest, CAST(tags AS BLOB) FROM turns ORDER BY position"
            ).fetchall()
            for (held_id, held_digest, held_tags), turn in zip(held, turns, strict=False):
                record = encode(turn)
                if held_digest != digest(record):
                    raise ArchiveError(
                        f"{self.path}: holds another conversation: its {held_id} is not the {turn.id} to be saved;"
                        " choose another file"
                    )
                if held_tags != record[-1]:
                    self._set_tags(turn.id, record[-1])
            if len(held) > len(turns):
                raise ArchiveError(
                    f"{self.path}: holds {len(held)} turns, of which {len(turns)} are to be saved; load it and add to"
                    " that, or choose another file"
                )
            for turn in turns[len(held) :]:
                self._insert(turn)
            self.set_settings(settings)

    def set_settings(self, settings: Mapping[str, Any]) -> None:
        """Replace all settings by `settings` (JSON values)."""
        if not isinstance(settings, Mapping):
            raise TypeError(f"settings must be a dict, got {described(settings)}")
        with self.transaction():
            self._connection.execute("DELETE FROM settings")
            self._connection.executemany(
                "INSERT INTO settings VALUES (?, ?)", [(name, json.dumps(value)) for name, value in settings.items()]
            )

    def append(self, turn: Turn) -> int:
        """Keep a new turn, within a transaction. Returns its position: later turns have higher ones."""
        if (position := self._append(turn)) is None:
            raise self._is_held(turn)
        return position

    def append_all(self, turns: Sequence[Turn]) -> list[int]:
        """`append` new turns, in less time. Returns their positions, in the same order."""
        if len(turns) == 1:
            return [self.append(turns[0])]
        records = list(map(encode, turns))
        highest = dict(self._connection.execute("SELECT session, highest FROM forgotten"))
        for turn in turns if highest else ():
            if turn.number <= int(highest.get(str(turn.session), -1)):
                self._check_not_forgotten(turn)
        (last,) = self._connection.execute("SELECT max(position) FROM turns").fetchone()
        positions = range((last or 0) + 1, (last or 0) + 1 + len(turns))
        rows = [(at, *record, digest(record)) for at, record in zip(positions, records, strict=True)]
        if self._connection.executemany(_INSERT_AT, rows).rowcount != len(rows):
            raise self._is_held(
                next(turn for turn, at in zip(turns, positions, strict=True) if not self._is_at(turn, at))
            )
        said = (_searchable(_said(turn)) for turn in turns)
        self._connection.executemany(_INSERT_WORDS, zip(positions, said, strict=True))
        return list(positions)

    def _is_held(self, turn: Turn) -> ArchiveError:
        return ArchiveError(f"{self.path}: holds a turn {turn.id} already")

    def _is_at(self, turn: Turn, position: int) -> bool:
        found = self._connection.execute("SELECT position FROM turns WHERE id = ?", (turn.id,)).fetchone()
        return bool(found == (position,))

    def _append(self, turn: Turn) -> int | None:
        """None when the id is there."""
        record = encode(turn)
        self._check_not_forgotten(turn)
        cursor = self._connection.execute(_INSERT, (*record, digest(record)))
        if not cursor.rowcount:
            return None
        assert cursor.lastrowid is not None
        self._index_words(cursor.lastrowid, _said(turn))
        return cursor.lastrowid

    def _insert(self, turn: Turn) -> bool:
        """Keep the turn, or if it is there its tags. Returns whether it is new."""
        if self._append(turn) is not None:
            return True
        record = encode(turn)
        held = self._connection.execute("SELECT digest FROM turns WHERE id = ?", (turn.id,)).fetchone()
        if held != (digest(record),):
            raise ArchiveError(
                f"{self.path}: holds another turn {turn.id}, with other content; every turn needs its own session and"
                " number, every conversation its own file"
            )
        if turn.tags:
            self._set_tags(turn.id, record[-1])
        return False

    def _check_not_forgotten(self, turn: Turn) -> None:
        found = "SELECT highest FROM forgotten WHERE session = ? AND NOT EXISTS (SELECT 1 FROM turns WHERE id = ?)"
        row = self._connection.execute(found, (str(turn.session), turn.id)).fetchone()
        if row and turn.number <= int(row[0]):
            raise ArchiveError(f"{self.path}: {used_twice(turn.id)}")

    def _set_tags(self, turn_id: str, tags: bytes | None) -> None:
        self._connection.execute(
            "UPDATE turns SET tags = CAST(?1 AS TEXT) WHERE id = ?2 AND CAST(tags AS BLOB) IS NOT ?1", (tags, turn_id)
        )

    def _index_words(self, position: int, said: str) -> None:
        self._connection.execute(_INSERT_WORDS, (position, _searchable(said)))

    @contextmanager
    def words_replaced(
        self, replaced: Sequence[tuple[int, Turn, Turn | None]], *, erased: bool = False
    ) -> Iterator[None]:
        """Let the index of words follow the block, within a transaction, which changes some turns alone. replaced: the
        position of each, what it was, and what it is, if it is any more.

        Traces of what they were stay in the file, unless they are to be `erased`: then only in what SQLite has freed.
        """
        is_right = not self.state()["stale_words"]  # another program has changed nothing
        yield
        # an index without its texts must be given them again
        removed = [(position, _searchable(_said(before))) for position, before, _ in replaced]
        remove = "INSERT INTO words (words, rowid, turn) VALUES ('delete', ?, ?)"
        if is_right:
            self._connection.executemany(remove, removed)
        if not is_right or (erased and self._has_words_at([position for position, _ in removed])):
            self.write_words()
            return
        for position, _, after in replaced:
            if after is not None:
                self._index_words(position, _said(after))
        if erased:  # a word that is deleted stays until the parts of the index are merged
            self._connection.execute("INSERT INTO words (words) VALUES ('optimize')")
        self._connection.execute("UPDATE state SET value = 0 WHERE name = 'stale_words'")

    def _has_words_at(self, positions: Sequence[int]) -> bool:
        """Whether the index has words of turns that were deleted from it: those that another version cut otherwise."""
        marks = ", ".join("?" * len(positions))
        self._connection.execute("CREATE VIRTUAL TABLE temp.held_words USING fts5vocab('main', 'words', 'instance')")
        found = self._connection.execute(f"SELECT 1 FROM temp.held_words WHERE doc IN ({marks}) LIMIT 1", positions)
        row = found.fetchone()
        found.close()
        self._connection.execute("DROP TABLE temp.held_words")
        return row is not None

    def write_words(self) -> None:
        """Write the index of words anew from the turns, within a transaction."""
        self._connection.execute("INSERT INTO words (words) VALUES ('delete-all')")
        position = 0
        while rows := self.rows_after(position):
            for row in rows:
                said = b" ".join(row[one] for one in _SAID).decode("utf-8", "replace")  # no turn: it may be damaged
                self._index_words(row[0], said)
            position = rows[-1][0]
        self._connection.execute("UPDATE state SET value = 0 WHERE name = 'stale_words'")

    # -- reading -------------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"<Archive: {self.path}{' (closed)' if self.is_closed else ''}>"

    def __len__(self) -> int:
        return int(self.fetch("SELECT count(*) FROM turns")[0][0])

    def __contains__(self, handle: object) -> bool:
        found = "SELECT 1 FROM turns WHERE id = CAST(? AS TEXT)"
        return isinstance(handle, str) and bool(self.fetch(found, _id(handle)))

    def expand(self, handle: str) -> Turn:
        """The turn with a handle (`mem:D8:6`) or an id (`D8:6`), as it was added. KeyError for an unknown one."""
        rows = self.fetch(f"{_SELECT} WHERE id = CAST(? AS TEXT)", _id(handle))
        if not rows:
            raise KeyError(f"no turn {handle} in {self.path}")
        return self._turn(rows[0])

    def restore(self) -> Iterator[Turn]:
        """Yield all turns in the order in which they were added, including turns added meanwhile."""
        return (turn for _, turn in self.after(0))

    def after(self, position: int) -> Iterator[tuple[int, Turn]]:
        """Yield the turns behind `position`, each with its own, in order, including turns added meanwhile."""
        while rows := self.rows_after(position):
            for row in rows:
                yield row[0], self._turn(row)
            position = rows[-1][0]

    def rows_after(self, position: int) -> list[Row]:
        """The next rows behind `position`, at most a thousand."""
        return self.fetch(f"{_SELECT} WHERE position > ? ORDER BY position LIMIT ?", position, _BATCH)

    def count_after(self, position: int) -> int:
        """How many turns are behind `position`."""
        return int(self.fetch("SELECT count(*) FROM turns WHERE position > ?", position)[0][0])

    def between(self, first: int, last: int) -> list[Turn]:
        """The turns from position `first` to `last`, both included."""
        rows = self.fetch(f"{_SELECT} WHERE position BETWEEN ? AND ? ORDER BY position", first, last)
        return [self._turn(row) for row in rows]

    def snapshot(self) -> dict[str, bytes]:
        """The rows that `write_snapshot` wrote; {} when there are none, or what they were made from has changed."""
        return dict(self.fetch("SELECT name, data FROM snapshot"))

    def write_snapshot(self, rows: Mapping[str, bytes]) -> None:
        """Keep `rows` beside the turns until a turn is corrected or forgotten: see memoryqa/store/snapshot.py."""
        with self.transaction():
            self._connection.execute("DELETE FROM snapshot")
            self._connection.executemany("INSERT INTO snapshot VALUES (?, ?)", list(rows.items()))

    def search(self, query: str, limit: int = 10) -> list[Turn]:
        """At most `limit` turns that contain a word of `query`, stemmed, best first by BM25. Any text is a query."""
        if whole_number("limit", limit) < 1:
            raise UsageError(f"limit must be at least 1, got {limit}")
        words = dict.fromkeys(_searchable(text("query", query)).replace('"', " ").split())
        if not words:
            return []
        match = " OR ".join(f'"{word}"' for word in words)
        # joined, because another program may have deleted turns
        found = "SELECT words.rowid FROM words JOIN turns ON turns.position = words.rowid WHERE words MATCH ?"
        with self._lock:
            positions = [row[0] for row in self.fetch(f"{found} ORDER BY rank, words.rowid LIMIT ?", match, limit)]
            return [self._turn(self.fetch(f"{_SELECT} WHERE position = ?", position)[0]) for position in positions]

    def settings(self) -> dict[str, Any]:
        """The settings that `save` wrote."""
        try:
            return {name: json.loads(value) for name, value in self.fetch("SELECT name, value FROM settings")}
        except (TypeError, ValueError) as error:
            raise ArchiveError(f"{self.path}: damaged, its settings cannot be read; restore it from a copy") from error

    def state(self) -> dict[str, int]:
        """See `migrations.m003_changes`."""
        return dict(self.fetch("SELECT name, value FROM state"))

    def data_version(self) -> int:
        """A number that is another one whenever another connection has changed the file. ArchiveError where it was cut
        short."""
        self.check_may_read()
        return int(self.fetch("PRAGMA data_version")[0][0])

    def _turn(self, row: Row) -> Turn:
        _, expected, *fields = row
        record = cast(Record, tuple(fields))
        turn_id = record[0].decode(errors="replace")
        if digest(record) != expected:
            raise ArchiveError(f"{self.path}: damaged, turn {turn_id} is not what was added; restore it from a copy")
        return self._decoded(record)

    def _decoded(self, record: Record) -> Turn:
        try:
            return decode(record)
        except (TypeError, ValueError) as error:
            turn_id = record[0].decode(errors="replace")
            raise ArchiveError(f"{self.path}: damaged, the tags of turn {turn_id} cannot be read ({error})") from error
        except ZoneInfoNotFoundError as error:
            raise ArchiveError(f"{self.path}: this machine does not know a time zone: {error.args[0]}") from error


def used_twice(turn_id: str) -> str:
    """The message about an id that cannot be given to a turn any more."""
    return (
        f"{turn_id} may be the id of a turn that was forgotten, and no id is used twice; leave the number out, or"
        " choose a higher one"
    )


def _id(handle: str) -> bytes:
    return text("a handle or id", handle).removeprefix(HANDLE_PREFIX).encode("utf-8", "surrogatepass")


def _said(turn: Turn) -> str:
    return f"{turn.speaker} {turn.text} {turn.caption}"


def _searchable(text: str) -> str:
    """What FTS5 reads: valid UTF-8 without NUL, at which it would stop; each sign of an unspaced script is a word."""
    text = text.replace("\0", " ")
    if text.isascii():
        return text
    return UNSPACED.sub(r" \g<0> ", text).encode("utf-8", "replace").decode("utf-8")
