"""The memory in LangChain: a retriever of dated, cited lines, and a chat as history. LangGraph's store is beside it.

chats = Memories.open("chats")
history = MemoryChatHistory(chats, session_id="ana")        # the chat `ana`
documents = MemoryRetriever(source=chats).invoke("When did Ana move?")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from memoryqa.adapters import sources
from memoryqa.adapters.kept import call_text, data_of, message, role_of, text_of_parts
from memoryqa.adapters.sources import MIN_SCORE, Source
from memoryqa.errors import missing_extras_named
from memoryqa.memory import SEARCH_TOKENS
from memoryqa.turns import Turn

with missing_extras_named("memoryqa.adapters.langchain"):
    from langchain_core.callbacks import CallbackManagerForRetrieverRun
    from langchain_core.chat_history import BaseChatMessageHistory
    from langchain_core.documents import Document
    from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, messages_from_dict
    from langchain_core.retrievers import BaseRetriever

_ROLES = {"human": "user", "ai": "assistant", "system": "system"}  # what the speakers are called
_PLAIN: Mapping[str, type[BaseMessage]] = {
    "user": HumanMessage,
    "assistant": AIMessage,
    "system": SystemMessage,
    "human": HumanMessage,
    "ai": AIMessage,
}


class MemoryRetriever(BaseRetriever):
    """A document for each message that is found: its lines under their date. Together they fit in `budget_tokens`.

    Metadata: chat, id, speaker, time, score. source: an AdaptiveMemory, or Memories, of which `chats` names some.
    people, since, until (days, YYYY-MM-DD): only what these people said then.
    """

    source: Any
    budget_tokens: int = SEARCH_TOKENS
    min_score: float = MIN_SCORE
    chats: list[str] | None = None
    people: list[str] | None = None
    since: str | None = None
    until: str | None = None

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        only: Any = {"chats": self.chats, "people": self.people, "since": self.since, "until": self.until}
        found = sources.find(self.source, query, self.budget_tokens, min_score=self.min_score, **only)
        return [Document(page_content=one.text, metadata=one.metadata, id=one.id) for one in found.turns]


class MemoryChatHistory(BaseChatMessageHistory):
    """The messages of a session, which is a chat of `source`; an AdaptiveMemory is one session by itself.

    Messages come back as they went in. What others added to the chat is a human message with the name of who spoke.
    speakers: what to call those without a name, `{"human": "Ana"}`. `clear` forgets the whole chat, for good.
    """

    def __init__(self, source: Source, session_id: str, *, speakers: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.session_id = session_id
        self._memory = sources.session(source, session_id)
        self._speakers = dict(speakers or {})

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]
        self._memory.refresh()
        return [_message_of(turn) for turn in self._memory.turns()]

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        self._memory.extend([_kept(one, self._speakers) for one in messages])

    def clear(self) -> None:
        self._memory.forget(everything=True)


def _kept(one: BaseMessage, speakers: Mapping[str, str]) -> dict[str, Any]:
    declared, content = type(one).model_fields, one.content
    data = {
        name: value
        for name, value in one.model_dump().items()
        if name not in ("content", "type") and not (name in declared and value in (None, [], {}, False))
    }
    calls = getattr(one, "tool_calls", [])
    said = [text_of_parts(content), *(call_text(call["name"], call["args"]) for call in calls)]
    text = "\n".join(part for part in said if part)
    if text != content:
        data["content"] = content
    role = _ROLES.get(one.type, one.type)
    return message(
        text,
        role,
        name=one.name if one.name and one.name.strip() else speakers.get(one.type),
        data={"type": one.type, "data": data} if data or role == one.type != "system" else None,
        repeats_text=bool(calls) or "content" in data,
    )


def _message_of(turn: Turn) -> BaseMessage:
    data = data_of(turn)
    if isinstance(data, dict) and "type" in data:
        return messages_from_dict([{"type": data["type"], "data": {"content": turn.text, **data["data"]}}])[0]
    kind = _PLAIN.get(role_of(turn))
    return HumanMessage(turn.text, name=turn.speaker) if kind is None else kind(content=turn.text)
