"""Chats whose index is built anew, or that are changed for long: refused with a line, and no other chat waits."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pydantic", reason="needs pip install '.[serve]'")

from held_calls import WAIT_SEC, calls_held
from waiting import wait_for

from memoryqa.archive.changes import revisions
from memoryqa.archive.database import Archive
from memoryqa.archive.file import ArchiveError
from memoryqa.errors import UsageError
from memoryqa.memories import Memories
from memoryqa.memory import AdaptiveMemory
from memoryqa.memory.behind import turns_to_open
from memoryqa.serve import busy, open_chats
from memoryqa.serve.busy import BusyError
from memoryqa.serve.operations import Operations

MANY = 60


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_chats, "MOST_AT_ONCE", 20)
    monkeypatch.setattr(open_chats, "_SMALL_BYTES", 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a long chat and a short one."""
    with Memories.open(tmp_path) as memories:
        memories.create("long").extend(said(0, MANY))
        memories.create("short").add("I am Bo, and I like kites.", speaker="Bo")
    return tmp_path


def is_long(path: Path) -> bool:
    return Path(path).stem == "long"


def said(first: int, end: int) -> list[dict[str, Any]]:
    return [{"text": f"Kite number {n} is red.", "speaker": "Ana", "time": "2024-01-01"} for n in range(first, end)]


def make_stale(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE snapshot SET data = x'00' WHERE name = 'meta.made_by'")


def found(operations: Operations, chat: str | None = "long", question: str = "Which kite is red?") -> list[str]:
    chats = None if chat is None else [chat]
    return [one.id for one in operations.search(question, chats=chats, budget_tokens=20_000, min_score=0).lines]


def found_later(operations: Operations) -> list[str]:
    """What is found once that is possible."""
    ids = list[str]()

    def is_found() -> bool:
        try:
            ids.extend(found(operations))
        except BusyError:
            return False
        return True

    wait_for(is_found, "the index is built")
    return ids


def test_a_file_says_how_much_opening_it_indexes(folder: Path) -> None:
    path = folder / "long.db"
    assert turns_to_open(path) == 0
    with AdaptiveMemory.open(path) as memory:
        memory.extend(said(MANY, MANY + 7))
    assert turns_to_open(path) == 7
    make_stale(path)
    assert turns_to_open(path) == MANY + 7
    AdaptiveMemory.open(path).close()
    assert turns_to_open(path) == 0
    assert turns_to_open(folder / "none.db") == 0


def test_a_stale_index_is_built_once_while_other_chats_answer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_stale(folder / "long.db")
    with Memories.open(folder) as memories:
        operations = Operations(memories)
        with calls_held(monkeypatch, "open", is_long) as waits:
            for chat in ("long", "long", None):
                with pytest.raises(BusyError, match=f"index of the chat 'long' is being built anew .{MANY} messages"):
                    found(operations, chat)
                assert waits.wait(WAIT_SEC)
            with pytest.raises(BusyError) as refused:
                operations.open("D1:1", "long")
            assert refused.value.retry_sec > 0
            assert operations.rebuilding == 1
            assert found(operations, "short") == ["D1:1"]
            assert {one.chat: one.messages for one in operations.summaries()} == {"long": MANY, "short": 1}
        assert len(found_later(operations)) == MANY
        assert operations.rebuilding == 0


@pytest.mark.parametrize("change", ["forgets", "adds"])
def test_what_another_process_did_to_a_long_chat_is_taken_in_beside_all_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    with Memories.open(folder) as memories:
        operations = Operations(memories)
        assert len(found(operations)) == MANY
        with AdaptiveMemory.open(folder / "long.db") as other:
            if change == "forgets":
                other.forget("D1:3")
            else:
                other.extend(said(MANY, 2 * MANY))
        with calls_held(monkeypatch, "open", is_long), pytest.raises(BusyError):
            found(operations)
        ids = found_later(operations)
    assert len(ids) == (MANY - 1 if change == "forgets" else 2 * MANY)
    assert ("D1:3" in ids) is (change == "adds")


def test_few_new_messages_are_taken_in_by_the_call_itself(folder: Path) -> None:
    with Memories.open(folder) as memories:
        operations = Operations(memories)
        assert len(found(operations)) == MANY
        with AdaptiveMemory.open(folder / "long.db") as other:
            other.extend(said(MANY, MANY + 5))
        assert len(found(operations)) == MANY + 5


def test_an_index_that_cannot_be_built_is_an_error_and_no_endless_work(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_stale(folder / "long.db")
    with closing(sqlite3.connect(folder / "long.db")) as file, file:
        file.execute("UPDATE turns SET digest = x'00' WHERE position = (SELECT max(position) FROM turns)")
    with Memories.open(folder) as memories:
        operations = Operations(memories)
        with calls_held(monkeypatch, "open", is_long), pytest.raises(BusyError):
            found(operations)
        wait_for(lambda: operations.rebuilding == 0, "the building ends")
        for _ in range(3):
            with pytest.raises(ArchiveError, match="damaged"):
                found(operations)
            assert operations.rebuilding == 0
            assert found(operations, None) == ["D1:1"]  # of the chats that can be read


@pytest.mark.parametrize(
    ("change", "step"),
    [
        # the first that somebody said
        (lambda one: one.forget("long", id="D1:1", person=None, before=None, everything=False), "_take_over"),
        (lambda one: one.correct("D1:3", "It is green.", "long"), "_correct_in_place"),
    ],
    ids=["forget", "correct"],
)
def test_nobody_waits_for_a_long_change(
    folder: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Operations], Any], step: str
) -> None:
    monkeypatch.setattr(busy, "_LONG_SEC", 0.0)
    with Memories.open(folder) as memories, ThreadPoolExecutor(1) as pool:
        operations = Operations(memories)
        assert len(found(operations)) == MANY
        with calls_held(monkeypatch, step, lambda memory: len(memory) > 1) as waits:
            changed = pool.submit(change, operations)
            assert waits.wait(WAIT_SEC)
            for chat in ("long", None):
                with pytest.raises(BusyError, match="a long change of the chat 'long' is being made"):
                    found(operations, chat)
            assert found(operations, "short") == ["D1:1"]
        changed.result(WAIT_SEC)
        assert len(found_later(operations)) >= MANY - 1


def test_a_message_of_a_long_chat_is_corrected_or_forgotten_and_searched_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Memories.open(folder) as memories:
        operations = Operations(memories)
        assert len(found(operations)) == MANY
        with calls_held(monkeypatch, "open", is_long) as waits:
            assert operations.correct("D1:3", "It is green.", "long").text == "It is green."
            assert "D1:3" in found(operations, question="Which one is green?")
            with Archive(folder / "long.db") as other:
                assert other.expand("D1:3").text == "It is green."
                assert [one.text for one in revisions(other)["D1:3"]] == ["Kite number 2 is red."]
            gone = operations.forget("long", id="D1:4", person=None, before=None, everything=False)
            assert gone.messages == 1
            assert b"number 3 is" not in (folder / "long.db").read_bytes()
            assert len(found(operations)) == MANY - 1
            assert not waits.is_set(), "no index is built anew"


def test_a_change_of_a_long_chat_is_answered_before_its_index_is_built_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first message of somebody: whoever speaks later comes otherwise."""
    with Memories.open(folder) as memories:
        operations = Operations(memories)
        assert len(found(operations)) == MANY
        with calls_held(monkeypatch, "open", is_long) as waits:
            forgotten = operations.forget("long", id="D1:1", person=None, before=None, everything=False)
            assert forgotten.messages == 1
            assert waits.wait(WAIT_SEC), "the index is built at once, beside all else"
            assert b"number 0 is" not in (folder / "long.db").read_bytes()
            with pytest.raises(BusyError):
                found(operations)
            assert found(operations, "short") == ["D1:1"]
        assert len(found_later(operations)) == MANY - 1


@pytest.mark.parametrize("name", ["../long", "a\0b", "..", "x" * 300, ""])
def test_no_file_is_looked_at_for_a_name_that_is_none(folder: Path, name: str) -> None:
    inner = folder / "inner"
    make_stale(folder / "long.db")
    with Memories.open(inner) as memories:
        operations = Operations(memories)
        with pytest.raises(UsageError, match="is no name for a chat"):
            operations.create(name)
        assert operations.rebuilding == 0


def test_an_import_into_a_chat_waits_until_its_index_is_built(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_stale(folder / "long.db")
    export = folder / "WhatsApp Chat with Bo.txt"
    export.write_text("25/05/2023, 18:30 - Bo: The green kite flew away.\n", encoding="utf-8")
    steps = list[str]()
    with Memories.open(folder) as memories, ThreadPoolExecutor(1) as pool:
        operations = Operations(memories)
        with calls_held(monkeypatch, "open", is_long) as waits:
            with pytest.raises(BusyError):
                found(operations)
            assert waits.wait(WAIT_SEC)
            imported = pool.submit(operations.import_export, export, "long", lambda step, *_: steps.append(step))
            wait_for(lambda: steps, "the import waits")
            assert not imported.done()
        assert imported.result(WAIT_SEC).added == 1
        assert len(found_later(operations)) == MANY + 1
