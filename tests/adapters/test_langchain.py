"""LangChain's own classes use the retriever and the history; messages come back as they went in."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryqa import AdaptiveMemory, Memories

pytest.importorskip("langchain_core")

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables.history import RunnableWithMessageHistory

from memoryqa.adapters.langchain import MemoryChatHistory, MemoryRetriever


@pytest.fixture
def memory() -> AdaptiveMemory:
    found = AdaptiveMemory()
    found.add("I moved to Porto last Saturday!", speaker="Ana", time="2023-05-25")
    found.add("My sister Lena plays the oboe in an orchestra.", speaker="Bo", time="2023-07-02")
    return found


# -- the retriever -----------------------------------------------------------------------------------------------------


def test_documents_are_dated_cited_and_scored(memory: AdaptiveMemory) -> None:
    (found,) = MemoryRetriever(source=memory).invoke("When did Ana move to Porto?")
    assert found.page_content == "[D1, 25 May 2023]\n1 Ana: I moved to Porto last Saturday (= 20 May 2023)!"
    assert found.id == "D1:1"
    assert found.metadata.pop("score") > 0.5
    assert found.metadata == {"id": "D1:1", "speaker": "Ana", "time": "2023-05-25T00:00:00"}


def test_a_retriever_is_narrowed_and_finds_nothing_where_nothing_was_said(memory: AdaptiveMemory) -> None:
    assert MemoryRetriever(source=memory).invoke("What about the nuclear reactor?") == []
    assert MemoryRetriever(source=memory, people=["Bo"]).invoke("When did Ana move to Porto?") == []
    assert MemoryRetriever(source=memory, until="2023-06-01").invoke("Who plays the oboe?") == []
    assert len(MemoryRetriever(source=memory, min_score=0).invoke("When did Ana move to Porto?")) == 2


def test_the_chats_of_a_folder_are_searched_best_first(tmp_path: Path) -> None:
    with Memories.open(tmp_path) as chats:
        chats.create("ana").add("The old oven is fine.", speaker="Ana", time="2023-05-25")
        chats.create("work").add("The oven in the kitchen is broken.", speaker="Kim", time="2024-01-01")
        found = MemoryRetriever(source=chats, min_score=0).invoke("Is the oven in the kitchen broken?")
        assert [(one.id, one.metadata["chat"]) for one in found] == [("work/D1:1", "work"), ("ana/D1:1", "ana")]
        assert found[0].metadata["score"] > found[1].metadata["score"]
        assert MemoryRetriever(source=chats, chats=["ana"]).invoke("Is the kitchen broken?") == []


def test_a_retriever_works_asynchronously_and_in_a_chain(memory: AdaptiveMemory) -> None:
    retriever = MemoryRetriever(source=memory)
    assert asyncio.run(retriever.ainvoke("Who plays the oboe?"))[0].id == "D2:1"
    prompt = ChatPromptTemplate.from_template("{lines}\n\n{question}")
    shown = {"lines": retriever | (lambda found: found[0].page_content), "question": lambda question: question}
    chain = shown | prompt | FakeListChatModel(responses=["Lena [D2:1]"])
    assert chain.invoke("Who plays the oboe?").content == "Lena [D2:1]"


def test_what_is_no_memory_is_refused(memory: AdaptiveMemory) -> None:
    with pytest.raises(TypeError, match="give an AdaptiveMemory or Memories"):
        MemoryRetriever(source="chats").invoke("Who?")


# -- the history -------------------------------------------------------------------------------------------------------

scalars = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=8)
objects = st.dictionaries(st.text(max_size=8), scalars | st.lists(scalars, max_size=2), max_size=3)
texts = st.text(max_size=30)
parts = st.lists(
    st.builds(lambda text: {"type": "text", "text": text}, texts)
    | st.just({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}})
    | texts,
    max_size=3,
)
calls = st.lists(
    st.builds(
        lambda name, args, id: {"name": name, "args": args, "id": id, "type": "tool_call"}, texts, objects, texts
    ),
    max_size=2,
)
contents = texts | parts
names = st.none() | texts
ids = st.none() | texts
messages: st.SearchStrategy[BaseMessage] = st.one_of(
    st.builds(HumanMessage, content=contents, name=names, id=ids, additional_kwargs=objects),
    st.builds(SystemMessage, content=contents, name=names),
    st.builds(AIMessage, content=contents, name=names, id=ids, tool_calls=calls, response_metadata=objects),
    st.builds(
        ToolMessage, content=contents, tool_call_id=texts, name=names, status=st.sampled_from(["success", "error"])
    ),
    st.builds(FunctionMessage, content=texts, name=texts),
    st.builds(ChatMessage, content=texts, role=texts),
)


@given(st.lists(messages, max_size=6), st.dictionaries(st.sampled_from(["human", "ai"]), st.text(min_size=1)))
def test_messages_come_back_as_they_went_in(given_messages: list[BaseMessage], speakers: dict[str, str]) -> None:
    history = MemoryChatHistory(AdaptiveMemory(), "a", speakers=speakers)
    history.add_messages(given_messages)
    assert history.messages == given_messages


def test_a_session_is_a_chat_that_lives_in_a_file(tmp_path: Path) -> None:
    said = [
        HumanMessage("Where did I move to?", name="Ana"),
        AIMessage("", tool_calls=[{"name": "search", "args": {"question": "Where?"}, "id": "c1", "type": "tool_call"}]),
        ToolMessage("1 Ana: I moved to Porto!", tool_call_id="c1", name="search"),
        AIMessage("To Porto.", usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}),
    ]
    with Memories.open(tmp_path) as chats:
        MemoryChatHistory(chats, "thread/1").add_messages(said)
        MemoryChatHistory(chats, "other").add_user_message("Hello!")
        assert chats["thread(2f)1"].search("Who moved to Porto?").text.count("Porto") == 2
    with Memories.open(tmp_path) as chats:
        assert MemoryChatHistory(chats, "thread/1").messages == said
        lines = [(turn.speaker, turn.text) for turn in chats["thread(2f)1"].turns()]
    assert lines == [
        ("Ana", "Where did I move to?"),
        ("assistant", 'search({"question": "Where?"})'),
        ("search", "1 Ana: I moved to Porto!"),
        ("assistant", "To Porto."),
    ]


def test_clear_forgets_and_a_correction_is_seen(tmp_path: Path) -> None:
    with Memories.open(tmp_path) as chats:
        history = MemoryChatHistory(chats, "a", speakers={"human": "Ana"})
        history.add_messages(
            [HumanMessage([{"type": "text", "text": "The safe opens with 48213."}]), AIMessage("Noted.")]
        )
        chats["a"].correct("D1:1", "Never mind.", keep_revision=False)
        assert history.messages == [HumanMessage("Never mind."), AIMessage("Noted.")]
        asyncio.run(history.aclear())
        assert asyncio.run(history.aget_messages()) == []
    assert not any(b"48213" in path.read_bytes() or b"Noted" in path.read_bytes() for path in tmp_path.iterdir())


def test_what_others_said_in_the_chat_is_a_human_message_with_a_name(memory: AdaptiveMemory) -> None:
    memory.add({"role": "assistant", "content": "Congratulations!"})
    last = MemoryChatHistory(memory, "a").messages[1:]
    assert last == [
        HumanMessage("My sister Lena plays the oboe in an orchestra.", name="Bo"),
        AIMessage("Congratulations!"),
    ]


@pytest.mark.filterwarnings("ignore")
def test_langchain_keeps_a_conversation_in_it(tmp_path: Path) -> None:
    with Memories.open(tmp_path) as chats:
        prompt = ChatPromptTemplate.from_messages([MessagesPlaceholder("history"), ("human", "{question}")])
        seen: list[Any] = []

        def session(session_id: str) -> BaseChatMessageHistory:
            return MemoryChatHistory(chats, session_id)

        def noted(value: Any) -> Any:
            seen.append(value.to_messages())
            return value

        chain = RunnableWithMessageHistory(
            prompt | noted | FakeListChatModel(responses=["Congratulations!", "To Porto."]),
            session,
            input_messages_key="question",
            history_messages_key="history",
        )
        config: Any = {"configurable": {"session_id": "ana"}}
        chain.invoke({"question": "I moved to Porto!"}, config)
        chain.invoke({"question": "Where did I move to?"}, config)
        assert [one.content for one in seen[1]] == ["I moved to Porto!", "Congratulations!", "Where did I move to?"]
        assert len(chats["ana"]) == 4
