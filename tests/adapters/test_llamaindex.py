"""LlamaIndex's query engines use the retriever, its Memory the block."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from memoryqa import AdaptiveMemory, Memories

pytest.importorskip("llama_index.core")

from llama_index.core.base.llms.types import ChatMessage, TextBlock, ToolCallBlock
from llama_index.core.llms import MockLLM
from llama_index.core.memory import Memory
from llama_index.core.query_engine import RetrieverQueryEngine

from memoryqa.adapters.llamaindex import MemoryBlock, MemoryRetriever

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def what_llamaindex_left_open() -> Iterator[None]:
    """Its Memory leaves a connection to its own database; that warning is part of the test, whose marks ignore it."""
    yield
    gc.collect()


@pytest.fixture
def memory() -> AdaptiveMemory:
    found = AdaptiveMemory()
    found.add("I moved to Porto last Saturday!", speaker="Ana", time="2023-05-25")
    found.add("My sister Lena plays the oboe in an orchestra.", speaker="Bo", time="2023-07-02")
    return found


def test_nodes_are_dated_cited_and_scored(memory: AdaptiveMemory) -> None:
    (found,) = MemoryRetriever(memory).retrieve("When did Ana move to Porto?")
    assert found.node.get_content() == "[D1, 25 May 2023]\n1 Ana: I moved to Porto last Saturday (= 20 May 2023)!"
    assert found.node.node_id == "D1:1"
    assert found.score is not None
    assert found.score > 0.5
    metadata = {name: value for name, value in found.node.metadata.items() if name != "score"}
    assert metadata == {"id": "D1:1", "speaker": "Ana", "time": "2023-05-25T00:00:00"}


def test_a_retriever_is_narrowed_and_works_asynchronously(memory: AdaptiveMemory) -> None:
    assert MemoryRetriever(memory).retrieve("What about the nuclear reactor?") == []
    assert MemoryRetriever(memory, people=["Bo"]).retrieve("When did Ana move to Porto?") == []
    found = asyncio.run(MemoryRetriever(memory, since="2023-06-01").aretrieve("Who plays the oboe?"))
    assert [one.node.node_id for one in found] == ["D2:1"]


def test_a_query_engine_answers_from_it(memory: AdaptiveMemory) -> None:
    engine = RetrieverQueryEngine.from_args(MemoryRetriever(memory), llm=MockLLM())
    answered = engine.query("Who plays the oboe?")
    assert "Bo: My sister Lena plays the oboe" in str(answered)  # the mock repeats its prompt
    assert [one.node.node_id for one in answered.source_nodes] == ["D2:1"]


def test_a_block_keeps_what_leaves_the_short_term_memory_and_finds_it(tmp_path: Path) -> None:
    async def main(chats: Memories) -> tuple[Any, Any]:
        block = MemoryBlock(source=chats)
        memory = Memory.from_defaults(
            session_id="ana", token_limit=60, chat_history_token_ratio=0.5, token_flush_size=20, memory_blocks=[block]
        )
        await memory.aput(ChatMessage(role="user", content="I moved to Porto last Saturday, to a flat with a balcony!"))
        for number in range(6):
            await memory.aput(ChatMessage(role="assistant", content=f"Noted as number {number}, go on."))
            await memory.aput(ChatMessage(role="user", content=f"The shelf number {number} is up."))
        found = await memory.aget(input="Where did I move to, Porto?")
        other = await block.aget([ChatMessage(role="user", content="Who moved to Porto?")], session_id="bo")
        return found, other

    with Memories.open(tmp_path) as chats:
        found, other = asyncio.run(main(chats))
        assert any("user: I moved to Porto" in (one.content or "") for one in found)
        assert chats["ana"].turns()[0].text == "I moved to Porto last Saturday, to a flat with a balcony!"
    assert other == ""


def test_a_block_reads_calls_of_tools_and_may_search_all_sessions(tmp_path: Path) -> None:
    said = ChatMessage(
        role="assistant",
        blocks=[
            TextBlock(text="I look."),
            ToolCallBlock(tool_name="find", tool_kwargs={"city": "Porto"}, tool_call_id="1"),
        ],
    )

    async def main(chats: Memories) -> list[str]:
        await MemoryBlock(source=chats).aput([said], session_id="ana")
        question = [ChatMessage(role="user", content="Which tool found the city Porto?")]
        wide = MemoryBlock(source=chats, across_sessions=True, min_score=0)
        return [await wide.aget(question, session_id="bo"), await wide.aget([], session_id="bo")]

    with Memories.open(tmp_path) as chats:
        found, nothing = asyncio.run(main(chats))
        assert chats["ana"].turns()[0].text == 'I look.\nfind({"city": "Porto"})'
    assert found.startswith("# ana\n")
    assert nothing == ""
