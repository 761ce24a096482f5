"""What a memory does whose file is removed, or replaced by another one, behind its back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from memoryqa.archive.file import ArchiveError
from memoryqa.memories import Memories
from memoryqa.memory import AdaptiveMemory
from memoryqa.serve.open_chats import OpenChats, UnknownError


def remove(path: Path) -> None:
    path.unlink()


def remove_all(path: Path) -> None:
    for one in path.parent.glob(f"{path.name}*"):
        one.unlink()


def replace(path: Path) -> None:
    with AdaptiveMemory.open(path.with_name("other.db")) as other:
        other.add("Written by somebody else.", speaker="Bo")
    remove_all(path)
    path.with_name("other.db").rename(path)


@pytest.mark.parametrize("change", [remove, remove_all, replace])
def test_nothing_is_acknowledged_that_would_be_lost(tmp_path: Path, change: Callable[[Path], None]) -> None:
    path = tmp_path / "ines.db"
    with AdaptiveMemory.open(path) as memory:
        memory.add("I moved to Porto.", speaker="Ines")
        assert not memory.is_gone
        change(path)
        assert memory.is_gone
        with pytest.raises(
            ArchiveError, match=r"ines\.db: was removed or replaced while it was open; .* open it again"
        ):
            memory.add("And on to Faro.", speaker="Ines")
        assert [turn.text for turn in memory.turns()] == ["I moved to Porto."]
    assert path.exists() == (change is replace)


def test_a_memory_without_a_file_is_never_gone() -> None:
    assert not AdaptiveMemory().is_gone


def test_a_memory_that_is_opened_by_a_relative_path_stays_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with AdaptiveMemory.open("ines.db") as memory:
        monkeypatch.chdir("/")
        memory.add("I moved to Porto.", speaker="Ines")


@pytest.mark.parametrize("opened", [True, False])
def test_a_folder_leaves_out_what_was_removed_and_opens_what_was_replaced_anew(tmp_path: Path, opened: bool) -> None:
    with Memories.open(tmp_path) as made:
        for name in ("ines", "bo"):
            made.create(name).add("I moved to Porto.", speaker="Ines")
    with Memories.open(tmp_path) as chats:
        if opened:
            assert len(chats["ines"]) == len(chats["bo"]) == 1
        remove_all(tmp_path / "ines.db")
        replace(tmp_path / "bo.db")
        chats.refresh()
        assert list(chats) == ["bo"]
        assert [turn.text for turn in chats["bo"].turns()] == ["Written by somebody else."]
        assert chats.create("ines").add("Here again.", speaker="Ines").id == "D1:1"
    assert (tmp_path / "ines.db").exists()


def test_a_server_says_that_a_chat_is_removed_and_adds_to_the_one_in_its_place(tmp_path: Path) -> None:
    with Memories.open(tmp_path) as memories:
        chats = OpenChats(memories)
        for name in ("ines", "bo", "ana"):
            chats.memory(name, create=True).add("I moved to Porto.", speaker="Ines")
        for name in ("ines", "ana"):
            remove_all(tmp_path / f"{name}.db")
        replace(tmp_path / "bo.db")
        with pytest.raises(UnknownError, match="there is no chat 'ines'"):
            chats.memory("ines")
        chats.memory("bo").add("And I, too.", speaker="Ines")
        chats.memory("ana", create=True).add("Anew.", speaker="Ana")
        assert chats.names() == ["ana", "bo"]
    with Memories.open(tmp_path) as memories:
        assert [turn.text for turn in memories["bo"].turns()] == ["Written by somebody else.", "And I, too."]
        assert [turn.text for turn in memories["ana"].turns()] == ["Anew."]
