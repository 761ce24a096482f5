"""Who is who in a chat, and whom "I" and "my" mean in a question."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from exports import write_export
from samples_of_exports import TELEGRAM, as_json

from memoryqa.home.importing import import_export
from memoryqa.home.people import join_people, people_of
from memoryqa.memories import Memories
from memoryqa.memory import AdaptiveMemory

SAID = (
    ("Ana", "The operation is on Monday."),
    ("Bo", "The operation is on Friday."),
    ("Cleo", "The operation is on Sunday."),
    ("Ana", "I keep the keys at work."),
    ("Bo", "I keep the keys at home."),
)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[AdaptiveMemory]:
    with AdaptiveMemory.open(tmp_path / "a.db") as one:
        for speaker, text in SAID:
            one.add(text, speaker=speaker, time="2024-05-13")
        yield one


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("When is my operation?", "Bo"),
        ("Where do I keep the keys?", "Bo"),
        ("Wann ist meine operation?", "Bo"),
        ("¿Cuándo es mi operation?", "Bo"),
        ("What did Ana say about my operation?", "Ana"),
        ("What did I tell Ana about the operation?", "Bo"),
        ("When is the operation?", "Ana"),
        ("When is Cleo's operation?", "Cleo"),
    ],
)
def test_my_and_i_prefer_what_the_owner_said(question: str, first: str, memory: AdaptiveMemory) -> None:
    join_people(memory, {}, "bo")
    assert memory.search(question, 200).turns[0].speaker == first


def test_without_an_owner_my_prefers_nobody(memory: AdaptiveMemory) -> None:
    before = memory.search("When is my operation?")
    join_people(memory, {}, "Bo")
    assert memory.search("When is my operation?").scores != before.scores
    assert memory.search("When is the operation?") == memory.search("When is the operation?")
    memory.keep_people(type(memory.people())())
    assert memory.search("When is my operation?").scores == before.scores


def test_the_owner_is_kept_in_the_file_and_seen_by_other_processes(memory: AdaptiveMemory, tmp_path: Path) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db") as other:
        join_people(memory, {}, "Bo")
        assert other.search("When is my operation?", 200).turns[0].speaker == "Bo"
    with AdaptiveMemory.open(tmp_path / "a.db") as again:
        assert again.search("When is my operation?", 200).turns[0].speaker == "Bo"


def test_the_owner_of_an_assistants_chat_is_its_user_still(tmp_path: Path) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        memory.add("Rye rises twelve hours.", speaker="Assistant", time="2024-05-13")
        memory.add("Rye rises twelve hours.", speaker="User", time="2024-05-13")
        before = memory.search("How long does rye rise?").scores
        memory.rename({"User": "Ana"})
        join_people(memory, {}, "Ana")
        assert memory.search("How long does rye rise?").scores == before


# -- joining -----------------------------------------------------------------------------------------------------------


def test_joins_follow_one_another_and_reach_revisions(memory: AdaptiveMemory) -> None:
    memory.correct("D1:1", "The operation is on Tuesday.")
    assert join_people(memory, {"ana": "Anna"}) == 2
    assert join_people(memory, {"Anna": "Ana Marta"}) == 2
    assert memory.people().joins == {"ana": "Ana Marta", "Anna": "Ana Marta"}
    assert [turn.speaker for turn in memory.revisions("D1:1")] == ["Ana Marta"]
    assert join_people(memory, {"Ana": "Ana Marta"}) == 0


def test_a_person_keeps_their_name_whatever_a_newer_export_calls_them(tmp_path: Path) -> None:
    messages = [dict(one, **{"from": one.get("from") or "Rui"}) for one in TELEGRAM["messages"]]
    renamed = [dict(one, **{"from": "Ana Silva"}) if one.get("from_id") == "user11" else one for one in messages]
    newer = {**messages[1], "id": 9, "from": "Ana Silva"}
    with Memories.open(tmp_path / "store") as memories:
        for found in (messages, [*renamed, newer]):
            path = write_export(tmp_path / "result.json", as_json({**TELEGRAM, "messages": found}))
            import_export(memories, path)
        assert {turn.speaker for turn in memories["Harbour walks"].turns()} == {"Ana", "Ana (user12)", "Rui"}
        join_people(memories["Harbour walks"], {"user12": "Anita"})
        import_export(memories, path)
        assert {turn.speaker for turn in memories["Harbour walks"].turns()} == {"Ana", "Anita", "Rui"}
        found_people = people_of({"x": memories.path_of("Harbour walks")})
    assert [(one.name, one.messages) for one in found_people] == [("Ana", 3), ("Anita", 1), ("Rui", 1)]


def test_what_is_forgotten_takes_its_joins_titles_and_fingerprints_with_it(tmp_path: Path) -> None:
    path = write_export(tmp_path / "result.json", as_json(TELEGRAM))
    with Memories.open(tmp_path / "store") as memories:
        import_export(memories, path, same={"user11": "Xenia Quill"}, me="Xenia Quill", chat="x")
        memory = memories["x"]
        assert memory.people().owner == "Xenia Quill"
        assert memory.message_counts() == {1: 4}
        memory.forget(person="xenia quill")
        assert (memory.people().joins, memory.people().owner) == ({}, None)
        assert "user11" not in memory.people().authors
        assert memory.message_counts() == {1: 2}
        memory.forget(everything=True)
        assert (memory.conversations(), memory.people().authors, memory.message_counts()) == ([], {}, {})
        memory.close()
    held = (tmp_path / "store" / "x.db").read_bytes()
    for word in (b"Xenia", b"user1", b"Harbour", b"900100"):
        assert word not in held
