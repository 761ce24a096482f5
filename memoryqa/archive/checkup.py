"""Whether the file of a chat is sound, without changing it: not even to bring it up to date."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from memoryqa.archive.database import MIGRATIONS
from memoryqa.archive.file import APPLICATION_ID, read_only_address
from memoryqa.archive.records import COLUMNS, Record, digest

OWN_FILE, OWN_FOLDER = 0o600, 0o700


@dataclass
class Checkup:
    """A file. version: of its tables; upgrade: what opening it for writing would do, "" for nothing. problems: what is
    wrong, each with what to do."""

    name: str
    bytes: int = 0
    log_bytes: int = 0
    version: int = 0
    turns: int = 0
    upgrade: str = ""
    problems: list[str] = field(default_factory=list)


def check_file(path: Path) -> Checkup:
    """What is found in the file at `path`."""
    found = Checkup(path.stem)
    try:
        found.bytes = path.stat().st_size
        log = path.with_name(f"{path.name}-wal")
        found.log_bytes = log.stat().st_size if log.exists() else 0
        found.problems += check_rights(path, OWN_FILE)
        with closing(sqlite3.connect(read_only_address(path), uri=True, timeout=5)) as connection:
            _check(connection, found)
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:  # the last by sqlite3, of a broken schema
        found.problems.append(f"cannot be read ({error}); restore it from a copy")
    return found


def check_rights(path: Path, wanted: int) -> list[str]:
    """Whether only its owner may use a file or folder, where the system has such rights."""
    if os.name != "posix":
        return []
    rights = stat.S_IMODE(path.stat().st_mode)
    if not rights & ~wanted & 0o077:
        return []
    return [f"may be read by others ({rights:04o}): chmod {wanted:o} '{path}'"]


def _check(connection: sqlite3.Connection, found: Checkup) -> None:
    def value(statement: str) -> int:
        return int(connection.execute(statement).fetchone()[0] or 0)

    if value("PRAGMA application_id") != APPLICATION_ID:
        found.problems.append("no file of this program; move it out of the folder")
        return
    found.version = value("PRAGMA user_version")
    if found.version > len(MIGRATIONS):
        found.problems.append(f"written by a newer version ({found.version} of {len(MIGRATIONS)}); update this program")
        return
    if found.version < len(MIGRATIONS):
        found.upgrade = f"tables from version {found.version} to {len(MIGRATIONS)}; no message is changed"
    broken = [line for (line,) in connection.execute("PRAGMA integrity_check(3)") if line != "ok"]
    found.problems += [f"damaged ({line}); restore it from a copy" for line in broken]
    fields = ", ".join(f"CAST({name} AS BLOB)" if name != "tags" or found.version > 1 else "NULL" for name in COLUMNS)
    damaged = list[str]()
    for expected, *record in connection.execute(f"SELECT digest, {fields} FROM turns"):
        found.turns += 1
        if digest(cast(Record, tuple(record))) != expected:
            damaged.append(bytes(record[0] or b"?").decode("utf-8", "replace"))
    if damaged:
        named = ", ".join(damaged[:5]) + (f" and {len(damaged) - 5} more" if len(damaged) > 5 else "")
        found.problems.append(f"messages that are not as they were added: {named}; restore the file from a copy")
    if found.version >= 3:
        if value("SELECT value FROM state WHERE name = 'erase_due'"):
            found.problems.append("bytes of forgotten messages are still in it; opening it for writing erases them")
        if value("SELECT value FROM state WHERE name = 'stale_words'"):
            found.upgrade = "; ".join(filter(None, (found.upgrade, "its index of words is written anew")))
