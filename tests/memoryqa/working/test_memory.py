"""The working memory is brought up to date when it is read, to what it would be were it read after every turn."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import chats, conversations, dialogues

from memoryqa.memory import AdaptiveMemory, adaptive
from memoryqa.turns import Turn
from memoryqa.working.coverage import CoverageChain
from memoryqa.working.memory import WorkingMemory

LONG = "We rowed past the mill. " * 30 + "\n\n- otters\n- swans\n\n" + "Then it rained on Tuesday. " * 20
talks = st.one_of(conversations(max_turns=40), dialogues(), chats())


def turns(num_turns: int) -> list[Turn]:
    texts = ("We saw {0} otters.", "Thanks! Two of them.", LONG + "{0}", "How nice! And in May {0}?")
    return [Turn(1, n, ("Ines", "Bo")[n % 2], texts[n % 4].format(n)) for n in range(1, num_turns + 1)]


def held(memory: AdaptiveMemory) -> tuple[object, ...]:
    return memory.render(), memory.tokens, memory.stats(), list(memory.archived()), memory.losses(), repr(memory)


def check_same_after(conversation: list[Turn], reads: list[bool], memory_tokens: int, compaction: str) -> None:
    always, seldom = (AdaptiveMemory(memory_tokens, compaction=compaction) for _ in range(2))
    for turn, is_read in zip(conversation, reads, strict=True):
        for memory in (always, seldom):
            memory.add(turn)
        read = held(always)
        if is_read:
            assert held(seldom) == read
    assert held(seldom) == held(always)
    one, other = (vars(memory._working._best) for memory in (always, seldom)) if always._working._best else ({}, {})
    for name in one.keys() - {"_lines"}:
        assert one[name] == other[name], name


@pytest.mark.slow
@given(talks, st.sampled_from((20, 60, 300)), st.sampled_from(("coverage", "recency")), st.data())
@settings(max_examples=60)
def test_it_is_the_same_however_seldom_it_is_read(
    conversation: list[Turn], memory_tokens: int, compaction: str, data: st.DataObject
) -> None:
    reads = data.draw(st.lists(st.booleans(), min_size=len(conversation), max_size=len(conversation)))
    check_same_after(conversation, reads, memory_tokens, compaction)


@pytest.mark.slow
@pytest.mark.parametrize("compaction", ["coverage", "recency"])
@pytest.mark.parametrize("memory_tokens", [60, 1000, 3000])
@pytest.mark.parametrize("every", [1000, 37, 8])
def test_a_long_talk_is_the_same_however_seldom_it_is_read(compaction: str, memory_tokens: int, every: int) -> None:
    conversation = turns(40)
    reads = [number % every == 0 for number in range(1, len(conversation) + 1)]
    check_same_after(conversation, reads, memory_tokens, compaction)


def test_adding_and_searching_do_not_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise AssertionError("it is brought up to date")

    memory = AdaptiveMemory(300)
    with monkeypatch.context() as patch:
        patch.setattr(WorkingMemory, "update", refuse)
        memory.extend(turns(40))
        assert memory.search("How many otters?", 100)
        with pytest.raises(AssertionError, match="up to date"):
            memory.search("How many otters?", 100, scope="working")
    assert memory.render()


def test_lines_are_ranked_once_for_many_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    ranked = []
    rank = CoverageChain.rank
    monkeypatch.setattr(CoverageChain, "rank", lambda chain: (ranked.append(chain), rank(chain))[1])
    memory = AdaptiveMemory(300)
    memory.extend(turns(200))
    assert memory.tokens <= 300
    assert len(ranked) == 1


def test_an_update_that_was_interrupted_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, other = AdaptiveMemory(300), AdaptiveMemory(300)
    for one in (memory, other):
        one.extend(turns(30))
    other.render()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for number, name in enumerate(("_note_to_shorten", "_hold", "_release")):
        for one in (memory, other):
            one.add(f"Zoé Quint saw {number}77 swans in Porto in June 198{number}.", speaker="Ines")
        with monkeypatch.context() as patch:
            patch.setattr(WorkingMemory, name, interrupt)
            with pytest.raises(KeyboardInterrupt):
                memory.render()
        assert held(memory) == held(other)


def test_what_is_kept_while_turns_are_added_is_brought_up_to_date_when_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adaptive, "WHILE_ADDING", (0, 0.0))
    expected = AdaptiveMemory(300)
    for count in (10, 40):
        with AdaptiveMemory.open(tmp_path / "a.db", memory_tokens=300) as memory:
            with monkeypatch.context() as patch:
                patch.setattr(WorkingMemory, "update", lambda _: pytest.fail("it is brought up to date"))
                for turn in turns(count)[len(expected) :]:
                    memory.add(turn)
                    expected.add(turn)
            memory._archive.close()  # type: ignore[union-attr]  # as a process that is killed leaves it
        with AdaptiveMemory.open(tmp_path / "a.db") as memory:
            assert held(memory) == held(expected)
