"""The memory in LlamaIndex: a retriever of dated, cited lines, and a block of its Memory.

memory = Memory.from_defaults(session_id="ana", memory_blocks=[MemoryBlock(source=chats)])
nodes = MemoryRetriever(chats).retrieve("When did Ana move?")
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from memoryqa.adapters import sources
from memoryqa.adapters.kept import call_text, message
from memoryqa.adapters.sources import MIN_SCORE, Source
from memoryqa.errors import missing_extras_named
from memoryqa.memory import SEARCH_TOKENS, AdaptiveMemory

with missing_extras_named("memoryqa.adapters.llamaindex"):
    from llama_index.core.base.llms.types import ChatMessage, TextBlock, ToolCallBlock
    from llama_index.core.memory import BaseMemoryBlock
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

_SESSION = "session_id"  # under which LlamaIndex tells a block whose messages it is given
_DEFAULT_SESSION = "default"


class MemoryRetriever(BaseRetriever):
    """A node for each message that is found: its lines under their date. Together they fit in `budget_tokens`.

    Metadata: chat, id, speaker, time, score. source: an AdaptiveMemory, or Memories, of which `chats` names some.
    people, since, until (days, YYYY-MM-DD): only what these people said then.
    """

    def __init__(
        self,
        source: Source,
        *,
        budget_tokens: int = SEARCH_TOKENS,
        min_score: float = MIN_SCORE,
        chats: Sequence[str] | None = None,
        people: Sequence[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        **other: Any,
    ) -> None:
        super().__init__(**other)
        self._source, self._budget_tokens = source, budget_tokens
        self._only: Any = {"chats": chats, "people": people, "since": since, "until": until, "min_score": min_score}

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = sources.find(self._source, query_bundle.query_str, self._budget_tokens, **self._only)
        return [
            NodeWithScore(node=TextNode(text=one.text, id_=one.id, metadata=one.metadata), score=one.score)
            for one in found.turns
        ]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


class MemoryBlock(BaseMemoryBlock[str]):
    """Keeps what leaves the short-term memory, word for word, and gives the lines that answer the last user's message.

    source: an AdaptiveMemory, or Memories, in which a session is a chat. across_sessions: search all chats of the
    folder, not only that of the session.
    """

    name: str = "conversation_memory"
    source: Any
    budget_tokens: int = SEARCH_TOKENS
    min_score: float = MIN_SCORE
    across_sessions: bool = False

    async def _aget(self, messages: list[ChatMessage] | None = None, **block_kwargs: Any) -> str:
        question = next((text for one in reversed(messages or []) if one.role == "user" and (text := _said(one))), "")
        if not question.strip():
            return ""
        return await asyncio.to_thread(self._lines, question, block_kwargs.get(_SESSION))

    async def _aput(self, messages: list[ChatMessage]) -> None:
        by_session: dict[str | None, list[ChatMessage]] = {}
        for one in messages:
            by_session.setdefault(one.additional_kwargs.pop(_SESSION, None), []).append(one)
        for session_id, said in by_session.items():
            turns = [message(text, one.role.value) for one in said if (text := _said(one))]
            await asyncio.to_thread(self._session(session_id).extend, turns)

    def _lines(self, question: str, session_id: str | None) -> str:
        source = self.source if self.across_sessions else self._session(session_id)
        found = sources.find(source, question, self.budget_tokens, min_score=self.min_score)
        return found.text if found.turns else ""

    def _session(self, session_id: str | None) -> AdaptiveMemory:
        return sources.session(self.source, session_id or _DEFAULT_SESSION)


def _said(one: ChatMessage) -> str:
    texts = [block.text for block in one.blocks if isinstance(block, TextBlock)]
    calls = [call_text(block.tool_name, block.tool_kwargs) for block in one.blocks if isinstance(block, ToolCallBlock)]
    return "\n".join(text for text in [*texts, *calls] if text)
