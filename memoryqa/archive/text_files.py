"""Text files beside archives: read with errors that say what to do, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

from memoryqa.errors import UsageError


def read_text(path: Path) -> str:
    """The content of a file in UTF-8. Raises UsageError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 ({error.reason})") from error


def write_whole(path: Path, content: bytes) -> None:
    """Let the file contain `content`; a new one can be read by its owner alone. Raises UsageError."""
    new = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
        new.replace(path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise UsageError(f"{path}: cannot be written there ({error.strerror})") from error
