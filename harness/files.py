"""Files that lose nothing when their process is killed: whole ones, and JSON objects one per line. Secrets never reach
the latter.
"""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from memoryqa.errors import UsageError
from memoryqa.redaction import redact, secrets
from memoryqa.terminal import without_halves


class JsonlError(UsageError):
    """A line cannot be read; the message names the file, the line and the fix."""


class JsonlFile:
    """The rows of one file. `append` may be called from many threads; one process at a time writes to a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def append(self, row: Mapping[str, Any]) -> None:
        """Add one row; when this returns, it survives the death of the process.

        Raises TypeError or ValueError, and writes nothing, for what JSON cannot hold (NaN included).
        """
        line = (to_json(row) + "\n").encode()
        with self._lock, _named(self.path), open(self.path, "ab+", buffering=0) as file:
            _cut_half_written_line(file)
            if file.write(line) != len(line):  # a full disk; the next append cuts the stump off
                raise OSError(errno.ENOSPC, "the row was not written whole", str(self.path))

    def replace(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Make `rows` all that is in the file: a kill or a full disk leaves what was there before."""
        content = "".join(to_json(row) + "\n" for row in rows).encode()
        with self._lock:
            write_bytes_atomically(self.path, content)

    def mend(self) -> None:
        """Cut off the stump of a killed write, if there is one; only who may write to the file calls this."""
        if self.half_written_bytes:
            with self._lock, open(self.path, "rb+", buffering=0) as file:
                _cut_half_written_line(file)

    def rows(self) -> list[dict[str, Any]]:
        """All whole rows, in the order of writing; none when there is no file yet.

        A last line without its newline is the stump of a killed write and is left out (`half_written_bytes` tells). Any
        other line that is not a JSON object raises JsonlError.
        """
        whole, _ = self._split()
        return [self._parse(line, number) for number, line in enumerate(whole.split(b"\n")[:-1], start=1)]

    @property
    def half_written_bytes(self) -> int:
        """Size of the stump that `rows` leaves out and the next `append` removes; 0 normally."""
        return len(self._split()[1])

    def _split(self) -> tuple[bytes, bytes]:
        content = self.path.read_bytes() if self.path.exists() else b""
        end = content.rfind(b"\n") + 1
        return content[:end], content[end:]

    def _parse(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise JsonlError(f"{self.path}, line {number} is not a JSON object: delete the line")
        return row


def to_json(obj: object, indent: int | None = None, *, ensure_ascii: bool = False) -> str:
    """`obj` as JSON without secrets (memoryqa/lms/roles.py, `redact`). Raises ValueError for NaN."""
    return json.dumps(_redacted(obj, secrets()), ensure_ascii=ensure_ascii, allow_nan=False, indent=indent)


def _redacted(obj: object, found: tuple[str, ...]) -> object:
    if isinstance(obj, str):
        return without_halves(redact(obj, found))  # a reply that was cut may end in half a sign
    if isinstance(obj, Mapping):
        return {key: _redacted(value, found) for key, value in obj.items()}
    if isinstance(obj, list | tuple):
        return [_redacted(value, found) for value in obj]
    return obj


def _cut_half_written_line(file: Any) -> None:
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        return
    file.seek(size - 1)
    if file.read(1) != b"\n":
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)


def write_bytes_atomically(path: Path, content: bytes) -> None:
    """Write `content` to a temporary file beside `path` and rename it. On OSError nothing is left behind."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with _named(path):
            partial.write_bytes(content)
            partial.replace(path)
    finally:
        with suppress(OSError):  # else it would hide why the write failed
            partial.unlink(missing_ok=True)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the file in an error of the block: one of a write has none, and one of `partial` is no name for people."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise
