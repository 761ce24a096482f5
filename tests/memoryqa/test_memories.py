from __future__ import annotations

import argparse
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from strategies import ids_in

from benchmarks.hops import search_in_hops
from harness.flags import add_flags, from_args
from locomo.dataset import SAMPLE_PATH, load
from memoryqa.config import CoverageConfig, MemoryConfig
from memoryqa.memories import Memories
from memoryqa.memory import AdaptiveMemory

CONVERSATIONS = {one.id: one.turns for one in load(SAMPLE_PATH).conversations}
QUESTIONS = {one.conversation_id: one.text for one in load(SAMPLE_PATH).questions}


@pytest.mark.slow
@pytest.mark.parametrize("memory_tokens", [600, 5_000, 20_000])
def test_no_conversation_takes_more_than_the_memory_tokens_of_the_config(memory_tokens: int) -> None:
    memories = Memories.of(CONVERSATIONS, MemoryConfig(memory_tokens=memory_tokens))
    assert list(memories) == list(CONVERSATIONS)
    assert max(memory.tokens for memory in memories.values()) <= memory_tokens


@pytest.mark.slow
def test_recovery_is_on_by_default_and_a_flag() -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser, MemoryConfig, "the memory")
    assert from_args(MemoryConfig, parser.parse_args([])).recovery is True
    off = from_args(MemoryConfig, parser.parse_args(["--recovery", "off"]))
    assert off.recovery is False
    assert {memory.recovery for memory in Memories.of(CONVERSATIONS, off).values()} == {False}
    with pytest.raises(ValueError, match="recovery must be True or False, got 'maybe'"):
        MemoryConfig(recovery="maybe")


@pytest.mark.slow
def test_what_stays_is_a_flag_and_its_weights_are_the_configs() -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser, MemoryConfig, "the memory")
    by_recency = from_args(MemoryConfig, parser.parse_args(["--compaction", "recency", "--memory-tokens", "300"]))
    with pytest.raises(ValueError, match="compaction must be coverage or recency, got 'age'"):
        MemoryConfig(compaction="age")
    with pytest.raises(ValueError, match="compaction must be coverage or recency, got 'age'"):
        AdaptiveMemory(compaction="age")
    shipped = replace(by_recency, compaction="coverage")
    weighed = replace(shipped, coverage=CoverageConfig(probe_worth=0.0, question_share=0.0))
    texts = {
        tuple(memory.render() for memory in Memories.of(CONVERSATIONS, config).values())
        for config in (by_recency, shipped, weighed)
    }
    assert len(texts) == 3


@pytest.mark.slow
@pytest.mark.parametrize("max_hops", [1, 2, 3])
def test_the_program_with_recovery_off_reads_only_what_is_held_and_with_it_on_more(max_hops: int) -> None:
    found: dict[bool, set[str]] = {}
    for recovery in (False, True):
        memories = Memories.of(CONVERSATIONS, MemoryConfig(memory_tokens=1_500, recovery=recovery))
        found[recovery] = set()
        for conversation_id, memory in memories.items():
            queries = [turn.text for turn in CONVERSATIONS[conversation_id][:6]]
            ids = search_in_hops(memory, QUESTIONS[conversation_id], queries, 1_000, max_hops)
            found[recovery] |= {f"{conversation_id} {one}" for one in set(ids) - set(ids_in(memory.render()))}
    assert not found[False]
    assert found[True]


@pytest.mark.parametrize("is_there", [False, True])
def test_threads_that_open_a_chat_at_once_get_the_same_memory(is_there: bool, tmp_path: Path) -> None:
    if is_there:
        with Memories.open(tmp_path) as memories:
            memories.create("work").add("The kettle is new.", speaker="Ana")
    with Memories.open(tmp_path) as memories:
        barrier, found = threading.Barrier(8), []

        def add() -> None:
            barrier.wait()
            memory = memories["work"] if is_there else memories.create("work")
            memory.add("The kettle is old.", speaker="Ana")
            found.append(memory)

        threads = [threading.Thread(target=add) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({id(memory) for memory in found}) == 1
        assert len(memories["work"]) == 8 + is_there
        assert memories.open_count == 1
