"""A LangGraph graph whose store is a memory: facts of a user, found again in another thread. No key, no network.

pip install 'memoryqa[langgraph]'
python examples/adapters/langgraph_store.py
"""

from __future__ import annotations

import tempfile
from typing import TypedDict

from memoryqa import Memories
from memoryqa.errors import exit_without_extras

with exit_without_extras():
    from langgraph.graph import START, StateGraph
    from langgraph.store.base import BaseStore

    from memoryqa.adapters.langgraph import MemoryStore


class State(TypedDict, total=False):
    question: str
    answer: str


def answer(state: State, *, store: BaseStore) -> State:
    """In place of a model: the best item, as it is."""
    found = store.search(("users", "ana"), query=state["question"])
    return {"answer": found[0].value["text"] if found else "It never came up."}


with tempfile.TemporaryDirectory() as folder, Memories.open(folder) as chats:
    store = MemoryStore(chats)
    store.put(("users", "ana"), "diet", {"text": "Ana eats no nuts."})
    store.put(("users", "ana"), "city", {"text": "Ana moved to Porto."})

    builder = StateGraph(State)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    graph = builder.compile(store=store)
    for question in ("May Ana eat nuts?", "What about the nuclear reactor?"):
        print(graph.invoke({"question": question})["answer"])
    print(store.list_namespaces())
