"""Where the chats of this user are."""

from __future__ import annotations

import os
from pathlib import Path

HOME = "MEMORYQA_HOME"


def store_folder(given: Path | None = None) -> Path:
    """The folder of the chats: `given`, MEMORYQA_HOME, or `memoryqa` among this user's data (XDG)."""
    if given is not None:
        return given
    if home := os.environ.get(HOME):
        return Path(home)
    data = os.environ.get("XDG_DATA_HOME") or ""
    return (Path(data) if os.path.isabs(data) else Path.home() / ".local" / "share") / "memoryqa"
