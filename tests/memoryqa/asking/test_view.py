"""Chats of a folder as one memory: ids, budgets and names."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from own_chats import fill_store

from memoryqa.asking.answers import read_offline
from memoryqa.asking.view import View, show_sources
from memoryqa.memories import Memories
from memoryqa.memory import AdaptiveMemory
from memoryqa.offline_reader import NO_INFORMATION
from memoryqa.tokens import count_tokens

WORDS = ("ferry", "knee", "cello", "operation", "market", "dog")


def memory_of(texts: list[str], first_session: int = 1) -> AdaptiveMemory:
    memory = AdaptiveMemory()
    for number, text in enumerate(texts):
        memory.add(text, speaker="Ana", session=first_session + number // 3, number=number % 3)
    return memory


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return fill_store(tmp_path / "store", "Bo", "Ines")


def test_one_chat_is_searched_as_it_is(store: Path) -> None:
    with Memories.open(store) as memories:
        found = View(memories, ["Ines"]).search("When is the operation?")
        assert found == memories["Ines"].search("When is the operation?")
        assert View(memories, ["Ines"]).source(found.ids[0]).turn == found[0]


def test_sessions_of_several_chats_have_numbers_of_their_own_and_lead_back(store: Path) -> None:
    with Memories.open(store) as memories:
        view = View(memories, ["Bo", "Ines"])
        found = view.search("the ferry to Barreiro and the operation on the 28th, cello")
        assert len(found.ids) == len(set(found.ids)) > 3
        assert found.text.startswith("# Bo\n[D")
        assert "\n# Ines\n[D" in found.text
        for turn in found:
            source = view.source(turn.id)
            assert (source.turn.text, source.turn.speaker) == (turn.text, turn.speaker)
            assert memories[source.chat].expand(source.turn.id) == source.turn


texts_of_chats = st.lists(
    st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join), min_size=1, max_size=9),
    min_size=2,
    max_size=4,
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(texts_of_chats, st.integers(0, 200), st.integers(0, 400), st.integers(0, 1))
def test_budgets_hold_to_the_token_and_what_is_kept_stays(
    chats: list[list[str]], less: int, more: int, first_session: int
) -> None:
    memories = Memories({f"chat {number}": memory_of(texts, first_session) for number, texts in enumerate(chats)})
    view = View(memories, list(memories))
    before = view.search(["the ferry", "cello"], less)
    after = view.search(["the dog"], less + more, keep=before.line_ids)
    for found, budget in ((before, less), (after, less + more)):
        assert count_tokens(found.text) == found.tokens <= budget
        assert len(found.scores) == len(found.turns)
        for turn in found:
            assert view.source(turn.id).turn.text == turn.text
    assert set(before.line_ids) <= set(after.line_ids)


def test_the_offline_reader_answers_over_several_chats_with_the_line_of_one(store: Path) -> None:
    with Memories.open(store) as memories:
        answer = read_offline(View(memories, ["Bo", "Ines"], asked="2024-06-01"), "When is the operation?")
        assert answer.text == "28 May 2024"
        assert [(one.chat, one.turn.id) for one in answer.cited] == [("Ines", "D1:1")]
        assert show_sources(memories, answer.cited).startswith("# Ines\n[D1, 13 May 2024]\n1 Ines: The hospital")


def test_the_offline_reader_does_not_answer_what_never_came_up(store: Path) -> None:
    with Memories.open(store) as memories:
        answer = read_offline(View(memories, ["Bo", "Ines"]), "Which dentist repaired the broken windscreen?")
        assert (answer.text, answer.cited, answer.found, answer.is_known) == (NO_INFORMATION, (), (), False)


def test_only_what_is_meant_is_read(store: Path) -> None:
    with Memories.open(store) as memories:
        view = View(memories, ["Bo", "Ines"], speakers=["Bo"])
        assert {turn.speaker for turn in view.search("the ferry and the operation")} <= {"Bo"}
