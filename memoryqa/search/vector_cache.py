"""Keeps vectors on disk, so that a conversation is embedded once: one SQLite file, by model and content."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from memoryqa.archive.database import BUSY_SEC
from memoryqa.arrays import Matrix
from memoryqa.errors import UsageError

logger = logging.getLogger(__name__)

_TYPES = {2: np.float16, 4: np.float32}  # by bytes per item
_SELECT = "SELECT dimension, bytes_per_item, data FROM vectors WHERE key = ?"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)


class VectorCache:
    """Matrices of one `model`, by (kind, content). Several models and several processes may share a file.

    Entries of other models are never returned. A damaged file is deleted and started again, with a warning. A file that
    cannot be written (disk full, read-only) is not used any more after one warning: that costs time, not answers.
    Raises UsageError when the file cannot be opened at all.
    """

    def __init__(self, path: str | Path, model: str) -> None:
        self.path, self.model = Path(path), model
        self._lock = threading.Lock()
        self._in_use = True
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = self._open()
        except (OSError, sqlite3.Error) as error:
            raise UsageError(
                f"{path}: cannot keep vectors there ({error}); name a file in a writable folder"
            ) from error

    def get(self, kind: str, contents: Sequence[str], dimension: int) -> dict[int, Matrix]:
        """Cached matrices: place in `contents` -> matrix (rows, dimension). Those of other dimensions are left out."""
        found: dict[int, Matrix] = {}
        dropped = 0
        for place, content in enumerate(contents):
            row = self._run(_SELECT, self._key(kind, content))
            if row is None:
                continue
            columns, bytes_per_item, data = row
            if columns != dimension or bytes_per_item not in _TYPES or len(data) % (dimension * bytes_per_item):
                dropped += 1
                continue
            matrix = np.frombuffer(data, dtype=_TYPES[bytes_per_item]).reshape(-1, dimension)
            if not np.isfinite(matrix).all():
                dropped += 1
                continue
            found[place] = matrix
        if dropped:
            logger.warning(
                "%s: %d vectors damaged or not of %d dimensions, computed again", self.path, dropped, dimension
            )
        return found

    def put(self, kind: str, contents: Mapping[str, Matrix]) -> None:
        """Cache the matrix of each content: (rows, dimension), float16 or float32."""
        rows = [
            (*self._key(kind, content), matrix.shape[1], matrix.itemsize, matrix.tobytes())
            for content, matrix in contents.items()
        ]
        self._run("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", rows)

    def forget(self, kind: str, contents: Sequence[str]) -> None:
        """Erase the matrices of `contents`, in the file too."""
        self._run("PRAGMA secure_delete = ON", ())
        self._run("DELETE FROM vectors WHERE key = ?", [self._key(kind, content) for content in contents])

    def close(self) -> None:
        """Close the file; afterwards nothing is cached or found."""
        with self._lock:
            self._in_use = False
            self._connection.close()

    def _key(self, kind: str, content: str) -> tuple[bytes]:
        whole = "\0".join((self.model, kind, content))
        return (hashlib.sha256(whole.encode("utf-8", "surrogatepass")).digest(),)

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode not in _DAMAGED:
                raise
            return self._begin_anew(error)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_SEC, check_same_thread=False, isolation_level=None)
        try:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS vectors"
                " (key BLOB PRIMARY KEY, dimension INTEGER, bytes_per_item INTEGER, data BLOB)"
            )
            connection.execute("SELECT key, dimension, bytes_per_item, data FROM vectors LIMIT 1").fetchone()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _begin_anew(self, error: sqlite3.Error) -> sqlite3.Connection:
        logger.warning("%s: the vector cache is damaged (%s); started again", self.path, error)
        for suffix in ("", "-journal", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        return self._connect()

    def _run(
        self, statement: str, rows: tuple[bytes, ...] | Sequence[tuple[object, ...]]
    ) -> tuple[int, int, bytes] | None:
        """Execute one look-up (a tuple of values), or write many rows in one transaction."""
        with self._lock:
            if not self._in_use:
                return None
            try:
                if isinstance(rows, tuple):
                    return self._connection.execute(statement, rows).fetchone()
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.executemany(statement, rows)
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._give_up(error)
            return None

    def _give_up(self, error: sqlite3.Error) -> None:
        """Start a damaged file again; any other error ends the use of the cache."""
        self._connection.close()
        trouble: OSError | sqlite3.Error = error
        if error.sqlite_errorcode in _DAMAGED:
            try:
                self._connection = self._begin_anew(error)
                return
            except (OSError, sqlite3.Error) as second:
                trouble = second
        logger.warning("%s: vectors are not cached any more (%s)", self.path, trouble)
        self._in_use = False
