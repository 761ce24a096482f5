"""What an adapter keeps with a turn is neither shown nor searched, and is exported, corrected and forgotten with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryqa import AdaptiveMemory, Memories, UsageError
from memoryqa.adapters.chat_names import chat_name, name_behind
from memoryqa.adapters.kept import data_of, message, role_of

SECRET = "the safe opens with 48213"


def kept(path: Path) -> AdaptiveMemory:
    memory = AdaptiveMemory.open(path)
    data = [{"type": "text", "text": SECRET}]
    memory.add(message(SECRET, "user", name="Ana", data=data))
    memory.add(message("It rains.", "assistant", data={"model": "zeppelin"}, repeats_text=False))
    return memory


def test_it_comes_back_with_the_role_and_the_name(tmp_path: Path) -> None:
    with kept(tmp_path / "a.db") as memory:
        one, other = memory.turns()
    assert (one.speaker, role_of(one), data_of(one)) == (
        "Ana",
        "user",
        [{"type": "text", "text": SECRET}],
    )
    assert (other.speaker, role_of(other), data_of(other)) == ("assistant", "assistant", {"model": "zeppelin"})


def test_it_is_neither_shown_nor_searched(tmp_path: Path) -> None:
    with kept(tmp_path / "a.db") as memory:
        assert not memory.search("Which zeppelin model?", min_score=0.05)
        assert "zeppelin" not in memory.transcript().text
        assert "memoryqa:" not in memory.transcript().text
        memory.export(tmp_path / "a.csv")
        assert "zeppelin" not in (tmp_path / "a.csv").read_text()
        tagged = memory.add("He flew.", speaker="Bo", tags=["airship", "memoryqa:data:1"])
        assert tagged.words == ("airship",)
        assert memory.search("Was there an airship?").ids[0] == tagged.id


def test_an_export_has_it(tmp_path: Path) -> None:
    with kept(tmp_path / "a.db") as memory, AdaptiveMemory.open(tmp_path / "b.db") as other:
        memory.export(tmp_path / "a.jsonl")
        other.import_jsonl(tmp_path / "a.jsonl")
        assert other.turns() == memory.turns()


@pytest.mark.parametrize("keep_revision", [True, False])
def test_a_correction_ends_what_repeats_the_text_and_keeps_the_rest(tmp_path: Path, keep_revision: bool) -> None:
    with kept(tmp_path / "a.db") as memory:
        corrected = memory.correct("D1:1", "nothing here", keep_revision=keep_revision)
        assert (data_of(corrected), role_of(corrected)) == (None, "user")
        assert data_of(memory.correct("D1:2", "It snows.")) == {"model": "zeppelin"}
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert (b"48213" in left) is keep_revision


def test_what_is_forgotten_leaves_no_byte(tmp_path: Path) -> None:
    with kept(tmp_path / "a.db") as memory:
        memory.forget("D1:1")
        memory.forget("D1:2")
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"48213" not in left
    assert b"zeppelin" not in left


# -- names of chats ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "chat"),
    [
        ("ana", "ana"),
        ("users.ana@example.org", "users.ana@example.org"),
        ("a/b", "a(2f)b"),
        ("..", "(2e)(2e)"),
        (" ", "(20)"),
        ("(2f)", "(28)2f(29)"),
        ("../../etc/passwd", "(2e).(2f)..(2f)etc(2f)passwd"),
        ("Änne", "(c4)nne"),
        ("a\0b\n", "a(0)b(a)"),
    ],
)
def test_an_id_is_written_as_the_name_of_a_chat(name: str, chat: str, tmp_path: Path) -> None:
    assert chat_name(name) == chat
    with Memories.open(tmp_path) as memories:
        memories.create(chat)
    assert [path.name for path in tmp_path.glob("*.db")] == [f"{chat}.db"]


@given(st.text(min_size=1, max_size=300), st.text(min_size=1, max_size=300))
def test_two_ids_have_two_names_that_are_read_back(first: str, second: str) -> None:
    assert (chat_name(first) == chat_name(second)) is (first == second)
    assert name_behind(chat_name(first)) in (first, None)
    assert len(chat_name(first)) <= 100


def test_a_long_id_is_cut() -> None:
    first, second = chat_name("a" * 500), chat_name("a" * 499 + "b")
    assert first != second
    assert name_behind(first) is None


def test_an_empty_id_is_refused() -> None:
    with pytest.raises(UsageError, match="the name of a chat is empty"):
        chat_name("")
