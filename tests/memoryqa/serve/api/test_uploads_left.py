"""What a server that was killed left of an upload does not stay on the disk."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs pip install '.[serve]'")

from memoryqa.serve.api.uploads import remove_left


def test_what_is_left_of_old_uploads_is_removed_and_nothing_else(tmp_path: Path) -> None:
    days_ago = time.time() - 2 * 86_400
    for name in (".upload-old", ".upload-new", ".upload-going-on", "chats"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "export.txt").write_text("said", encoding="utf-8")
        if name not in (".upload-new", ".upload-going-on"):
            os.utime(folder / "export.txt", (days_ago, days_ago))
        if name != ".upload-new":
            os.utime(folder, (days_ago, days_ago))
    remove_left(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == [".upload-going-on", ".upload-new", "chats"]
    remove_left(tmp_path / "none")
