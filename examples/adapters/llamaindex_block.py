"""LlamaIndex: a block that keeps what is said and finds it in another session, and a retriever. No key, no network.

pip install 'memoryqa[llamaindex]'
python examples/adapters/llamaindex_block.py
"""

from __future__ import annotations

import asyncio
import tempfile

from memoryqa import Memories
from memoryqa.errors import exit_without_extras

with exit_without_extras():
    from llama_index.core.base.llms.types import ChatMessage

    from memoryqa.adapters.llamaindex import MemoryBlock, MemoryRetriever


async def main(chats: Memories) -> None:
    block = MemoryBlock(source=chats, across_sessions=True)
    await block.aput([ChatMessage(role="user", content="My flat in Porto has a balcony.")], session_id="monday")
    question = ChatMessage(role="user", content="What does my flat in Porto have?")
    found = await block.aget([question], session_id="friday")
    print(found.splitlines()[-1])
    print([node.node.node_id for node in MemoryRetriever(chats).retrieve("What does the flat in Porto have?")])


with tempfile.TemporaryDirectory() as folder, Memories.open(folder) as folder_of_chats:
    asyncio.run(main(folder_of_chats))
