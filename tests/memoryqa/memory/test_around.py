from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryqa import AdaptiveMemory

LONG = " ".join(f"Step {number} takes a cup of flour and a spoon of salt." for number in range(60))


def kitchen() -> AdaptiveMemory:
    memory = AdaptiveMemory(300)
    for number in range(20):
        text = LONG if number % 5 == 2 else "" if number % 7 == 3 else f"I put jar {number} on the shelf."
        memory.add(text, speaker=("Ana", "Bo")[number % 2], time=f"2023-05-{1 + number:02d}")
    return memory


KITCHEN = kitchen()


@given(at=st.integers(0, 19), num_turns=st.integers(0, 25))
def test_it_holds_the_turns_before_and_after_whole_and_in_order(at: int, num_turns: int) -> None:
    turns = KITCHEN.turns()
    found = KITCHEN.around(turns[at].id, num_turns)
    wanted = [turn for turn in turns[max(0, at - num_turns) : at + num_turns + 1] if turn.text]
    assert list(found) == wanted
    assert all(turn.text in found.text for turn in wanted if turn.text != LONG)
    assert found.text.count("takes a cup of flour") == sum(60 for turn in wanted if turn.text == LONG)


def test_a_passage_gives_its_whole_turn() -> None:
    long = KITCHEN.turns()[2]
    assert KITCHEN.around(f"mem:{long.id}/2", 0).ids == (long.id,)
    assert KITCHEN.around(f"{long.id}/2", 0).text == KITCHEN.around(long.id, 0).text


def test_what_is_no_number_of_turns_is_named() -> None:
    with pytest.raises(ValueError, match="num_turns must be at least 0, got -1"):
        KITCHEN.around("D1:1", -1)
    with pytest.raises(KeyError, match="no turn"):
        KITCHEN.around("D99:1")
