"""The calls of the servers beside each other: no chat waits for another one to be opened or put away."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("pydantic", reason="needs pip install '.[serve]'")

from held_calls import WAIT_SEC, calls_held

from memoryqa.archive.database import Archive
from memoryqa.memories import Memories
from memoryqa.serve.open_chats import UnknownError
from memoryqa.serve.operations import Operations

CHATS = ("ana", "bo", "cy", "di")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Memories.open(tmp_path) as memories:
        for name in CHATS:
            memories.create(name).add(f"I am {name}, and I like kites.", speaker=name)
    return tmp_path


def test_a_chat_that_is_being_opened_keeps_no_other_waiting(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Memories.open(folder) as memories, ThreadPoolExecutor(2) as threads:
        operations = Operations(memories)
        with calls_held(monkeypatch, "open", lambda path: path.stem == "ana") as waits:
            first = threads.submit(operations.search, "kites", chats=["ana"])
            assert waits.wait(WAIT_SEC)
            found = threads.submit(operations.search, "kites", chats=["bo"]).result(WAIT_SEC)
            assert [line.chat for line in found.lines] == ["bo"]
        assert [line.chat for line in first.result(WAIT_SEC).lines] == ["ana"]


def test_a_chat_that_is_being_put_away_keeps_no_other_waiting(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Memories.open(folder) as memories, ThreadPoolExecutor(2) as threads:
        operations = Operations(memories, max_open=1)
        ana = operations.memory("ana")
        with calls_held(monkeypatch, "keep_index", lambda memory: memory is ana) as waits:
            slow = threads.submit(operations.search, "kites", chats=["bo"])
            assert waits.wait(WAIT_SEC)
            found = threads.submit(operations.search, "kites", chats=["bo"]).result(WAIT_SEC)
            assert [line.chat for line in found.lines] == ["bo"]
            assert threads.submit(operations.names).result(WAIT_SEC) == sorted(CHATS)
        assert slow.result(WAIT_SEC).lines


def test_no_more_chats_are_open_than_may_be(folder: Path) -> None:
    with Memories.open(folder) as memories:
        operations = Operations(memories, max_open=2)
        for name in CHATS * 5:
            assert operations.search("kites", chats=[name]).lines
            assert operations.open_chats <= 2


def test_a_chat_that_is_deleted_while_it_is_put_away_stays_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Memories.open(folder) as memories, ThreadPoolExecutor(2) as threads:
        operations = Operations(memories, max_open=1)
        ana = operations.memory("ana")
        with calls_held(monkeypatch, "keep_index", lambda memory: memory is ana) as waits:
            other = threads.submit(operations.memory, "bo")
            assert waits.wait(WAIT_SEC)
            memories.delete("ana")
        other.result(WAIT_SEC)
        assert "ana" not in operations.names()
        with pytest.raises(UnknownError):
            operations.memory("ana")


def test_whether_a_chat_is_there_opens_no_file(folder: Path) -> None:
    with Memories.open(folder) as memories:
        assert "ana" in memories
        assert "none" not in memories
        assert memories.open_count == 0


def test_calls_in_a_block_see_a_chat_as_it_was_and_look_into_its_file_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Memories.open(folder) as memories, Memories.open(folder) as others:
        operations = Operations(memories)
        looks = list[int]()
        real = Archive.data_version
        monkeypatch.setattr(Archive, "data_version", lambda archive: looks.append(1) or real(archive))
        memory = operations.memory("ana")
        looks.clear()
        with operations.unchanged(["ana"]):
            assert operations.search("kites", chats=["ana"]).lines
            first = len(looks)
            others["ana"].forget(everything=True)
            looks.clear()
            assert operations.search("kites", chats=["ana"]).lines
            assert len(memory.turns()) == 1
            assert (first, looks) == (1, [])
        assert not operations.search("kites", chats=["ana"]).lines
        assert len(memory.turns()) == 0


def test_nothing_is_kept_of_chats_that_were_deleted(tmp_path: Path) -> None:
    with Memories.open(tmp_path) as memories:
        operations = Operations(memories)
        for number in range(5):
            operations.create(f"chat{number}")
            operations.delete(f"chat{number}")
        assert not operations._open._opening
        assert not operations._open._used
        assert operations.open_chats == 0


def test_a_chat_that_is_deleted_before_it_is_opened_is_unknown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Memories.open(folder) as memories:
        operations = Operations(memories)
        monkeypatch.setattr(operations._open, "look_for", lambda name: memories.delete(name))
        with pytest.raises(UnknownError, match="there is no chat 'ana'"):
            operations.search("kites", chats=["ana"])


def test_a_chat_that_is_deleted_and_made_again_while_all_are_searched_is_no_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Memories.open(folder) as memories:
        operations = Operations(memories)
        look, times = operations._open.look_for, iter(range(3))

        def look_amid_changes(name: str) -> None:
            if next(times, None) is not None:
                raise UnknownError("there is no chat 'ana'")  # and it is there again before anybody looks
            look(name)

        monkeypatch.setattr(operations._open, "look_for", look_amid_changes)
        assert {one.chat for one in operations.search("Who likes kites?", min_score=0).lines} >= set(CHATS)
        times = iter(range(1_000_000))
        with pytest.raises(UnknownError):
            operations.search("Who likes kites?", min_score=0)


def test_lists_and_searches_go_on_while_chats_come_and_go(folder: Path) -> None:
    with Memories.open(folder) as memories, ThreadPoolExecutor(1) as pool:
        operations = Operations(memories)
        stop = threading.Event()

        def come_and_go() -> None:
            while not stop.is_set():
                operations.create("guest")
                memories["guest"].add("I like kites, too.", speaker="Guest")
                operations.delete("guest")

        coming = pool.submit(come_and_go)
        try:
            for _ in range(60):
                assert {one.chat for one in operations.summaries()} >= set(CHATS)
                assert {one.chat for one in operations.search("Who likes kites?", min_score=0).lines} >= set(CHATS)
        finally:
            stop.set()
        coming.result(WAIT_SEC)
        assert sorted(path.name for path in folder.glob("guest*")) == []
