"""Writes exports for the tests of importers, and reads them back."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memoryqa.errors import UsageError
from memoryqa.importers import Import, Message, read


def write_export(path: Path, content: str | bytes) -> Path:
    """`path` with `content`, its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
    return path


def zipped(path: Path, files: Mapping[str, str | bytes]) -> Path:
    """A zip of `files`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def import_export(path: Path, format: str | None = None, **options: Any) -> tuple[list[Message], Import]:
    """The messages, and the import with its report."""
    found = read(path, format, **options)
    return list(found.messages), found


def messages_or_refusal(path: Path, format: str | None = None, **options: Any) -> list[Message] | str:
    """The messages, or the one line that says why not: nothing else may happen, for any bytes."""
    refusal = ""
    try:
        return import_export(path, format, **options)[0]
    except UsageError as error:
        refusal = str(error)
    assert len(refusal.splitlines()) == 1, refusal
    return refusal
