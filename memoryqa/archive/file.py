"""The SQLite file of an archive: opened, migrated, used in transactions, with errors that say what to do."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from memoryqa import checks
from memoryqa.archive.checkpoints import LARGEST_LOG, Checkpoints
from memoryqa.archive.limits import has_room_for_files
from memoryqa.archive.watched import WatchedFiles
from memoryqa.errors import MemoryQAError

APPLICATION_ID = 0x6D656D41  # "memA", in the header of every file of ours
Migration = Callable[[sqlite3.Connection], None]
Row = tuple[Any, ...]

_EXPLAINED = {  # by primary error code
    sqlite3.SQLITE_FULL: "the disk is full; nothing that was kept is lost. Free some space and try again",
    sqlite3.SQLITE_IOERR: "the disk cannot be read or written; nothing that was kept is lost",
    sqlite3.SQLITE_BUSY: "another process has been writing for {busy_sec:.0f} seconds; try again when it is done",
    sqlite3.SQLITE_READONLY: "cannot be written; make the file and its folder writable, or copy it elsewhere",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; its folder must exist and be writable",
    sqlite3.SQLITE_NOTADB: "not an archive of turns; name another file",
    sqlite3.SQLITE_CORRUPT: "damaged; restore it from a copy",
}


class ArchiveError(MemoryQAError, RuntimeError):
    """An archive cannot be opened, read or written, or a turn contradicts the turns in it."""


class ArchiveFile:
    """An open file of ours, usable from all threads of the process, one at a time. Raises ArchiveError.

    migrations: functions that bring a file up to date, in order; its user_version is the number of those it has seen.
    A new file can be read by its owner alone. `create=False` refuses a missing or empty file, and opens one that may
    not be written for reading only.
    """

    def __init__(self, path: str | Path, migrations: Sequence[Migration], busy_sec: float, *, create: bool) -> None:
        self.path = str(path)
        self._migrations = migrations
        self.busy_sec = busy_sec
        self._lock = threading.RLock()
        self._checkpoints: Checkpoints | None = None
        self.is_closed = False
        self._files: WatchedFiles | None = None
        self._process = os.getpid()
        in_memory = path == ":memory:"
        where = checks.path("path", path).absolute()
        with self._explained():
            if not in_memory:
                if not has_room_for_files():
                    raise ArchiveError(
                        f"{self.path}: this process may open no more files; close some chats, or raise `ulimit -n`"
                    )
                self._check_file(where, create)
            self.is_read_only = not create and not _is_writable(where)
            is_new = not in_memory and not self.is_read_only and not where.exists()
            address = ":memory:" if in_memory else read_only_address(where) if self.is_read_only else str(where)
            self._connection = sqlite3.connect(
                address, uri=self.is_read_only, timeout=busy_sec, check_same_thread=False, isolation_level=None
            )
            try:
                if self.is_read_only:
                    self._check_version(self._version())
                    return
                if is_new:  # not by `open`: see _check_file
                    where.chmod(0o600)
                self._migrate()
                # after the first migration, because the application id must be in the file itself, not in its log
                self._begin_log()
                self._connection.execute("PRAGMA synchronous = NORMAL")
                if not in_memory:
                    self._connection.execute(f"PRAGMA wal_autocheckpoint = {LARGEST_LOG}")
                    self._version()  # opens the log
                    self._files = WatchedFiles(where)
                    self._files.note()
                    self._checkpoints = Checkpoints(where)
            except BaseException:
                self._connection.close()
                raise

    @property
    def connection(self) -> sqlite3.Connection:
        """For the modules of this room, within `transaction` or `waiting`."""
        return self._connection

    @property
    def is_gone(self) -> bool:
        """Whether the file or its log was removed, replaced, emptied or cut short: what is written would be lost."""
        return self._files is not None and self._files.problem() is not None

    def note_size(self) -> None:
        """This process has written the file anew: it may be smaller now."""
        if self._files is not None:
            self._files.note_size()

    def check_may_read(self) -> None:
        """ArchiveError for a file that was cut short while it was open."""
        if self._files is not None and (damage := self._files.damage()):
            raise ArchiveError(damage)

    def _check_may_write(self) -> None:
        if self._files is not None and (gone := self._files.problem()):
            raise ArchiveError(gone)
        if os.getpid() != self._process:
            raise ArchiveError(f"{self.path}: was opened before this process was forked; open it again in this process")

    def close(self) -> None:
        """Write everything to the disk and close the file."""
        with self._lock:
            self.is_closed = True
            if self._checkpoints is not None:
                self._checkpoints.finish()
            self._connection.close()

    def __del__(self) -> None:
        """Close the connection of a file that nobody has any more, without the warning that Python 3.13 gives."""
        connection = getattr(self, "_connection", None)  # none where opening it failed
        if connection is not None:
            connection.close()

    # -- statements ----------------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep what the block writes as a whole, or nothing of it; inside of another one, with that one.

        Other processes that write are waited for. No other process writes until the block ends.
        """
        with self._lock, self._explained():
            if self._connection.in_transaction:
                yield
                return
            self._check_may_write()
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite may have rolled back by itself
                    self._connection.execute("ROLLBACK")
                raise
            if self._checkpoints is not None:
                self._checkpoints.note(self._connection.total_changes)

    def fetch(self, statement: str, *values: object) -> list[Row]:
        """All rows of a statement that reads."""
        with self._lock, self._explained():
            return self._connection.execute(statement, values).fetchall()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Let the block see the file as it is now, whatever other processes write meanwhile."""
        with self._lock, self._explained():
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def shrink(self) -> None:
        """Give back the memory in which pages of the file are cached."""
        self.fetch("PRAGMA shrink_memory")

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Execute statements of `connection` outside of a transaction."""
        with self._lock, self._explained():
            yield

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn SQLite's errors into an ArchiveError of one line that says what to do."""
        try:
            yield
        except UnicodeDecodeError as error:  # by sqlite3, of an error that quotes what is broken in the schema
            raise ArchiveError(f"{self.path}: {_EXPLAINED[sqlite3.SQLITE_CORRUPT]} ({error.reason})") from error
        except (sqlite3.Error, OSError) as error:
            if self.is_closed:
                raise ArchiveError(f"{self.path}: was closed; open it again") from error
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # only SQLite's own errors have one
            reason = " ".join(str(error).split())  # SQLite quotes a broken schema, with its newlines
            if reason.startswith("Could not decode"):  # says Python, and quotes what stands in the file
                code, reason = sqlite3.SQLITE_CORRUPT, "a text is not UTF-8"
            problem = _EXPLAINED.get(code, "failed").format(busy_sec=self.busy_sec)
            raise ArchiveError(f"{self.path}: {problem} ({reason})") from error

    # -- opening -------------------------------------------------------------------------------------------------------

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
            # for reading: a file that was removed just now is not begun anew
            connection = sqlite3.connect(f"file:{quote(os.fsencode(path))}?mode=ro&immutable=1", uri=True)
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
        if self._version() == len(self._migrations):
            return
        with self.transaction():
            version = self._version()  # another process may have been faster
            if version > len(self._migrations):
                self._check_version(version)
            for migration in self._migrations[version:]:
                migration(self._connection)
            self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._connection.execute(f"PRAGMA user_version = {len(self._migrations)}")

    def _check_version(self, version: int) -> None:
        known = len(self._migrations)
        if version > known:
            raise ArchiveError(f"{self.path}: of schema version {version}, this program knows {known}; update it")
        if version < known:
            raise ArchiveError(
                f"{self.path}: written by an earlier version, which must be changed once: make the file and its folder"
                " writable, or copy it elsewhere"
            )

    def _begin_log(self) -> None:
        """Switch to WAL. SQLite does not wait by itself here while other processes open the same new file."""
        give_up_at = time.monotonic() + self.busy_sec
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


def _may_write(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _is_writable(path: Path) -> bool:
    """Whether SQLite can write in it: it keeps its log beside the file."""
    return _may_write(path) and _may_write(path.parent)


def read_only_address(path: Path) -> str:
    """SQLite's address of a file to be read. Without a log it is read alone, because a log cannot be made beside it."""
    log = path.with_name(path.name + "-wal")
    mode = "mode=ro" if log.exists() and log.stat().st_size else "immutable=1"
    return f"file:{quote(os.fsencode(path))}?{mode}"
