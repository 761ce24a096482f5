"""Lists of chats read a file again only when it has changed, and always then."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("pydantic", reason="needs pip install '.[serve]'")

from memoryqa.archive.file import ArchiveError
from memoryqa.memory import AdaptiveMemory
from memoryqa.serve import listing
from memoryqa.serve.listing import Summaries


def age(path: Path) -> None:
    """Let the file and its log have been changed a minute before."""
    for one in path.parent.glob(f"{path.name}*"):
        os.utime(one, ns=(one.stat().st_atime_ns, one.stat().st_mtime_ns - 60_000_000_000))


def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, read = tmp_path / "ines.db", list[Path]()
    real = listing.summary
    monkeypatch.setattr(listing, "summary", lambda path: (read.append(path), real(path))[1])
    summaries = Summaries()
    with AdaptiveMemory.open(path) as memory:
        for count in range(1, 4):
            memory.add("Otters!", speaker="Ines")
            assert summaries.of(path).messages == count
        age(path)
        before = len(read)
        assert [summaries.of(path).messages for _ in range(3)] == [3, 3, 3]
        assert len(read) == before + 1
        memory.add("Otters!", speaker="Ines")
        assert summaries.of(path).messages == 4
    age(path)
    assert [summaries.of(path).messages for _ in range(2)] == [4, 4]
    path.write_bytes(b"no chat" * 1000)
    with pytest.raises(ArchiveError):
        summaries.of(path)
