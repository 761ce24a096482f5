"""Takes the bytes of what was deleted out of an archive's files.

SQLite writes the whole file anew (VACUUM) and empties its log. A process that is killed in between leaves that to the
next one that opens the file for writing. What the disk or the system keeps of overwritten files is out of reach.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

from memoryqa.archive.file import ArchiveError, ArchiveFile

_SHORT_WAIT_SEC = 0.5  # for other processes, when a file is opened


def erase(archive: ArchiveFile) -> None:
    """Write the file anew without what was deleted, and empty its log. Raises ArchiveError when that cannot be done now
    (the disk is full, another process reads): then the next `Archive` of the file does it.
    """
    try:
        _delete_unfinished_copies(Path(archive.path))
        due = _due(archive)
        with archive.waiting():
            archive.connection.execute("PRAGMA temp_store = MEMORY")  # the copy of VACUUM
            archive.connection.execute("VACUUM")
            archive.connection.execute("PRAGMA temp_store = DEFAULT")
        _empty_log(archive)
        archive.note_size()
        with archive.transaction():  # what another process forgot meanwhile is still due
            archive.connection.execute("UPDATE state SET value = max(0, value - ?) WHERE name = 'erase_due'", (due,))
        _empty_log(archive)
    except (ArchiveError, OSError) as error:
        raise ArchiveError(
            f"{archive.path}: nothing finds any more what was to be forgotten, but the file may still contain bytes of"
            f" it; they are erased when it is next opened for writing ({error})"
        ) from error


def erase_what_is_due(archive: ArchiveFile) -> None:
    """Finish what a killed process began; without an error, and without a long wait, where that cannot be done now."""
    if not _due(archive):
        return
    patience, archive.busy_sec = archive.busy_sec, min(archive.busy_sec, _SHORT_WAIT_SEC)
    try:
        archive.fetch(f"PRAGMA busy_timeout = {int(1000 * archive.busy_sec)}")
        erase(archive)
    except ArchiveError:
        return
    finally:
        archive.busy_sec = patience
        archive.fetch(f"PRAGMA busy_timeout = {int(1000 * patience)}")


def _due(archive: ArchiveFile) -> int:
    """How often something was forgotten since the file was last erased."""
    return int(archive.fetch("SELECT value FROM state WHERE name = 'erase_due'")[0][0])


def _empty_log(archive: ArchiveFile) -> None:
    """Move the log into the file and cut it to nothing, once no other process reads what is only in it."""
    give_up_at = time.monotonic() + archive.busy_sec
    while archive.fetch("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]:
        if time.monotonic() > give_up_at:
            raise ArchiveError(f"another process has been using the file for {archive.busy_sec:.0f} seconds")
        time.sleep(0.005)


def _delete_unfinished_copies(path: Path) -> None:
    """Files that a process left behind that was killed in AdaptiveMemory.save."""
    copy = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{32}}\.tmp(-journal|-wal|-shm)?")
    for other in path.absolute().parent.iterdir():
        if copy.fullmatch(other.name):
            other.unlink(missing_ok=True)
