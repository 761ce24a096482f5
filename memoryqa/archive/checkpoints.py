"""Moves the log of a file into the file in a thread beside the program's own work.

SQLite would do it within a commit, which then waits for the disk. A thread that is late, because writing never pauses,
leaves that to SQLite, which has little left to move then: see `LARGEST_LOG`.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

DUE_CHANGES = 1000  # rows written since the last time, those of the index of words included: as many pages, about
LARGEST_LOG = 4000  # pages, from which on every commit tries to move the log


class Checkpoints:
    """Those of one file, from one connection to it."""

    def __init__(self, path: Path) -> None:
        # never made here: the file may have been moved since
        self._address = f"file:{quote(os.fsencode(path))}?mode=rw"
        self._thread: threading.Thread | None = None
        self._done = 0  # changes, up to the last time

    def note(self, changes: int) -> None:
        """After a commit: move the log when that is due. changes: all rows that the connection ever wrote."""
        if changes - self._done < DUE_CHANGES or (self._thread is not None and self._thread.is_alive()):
            return
        self._done = changes
        self._thread = threading.Thread(target=self._move, name="memoryqa-checkpoint", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # no thread can be started now, for example because the program ends
            self._thread = None

    def finish(self) -> None:
        """Wait for the thread, if there is one."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _move(self) -> None:
        try:
            with closing(sqlite3.connect(self._address, uri=True, isolation_level=None)) as connection:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.Error:  # a full disk, for example: the next commits of SQLite's own try it again, or `close`
            return
