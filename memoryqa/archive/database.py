"""Keeps everything that was said in one SQLite file: found by handle, in order, or by words, and equal byte for byte.

    with Archive("ines.db") as archive:
        archive.extend(turns)
        archive.expand("mem:D8:6")  # the turn itself
        archive.search("kites at the mill")

Committed turns survive kill -9 at any moment. After a power failure the last commits may be missing, but the file is
consistent (WAL, synchronous=NORMAL: https://sqlite.org/wal.html). `close` writes everything to the disk. Several
processes on one machine may read while one writes; WAL does not work on network drives.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, cast
from urllib.parse import quote
from zoneinfo import ZoneInfoNotFoundError

from memoryqa.archive.records import COLUMNS, Record, decode, digest, encode
from memoryqa.errors import MemoryQAError, UsageError
from memoryqa.language.terms import UNSPACED
from memoryqa.turns import HANDLE_PREFIX, Turn

APPLICATION_ID = 0x6D656D41  # "memA", in the header of every file of ours
BUSY_SEC = 30.0  # how long to wait for another process that writes
_BATCH = 1000  # turns per transaction, and turns read at once
_INSERT = (
    f"INSERT INTO turns ({', '.join(COLUMNS)}, digest) VALUES ({'CAST(? AS TEXT), ' * len(COLUMNS)}?)"
    " ON CONFLICT (id) DO NOTHING"
)
_SELECT = f"SELECT position, digest, {', '.join(f'CAST({name} AS BLOB)' for name in COLUMNS)} FROM turns"
_EXPLAINED = {  # by primary error code
    sqlite3.SQLITE_FULL: "the disk is full; nothing that was kept is lost. Free some space and try again",
    sqlite3.SQLITE_IOERR: "the disk cannot be read or written; nothing that was kept is lost",
    sqlite3.SQLITE_BUSY: f"another process has been writing for {BUSY_SEC:.0f} seconds; try again when it is done",
    sqlite3.SQLITE_READONLY: "cannot be written; make the file and its folder writable, or copy it elsewhere",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; its folder must exist and be writable",
    sqlite3.SQLITE_NOTADB: "not an archive of turns; name another file",
    sqlite3.SQLITE_CORRUPT: "damaged; restore it from a copy",
}

Row = tuple[Any, ...]  # a result of _SELECT


class ArchiveError(MemoryQAError, RuntimeError):
    """An archive cannot be opened, read or written, or a turn contradicts the turns in it."""


def m001_initial(connection: sqlite3.Connection) -> None:
    """Create tables: turns in order of arrival, an index of their words without their text, settings as JSON."""
    connection.execute(
        "CREATE TABLE turns (position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, time TEXT, fold INTEGER NOT NULL,"
        " utc_offset_us INTEGER, zone TEXT, speaker TEXT NOT NULL, text TEXT NOT NULL, caption TEXT NOT NULL,"
        " digest BLOB NOT NULL)"
    )
    connection.execute("CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
    connection.execute(
        "CREATE VIRTUAL TABLE words USING fts5 (turn, content='',"
        " tokenize=\"porter unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'\")"  # marks are vowels in Hindi
    )


def m002_tags(connection: sqlite3.Connection) -> None:
    """Add the words by which a turn may be found besides its own."""
    connection.execute("ALTER TABLE turns ADD COLUMN tags TEXT")


# Append only, never change: a file's user_version is the number of migrations that it has seen.
MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (m001_initial, m002_tags)


class Archive:
    """Turns in `path` (a new file, an empty one, or an archive), or in memory only for ":memory:". Append-only.

    Usable from all threads of the process that opened it, one at a time. All methods raise ArchiveError when something
    is wrong with the file; a file that is no archive is left unchanged. `create=False` refuses a missing or empty file,
    and opens one that may not be written for reading only.
    """

    def __init__(self, path: str | Path, *, create: bool = True) -> None:
        self.path = str(path)
        self._lock = threading.RLock()
        where = ":memory:" if path == ":memory:" else str(Path(path).absolute())
        with self._explained():
            if where != ":memory:":
                self._check_file(Path(where), create)
            read_only = not create and not _is_writable(Path(where))
            address = _read_only(Path(where)) if read_only else where
            self._connection = sqlite3.connect(
                address, uri=read_only, timeout=BUSY_SEC, check_same_thread=False, isolation_level=None
            )
            try:
                if read_only:
                    self._check_version(self._version())
                    return
                self._migrate()
                # after the first migration, because the application id must be in the file itself, not in its log
                self._begin_log()
                self._connection.execute("PRAGMA synchronous = NORMAL")
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Write everything to the disk and close the file."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- writing -------------------------------------------------------------------------------------------------------

    def add(self, turn: Turn) -> bool:
        """Keep `turn`, committed on return. False when it is in the archive already; its tags, if any, replace the old.

        Raises ArchiveError when the id is there with another content, and UsageError for a time zone that is neither
        from `datetime` nor from `zoneinfo`.
        """
        return bool(self.extend((turn,)))

    def extend(self, turns: Iterable[Turn]) -> int:
        """Add `turns` in transactions of a thousand, each kept as a whole or not at all. Returns how many were new."""
        waiting, added = iter(turns), 0
        while batch := list(islice(waiting, _BATCH)):
            with self._transaction():
                added += sum(self._insert(turn) for turn in batch)
        return added

    def save(self, turns: Sequence[Turn], settings: Mapping[str, Any]) -> None:
        """Make the archive contain exactly `turns` and `settings` (JSON values), in one transaction.

        Raises ArchiveError unless the archive contains the beginning of `turns`: nothing is lost, and two conversations
        are never mixed.
        """
        with self._transaction():
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
            self._connection.execute("DELETE FROM settings")
            self._connection.executemany(
                "INSERT INTO settings VALUES (?, ?)", [(name, json.dumps(value)) for name, value in settings.items()]
            )

    def _insert(self, turn: Turn) -> bool:
        record = encode(turn)
        cursor = self._connection.execute(_INSERT, (*record, digest(record)))
        if cursor.rowcount:
            words = _searchable(f"{turn.speaker} {turn.text} {turn.caption}")
            self._connection.execute("INSERT INTO words (rowid, turn) VALUES (?, ?)", (cursor.lastrowid, words))
            return True
        held = self._connection.execute("SELECT digest FROM turns WHERE id = ?", (turn.id,)).fetchone()
        if held != (digest(record),):
            raise ArchiveError(
                f"{self.path}: holds another turn {turn.id}, with other content; every turn needs its own session and"
                " number, every conversation its own file"
            )
        if turn.tags:
            self._set_tags(turn.id, record[-1])
        return False

    def _set_tags(self, turn_id: str, tags: bytes | None) -> None:
        self._connection.execute("UPDATE turns SET tags = CAST(? AS TEXT) WHERE id = ?", (tags, turn_id))

    # -- reading -------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return int(self._fetch("SELECT count(*) FROM turns")[0][0])

    def __contains__(self, handle: object) -> bool:
        found = "SELECT 1 FROM turns WHERE id = CAST(? AS TEXT)"
        return isinstance(handle, str) and bool(self._fetch(found, _id(handle)))

    def expand(self, handle: str) -> Turn:
        """The turn with a handle (`mem:D8:6`) or an id (`D8:6`), as it was added. KeyError for an unknown one."""
        rows = self._fetch(f"{_SELECT} WHERE id = CAST(? AS TEXT)", _id(handle))
        if not rows:
            raise KeyError(f"no turn {handle} in {self.path}")
        return self._turn(rows[0])

    def restore(self) -> Iterator[Turn]:
        """Yield all turns in the order in which they were added, including turns added meanwhile."""
        position = 0
        while rows := self._fetch(f"{_SELECT} WHERE position > ? ORDER BY position LIMIT ?", position, _BATCH):
            for row in rows:
                yield self._turn(row)
            position = rows[-1][0]

    def search(self, query: str, limit: int = 10) -> list[Turn]:
        """At most `limit` turns that contain a word of `query`, stemmed, best first by BM25. Any text is a query."""
        if limit < 1:
            raise UsageError(f"limit must be at least 1, got {limit}")
        words = dict.fromkeys(_searchable(query).replace('"', " ").split())
        if not words:
            return []
        found = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank, rowid LIMIT ?"
        match = " OR ".join(f'"{word}"' for word in words)
        with self._lock:
            positions = [row[0] for row in self._fetch(found, match, limit)]
            return [self._turn(self._fetch(f"{_SELECT} WHERE position = ?", position)[0]) for position in positions]

    def settings(self) -> dict[str, Any]:
        """The settings that `save` wrote."""
        return {name: json.loads(value) for name, value in self._fetch("SELECT name, value FROM settings")}

    def _fetch(self, statement: str, *values: object) -> list[Row]:
        with self._lock, self._explained():
            return self._connection.execute(statement, values).fetchall()

    def _turn(self, row: Row) -> Turn:
        _, expected, *fields = row
        record = cast(Record, tuple(fields))
        turn_id = record[0].decode(errors="replace")
        if digest(record) != expected:
            raise ArchiveError(f"{self.path}: damaged, turn {turn_id} is not what was added; restore it from a copy")
        try:
            return decode(record)
        except (TypeError, ValueError) as error:
            raise ArchiveError(f"{self.path}: damaged, the tags of turn {turn_id} cannot be read ({error})") from error
        except ZoneInfoNotFoundError as error:
            raise ArchiveError(f"{self.path}: this machine does not know a time zone: {error.args[0]}") from error

    # -- the file ------------------------------------------------------------------------------------------------------

    def _check_file(self, path: Path, create: bool) -> None:
        """Refuse a file that is no archive without changing it. `immutable` reads the file alone, without lock or log.

        Not `open`: closing the file would drop the locks of every other connection in this process
        (https://sqlite.org/howtocorrupt.html 2.2).
        """
        if not path.exists():
            if not create:
                raise ArchiveError(f"{self.path}: no such file")
            if not path.parent.is_dir():
                raise ArchiveError(f"{self.path}: the folder {path.parent} does not exist; create it first")
            return
        if not path.is_file():
            raise ArchiveError(f"{self.path}: {'a folder' if path.is_dir() else 'no regular file'}; name a file")
        if path.stat().st_size or not create:
            connection = sqlite3.connect(f"file:{quote(os.fsencode(path))}?immutable=1", uri=True)
            try:
                # a process that was killed while moving its log into the file leaves it shorter than its header says
                connection.execute("PRAGMA writable_schema = ON")
                application_id = connection.execute("PRAGMA application_id").fetchone()[0]
            finally:
                connection.close()
            if application_id != APPLICATION_ID:
                raise ArchiveError(f"{self.path}: {_EXPLAINED[sqlite3.SQLITE_NOTADB]}")
        if create and not _may_write(path):
            raise ArchiveError(f"{self.path}: {_EXPLAINED[sqlite3.SQLITE_READONLY]}")

    def _migrate(self) -> None:
        if self._version() == len(MIGRATIONS):
            return
        with self._transaction():
            version = self._version()  # another process may have been faster
            if version > len(MIGRATIONS):
                self._check_version(version)
            for migration in MIGRATIONS[version:]:
                migration(self._connection)
            self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    def _check_version(self, version: int) -> None:
        if version > len(MIGRATIONS):
            raise ArchiveError(
                f"{self.path}: of schema version {version}, this program knows {len(MIGRATIONS)}; update it"
            )
        if version < len(MIGRATIONS):
            raise ArchiveError(
                f"{self.path}: written by an earlier version, which must be changed once: make the file and its folder"
                " writable, or copy it elsewhere"
            )

    def _begin_log(self) -> None:
        """Switch to WAL. SQLite does not wait by itself here while other processes open the same new file."""
        give_up_at = time.monotonic() + BUSY_SEC
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_at:
                    raise
            time.sleep(0.005)

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock, self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite may have rolled back by itself
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn SQLite's errors into an ArchiveError of one line that says what to do."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # only SQLite's own errors have one
            raise ArchiveError(f"{self.path}: {_EXPLAINED.get(code, 'failed')} ({error})") from error


def _may_write(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _is_writable(path: Path) -> bool:
    """Whether SQLite can write in it: it keeps its log beside the file."""
    return _may_write(path) and _may_write(path.parent)


def _read_only(path: Path) -> str:
    """SQLite's address of a file to be read. Without a log it is read alone, because a log cannot be made beside it."""
    log = path.with_name(path.name + "-wal")
    mode = "mode=ro" if log.exists() and log.stat().st_size else "immutable=1"
    return f"file:{quote(os.fsencode(path))}?{mode}"


def _id(handle: str) -> bytes:
    return handle.removeprefix(HANDLE_PREFIX).encode("utf-8", "surrogatepass")


def _searchable(text: str) -> str:
    """What FTS5 reads: valid UTF-8 without NUL, at which it would stop; each sign of an unspaced script is a word."""
    return UNSPACED.sub(r" \g<0> ", text.replace("\0", " ")).encode("utf-8", "replace").decode("utf-8")
