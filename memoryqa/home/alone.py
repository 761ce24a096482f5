"""One import at a time into a folder: two of the same export at once would both find its messages new."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other thread or process is in here with `folder`. Where folders cannot be locked (Windows, some
    network drives) nobody waits."""
    try:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.warning("waiting for another import into %s to end", folder)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:  # of a drive that knows no locks
            logger.debug("no lock on %s: %s", folder, error)
        yield
    finally:
        os.close(descriptor)  # which gives the lock back
