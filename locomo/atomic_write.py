"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_bytes_atomically(path: Path, content: bytes) -> None:
    """Write `content` to a temporary file beside `path` and rename it. On OSError nothing is left behind."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
