"""Files that may not be written, for tests that root runs too."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from memoryqa.memory import AdaptiveMemory


@contextmanager
def as_nobody() -> Iterator[Path]:
    """A folder that all may use; and, when we are root, whom permissions do not bind, the rights of nobody."""
    _read_our_own_files()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            if is_root:
                os.seteuid(0)
            Path(folder).chmod(0o700)


def _read_our_own_files() -> None:
    """What a first memory imports and reads of the code, which nobody but root may be allowed to."""
    with tempfile.TemporaryDirectory() as folder, AdaptiveMemory.open(Path(folder) / "a.db") as memory:
        memory.add("I moved to Porto!", speaker="Ana", time="2023-05-25")
