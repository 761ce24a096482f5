"""Notices when the file of an archive, or its log, is removed, replaced, emptied or cut short while it is open.

What is written then would be lost, or damage what is left. A file may become smaller by right, when another process
has it written anew (erasing.py): whether that was it is read from the file, once.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

Identity = tuple[int, int, bool]
LOG_ENDINGS = ("-wal", "-shm")
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class WatchedFiles:
    """An archive's file and its log, as they were noted. Not thread-safe: the owner locks."""

    def __init__(self, where: Path) -> None:
        self._where = where
        self._known: dict[Path, Identity] = {}
        self._bytes = 0  # the most that the file was seen to have since it was last written anew
        self._is_cut_short = False

    def note(self) -> None:
        """Note by what the file is told from another one, and its log, which each transaction but the first has."""
        for path in (self._where, *(self._where.with_name(self._where.name + ending) for ending in LOG_ENDINGS)):
            if path not in self._known and (found := _found(path)) is not None:
                self._known[path] = _identity_of(path, found)
        self.note_size()

    def note_size(self) -> None:
        """The file may have the size that it has now: this process has written it anew."""
        found = _found(self._where)
        self._bytes = found.st_size if found is not None else 0

    def problem(self) -> str | None:
        """What was done to a file, in one line; None where nothing was."""
        for path, known in self._known.items():
            found = _found(path)
            if found is not None and _identity_of(path, found) == known:
                if path == self._where and self._was_cut_short(found.st_size):
                    return f"{path}: was cut short while it was open; nothing was written; restore it from a copy"
                continue
            if found is not None and (found.st_dev, found.st_ino) == known[:2]:
                return f"{path}: was emptied while it was open; nothing was written; restore it from a copy"
            return f"{path}: was removed or replaced while it was open; nothing was written; open it again"
        return None

    def damage(self) -> str | None:
        """The `problem` of a file that was cut short, of which nothing can be trusted, so that nothing is read."""
        found = _found(self._where) if self._known else None
        if found is None or not found.st_size or found.st_ino != self._known[self._where][1]:
            return None
        return self.problem() if self._was_cut_short(found.st_size) else None

    def _was_cut_short(self, size: int) -> bool:
        if size >= self._bytes and not self._is_cut_short:
            self._bytes = size
        elif not self._is_cut_short and (is_whole := _is_whole(self._where)) is not None:
            self._is_cut_short = not is_whole
            self._bytes = size
        return self._is_cut_short


def _is_whole(path: Path) -> bool | None:
    """Whether all of it can be read, by a connection that has nothing of it in memory; None where that is not known
    now, because another process uses it."""
    try:
        with closing(sqlite3.connect(f"file:{quote(os.fsencode(path))}?mode=ro", uri=True)) as connection:
            return connection.execute("PRAGMA quick_check(1)").fetchall() == [("ok",)]
    except UnicodeDecodeError:
        return False
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0)
        return False if code == sqlite3.SQLITE_IOERR_SHORT_READ or code & 0xFF in _DAMAGED else None


def _found(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _identity_of(path: Path, found: os.stat_result) -> Identity:
    """By what it is told from any other file, and whether it is empty, which a log may be."""
    return found.st_dev, found.st_ino, not found.st_size and not path.name.endswith(LOG_ENDINGS)
