"""What is said of a chat in a list is read from its file alone, and leaves nothing beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from memoryqa.archive import summary as module
from memoryqa.archive.database import Archive
from memoryqa.archive.summary import summary
from memoryqa.memory import AdaptiveMemory


@pytest.fixture
def chat(tmp_path: Path) -> Path:
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        memory.add("I moved to Porto!", speaker="Ana", time="2023-05-25")
        memory.add("Is it warm?", speaker="Bo", time="2023-05-26")
        memory.add("Very.", speaker="Ana")
        memory.correct("D1:1", "I moved to Braga!")
        memory.forget("D2:2")
    return tmp_path / "a.db"


def test_a_file_that_nobody_has_open_is_read_without_being_opened_for_writing(
    chat: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_read_alone", lambda path: None)
    expected = summary(chat)
    monkeypatch.undo()
    monkeypatch.setattr(module, "Archive", None)
    found = summary(chat)
    assert found == expected
    assert (found.messages, found.corrected, found.forgotten, list(found.speakers)) == (2, 1, 1, ["Ana", "Bo"])
    assert [one.name for one in chat.parent.iterdir()] == ["a.db"]


def test_what_is_only_in_the_log_is_counted(chat: Path) -> None:
    with AdaptiveMemory.open(chat) as memory:
        memory.add("And windy.", speaker="Cleo")
        assert summary(chat).messages == 3
        assert "Cleo" in summary(chat).speakers


def test_a_file_that_is_changed_while_it_is_read_is_read_again(chat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, changed = module._read, list[int]()

    def change_it(fetch: object) -> object:
        found = read(fetch)  # type: ignore[arg-type]
        if not changed:
            changed.append(1)
            with AdaptiveMemory.open(chat) as memory:
                memory.add("And windy.", speaker="Cleo")
        return found

    monkeypatch.setattr(module, "_read", change_it)
    assert summary(chat).messages == 3


def test_a_file_of_another_version_or_with_bytes_to_be_erased_is_opened(
    chat: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Archive(chat) as archive, archive.transaction():
        archive.connection.execute("UPDATE state SET value = 1 WHERE name = 'erase_due'")
    assert module._read_alone(chat) is None
    assert summary(chat).messages == 2
    assert module._read_alone(chat) is not None, "it was erased"
    monkeypatch.setattr(module, "MIGRATIONS", ())
    assert module._read_alone(chat) is None
