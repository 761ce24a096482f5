"""The log is moved into the file by a thread of its own, and no commit waits for it."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from archive_process import counted_turn

from memoryqa.archive import checkpoints
from memoryqa.archive.database import Archive, ArchiveError
from memoryqa.archive.file import ArchiveFile

NUM_TURNS = 40


def turns_without_log(path: Path) -> int:
    """How many turns are in the file itself."""
    with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM turns").fetchone()[0])


def checkpoint_threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "memoryqa-checkpoint"]


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "DUE_CHANGES", 50)


def finish(archive: ArchiveFile) -> None:
    assert archive._checkpoints is not None
    archive._checkpoints.finish()


@pytest.mark.usefixtures("often")
def test_a_thread_moves_what_was_added_into_the_file_while_it_is_open(tmp_path: Path) -> None:
    with Archive(tmp_path / "a.db") as archive:
        for number in range(NUM_TURNS):
            archive.add(counted_turn(number))
            finish(archive)
        moved = turns_without_log(tmp_path / "a.db")
        assert NUM_TURNS // 2 < moved <= NUM_TURNS


@pytest.mark.usefixtures("often")
def test_what_the_thread_moves_is_no_change_by_another_connection(tmp_path: Path) -> None:
    """The memory would read all turns anew."""
    with Archive(tmp_path / "a.db") as archive:
        before = archive.data_version()
        archive.extend(map(counted_turn, range(NUM_TURNS)))
        finish(archive)
        archive.add(counted_turn(NUM_TURNS))
        assert archive.data_version() == before


def test_closing_waits_for_the_thread_and_leaves_no_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "DUE_CHANGES", 1)
    with Archive(tmp_path / "a.db") as archive:
        archive.add(counted_turn(0))
    assert not checkpoint_threads()
    assert [one.name for one in tmp_path.iterdir()] == ["a.db"]


def test_a_file_that_was_moved_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Archive(tmp_path / "a.db") as archive:
        archive.add(counted_turn(0))
        (tmp_path / "a.db").rename(tmp_path / "b.db")
        with pytest.raises(ArchiveError, match="was removed or replaced while it was open"):
            archive.add(counted_turn(1))
        monkeypatch.setattr(checkpoints, "DUE_CHANGES", 1)
        assert archive._checkpoints is not None
        archive._checkpoints.note(1_000)  # as after an add at the moment of the move
        finish(archive)
        assert not (tmp_path / "a.db").exists()
        (tmp_path / "b.db").rename(tmp_path / "a.db")


def test_commits_move_a_log_that_no_thread_can_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As at the end of a program, when no thread can be started any more."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr(checkpoints, "DUE_CHANGES", 1)
    with Archive(tmp_path / "a.db") as archive:
        for first in range(0, 4000, 1000):
            archive.extend(map(counted_turn, range(first, first + 1000)))
        log = tmp_path / "a.db-wal"
        assert log.stat().st_size < 2 * 4120 * checkpoints.LARGEST_LOG
        assert turns_without_log(tmp_path / "a.db") >= 1000
