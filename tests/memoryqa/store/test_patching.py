"""A memory that is corrected in place is, column by column, what one made anew of the same turns is."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from same_index import check_same_columns, check_same_working
from strategies import chats, conversations, dialogues, long_texts, num_examples, sentences, tagged, texts

from memoryqa.memory import AdaptiveMemory
from memoryqa.turns import Turn

said = st.one_of(
    st.deferred(lambda: st.sampled_from(SAYS)),
    sentences,
    texts,
    long_texts,
    st.sampled_from(
        ("", "?", "Did you see the otter?", "Wir haben das Haus nicht gesehen und sind gegangen.", "Thanks!")
    ),
    st.sampled_from(("Nós não fomos para a praia com ela.", "We rowed past the mill to the sea again.", "Very.")),
)
SAYS = (
    "We rowed past the mill to the sea again.",
    "Wir haben das Haus nicht gesehen und sind gegangen.",
    "Did you see the otter at the mill?",
    "Thanks!",
    "Very.",
    "Sure! " + "We rowed past the mill. " * 40,
)


@st.composite
def repeating(draw: st.DrawFn) -> list[Turn]:
    """Few texts, so that lines repeat each other; sessions that come back, last past midnight, or have no time."""
    turns, time, session = list[Turn](), datetime(2023, 5, 8, 22), 1
    for _ in range(draw(st.integers(3, 20))):
        if draw(st.integers(0, 4)) == 0:
            session = draw(st.sampled_from((session + 1, max(1, session - 1))))
        time += timedelta(hours=draw(st.sampled_from((0, 0, 1, 3))))
        number = 1 + max((turn.number for turn in turns if turn.session == session), default=0)
        speaker, text = draw(st.sampled_from(("Ines", "Bo", "ines", "user"))), draw(st.sampled_from(SAYS))
        turns.append(Turn(session, number, speaker, text, draw(st.sampled_from((time, time, None)))))
    return turns


histories_to_change = st.one_of(
    repeating(),
    tagged(dialogues(speakers=("Ines", "Bo", "Zoé"), max_sessions=6)),
    tagged(chats(max_turns=14)),
    tagged(conversations()),
)


def built(turns: list[Turn], memory_tokens: int) -> AdaptiveMemory:
    memory = AdaptiveMemory(memory_tokens)
    memory.extend(turns)
    return memory


@contextmanager
def opened(turns: list[Turn], memory_tokens: int, reopened: bool) -> Iterator[AdaptiveMemory]:
    """In no file, or one whose index and turns are read from its file."""
    if not reopened:
        yield built(turns, memory_tokens)
        return
    with tempfile.TemporaryDirectory() as folder:
        with AdaptiveMemory.open(Path(folder) / "a.db", memory_tokens=memory_tokens) as memory:
            memory.extend(turns)
            memory._keep_index((-1, 0.0))
        with AdaptiveMemory.open(Path(folder) / "a.db") as memory:
            yield memory


@pytest.mark.parametrize("reopened", [False, True])
def test_a_turn_in_the_middle_is_changed_in_place(reopened: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    said_by_two = [Turn(1 + n // 8, n, ("Ines", "Bo")[n % 2], f"Kite {n} is red.", None) for n in range(40)]
    with opened(said_by_two, 100, reopened) as memory:
        monkeypatch.setattr(AdaptiveMemory, "_take_over", None)
        said_by_two[20] = memory.correct(said_by_two[20].id, "Is kite 20 not red? " * 60)
        said_by_two[9] = memory.correct(said_by_two[9].id, "Kite 9 is blue.")
        for place in (39, 24, 16, 15):  # the last, the first of its session, two in a row
            assert memory.forget(said_by_two.pop(place).id) == 1
        monkeypatch.undo()
        check_same(memory, built(said_by_two, 100))


def change(memory: AdaptiveMemory, turns: list[Turn], data: st.DataObject) -> str:
    """Correct or forget one turn, in the memory and in the list."""
    place = data.draw(st.integers(0, len(turns) - 1))
    if data.draw(st.booleans()):
        turns[place] = memory.correct(turns[place].id, data.draw(said))
        return "correct"
    assert memory.forget(turns.pop(place).id) == 1
    return "forget"


def check_changes(turns: list[Turn], data: st.DataObject, reopened: bool) -> None:
    tokens = data.draw(st.sampled_from((20, 200, 20_000)))
    with opened(turns, tokens, reopened) as memory:
        if data.draw(st.booleans()):
            memory.stats()  # the working memory is brought up to date
        for _ in range(data.draw(st.integers(1, 4))):
            if not turns:
                break
            change(memory, turns, data)
            if data.draw(st.booleans()):
                check_same(memory, built(turns, tokens))
        check_same(memory, built(turns, tokens))


def check_same(memory: AdaptiveMemory, fresh: AdaptiveMemory) -> None:
    for session, (highest, _) in memory._forgotten.items():
        fresh._numbering.reserve(session, highest)
    check_same_columns(memory, fresh)
    check_same_working(memory, fresh)


@given(histories_to_change, st.data())
@settings(max_examples=num_examples(60), deadline=None)
def test_all_columns_are_those_of_a_memory_built_anew(turns: list[Turn], data: st.DataObject) -> None:
    check_changes(turns, data, reopened=False)


@pytest.mark.slow
@given(histories_to_change, st.data())
@settings(max_examples=60, deadline=None)
def test_all_columns_are_right_where_turns_are_read_from_the_file(turns: list[Turn], data: st.DataObject) -> None:
    check_changes(turns, data, reopened=True)
