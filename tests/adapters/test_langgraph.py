"""The store keeps what LangGraph's own store keeps, finds it by what it says, and a graph can use it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import num_examples

from memoryqa import AdaptiveMemory, Memories

pytest.importorskip("langgraph.store.base")

from langgraph.store.base import GetOp, InvalidNamespaceError, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore

from memoryqa.adapters.langgraph import MemoryStore

ANA, BO = ("users", "ana"), ("users", "bo")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Memories]:
    with Memories.open(tmp_path) as opened:
        yield opened


@pytest.fixture
def store(folder: Memories) -> MemoryStore:
    found = MemoryStore(folder)
    found.put(ANA, "city", {"text": "Ana moved to Porto.", "year": 2023, "place": {"country": "Portugal"}})
    found.put(ANA, "pet", {"text": "Ana has a cat called Tinto.", "year": 2021})
    found.put(BO, "music", {"text": "Bo's sister plays the oboe.", "year": 2022})
    return found


def keys(found: Any) -> list[str]:
    return [one.key for one in found]


def test_an_item_comes_back_with_its_times(store: MemoryStore) -> None:
    item = store.get(ANA, "city")
    assert item is not None
    assert item.value == {"text": "Ana moved to Porto.", "year": 2023, "place": {"country": "Portugal"}}
    assert (item.namespace, item.key) == (ANA, "city")
    store.put(ANA, "city", {"text": "Ana moved to Lisbon."})
    again = store.get(ANA, "city")
    assert again is not None
    assert again.value == {"text": "Ana moved to Lisbon."}
    assert again.created_at == item.created_at < again.updated_at
    assert store.get(ANA, "nothing") is None
    assert store.get(("nobody",), "city") is None


def test_a_query_finds_by_what_is_said_best_first(store: MemoryStore) -> None:
    found = store.search(("users",), query="Who plays the oboe?")
    assert (found[0].key, found[0].namespace) == ("music", BO)
    assert found[0].score is not None
    assert found[0].score > 0.3
    assert keys(store.search(ANA, query="Who plays the oboe?")) == []
    assert keys(store.search((), query="Where is Porto, in Portugal?", limit=1)) == ["city"]
    assert keys(store.search((), query="a nuclear reactor")) == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"year": 2023}, ["city"]),
        ({"year": {"$gt": 2021}}, ["city", "music"]),
        ({"year": {"$gte": 2021, "$lt": 2023}}, ["pet", "music"]),
        ({"year": {"$ne": 2021}}, ["city", "music"]),
        ({"place": {"country": "Portugal"}}, ["city"]),
        ({"year": {"$gt": "text"}}, []),
        ({"nothing": None}, ["city", "pet", "music"]),
    ],
)
def test_filters_compare_fields(store: MemoryStore, wanted: dict[str, Any], found: list[str]) -> None:
    assert keys(store.search(("users",), filter=wanted)) == found


def test_an_unknown_operator_is_refused(store: MemoryStore) -> None:
    with pytest.raises(ValueError, match="no operator"):
        store.search(ANA, filter={"year": {"$in": [1]}})


def test_what_is_replaced_or_deleted_is_forgotten(store: MemoryStore, folder: Memories, tmp_path: Path) -> None:
    store.put(ANA, "pet", {"text": "Ana has a dog."})
    store.delete(ANA, "city")
    store.delete(ANA, "nothing")
    store.delete(("nobody",), "nothing")
    assert keys(store.search(ANA)) == ["pet"]
    assert len(folder["users.ana"]) == 1
    assert not any(b"Tinto" in path.read_bytes() or b"Porto" in path.read_bytes() for path in tmp_path.iterdir())
    assert "nobody" not in folder


def test_index_says_what_is_searched(folder: Memories) -> None:
    store = MemoryStore(folder)
    store.put(("a",), "one", {"title": "the oboe", "body": "a cat"}, index=["title"])
    store.put(("a",), "two", {"title": "the oboe"}, index=False)
    store.put(("a",), "three", {"parts": [{"said": "the lawyer"}, {"said": "the tractor"}]}, index=["parts[*].said"])
    assert keys(store.search(("a",), query="oboe")) == ["one"]
    assert keys(store.search(("a",), query="cat")) == []
    assert keys(store.search(("a",), query="the tractor")) == ["three"]
    assert keys(store.search(("a",))) == ["one", "two", "three"]


def test_another_process_sees_it_and_a_time_to_live_is_refused(store: MemoryStore, tmp_path: Path) -> None:
    with Memories.open(tmp_path) as others:
        other = MemoryStore(others)
        other.put(("new",), "key", {"text": "The oven is broken."})
        assert keys(store.search(("new",))) == ["key"]
        assert keys(other.search(ANA)) == ["city", "pet"]
    with pytest.raises(NotImplementedError, match="TTL"):
        store.put(ANA, "city", {}, ttl=5)


def test_a_chat_that_is_no_namespace_is_left_alone(store: MemoryStore, folder: Memories) -> None:
    folder.create("talk").add("The oven is broken.", speaker="Kim")
    assert keys(store.search((), query="Is the oven broken?")) == []
    assert store.list_namespaces() == [ANA, BO]


def test_a_corrected_item_has_the_new_text(store: MemoryStore, folder: Memories) -> None:
    folder["users.ana"].correct("D1:1", "Ana moved to Faro.")
    item = store.get(ANA, "city")
    assert item is not None
    assert item.value == {"text": "Ana moved to Faro."}


def test_ops_are_checked_and_read_what_was_there_before_the_batch(store: MemoryStore) -> None:
    got, _, _, found = store.batch(
        [GetOp(ANA, "city"), PutOp(ANA, "city", None), PutOp(ANA, "new", {"text": "x"}), SearchOp(ANA)]
    )
    assert got is not None
    assert keys(found) == ["city", "pet"]
    assert keys(store.search(ANA)) == ["pet", "new"]
    with pytest.raises(InvalidNamespaceError):
        store.batch([GetOp(("users.ana",), "city")])
    with pytest.raises(InvalidNamespaceError):
        store.put((), "key", {})


def test_it_works_asynchronously(store: MemoryStore) -> None:
    async def main() -> list[str]:
        await asyncio.gather(*(store.aput(ANA, f"key {n}", {"n": n}) for n in range(5)))
        await store.adelete(ANA, "city")
        return sorted(keys(await store.asearch(ANA)))

    assert asyncio.run(main()) == ["key 0", "key 1", "key 2", "key 3", "key 4", "pet"]


# -- the same as LangGraph's own ---------------------------------------------------------------------------------------

labels = st.sampled_from(["a", "b", "ä", "a/b", " ", "A" * 150])
namespaces = st.lists(labels, min_size=1, max_size=3).map(tuple)
item_keys = st.sampled_from(["one", "two", "", "a b"]) | st.text(max_size=5)
values = st.dictionaries(
    st.text(max_size=5), st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=9), max_size=3
)
puts = st.lists(st.tuples(namespaces, item_keys, st.none() | values), max_size=8)
conditions = st.lists(
    st.tuples(
        st.sampled_from(["prefix", "suffix"]), st.lists(labels | st.just("*"), min_size=1, max_size=2).map(tuple)
    ),
    max_size=2,
)


class Held(Memories):
    """A folder that is not on a disk."""

    def create(self, name: str) -> AdaptiveMemory:
        if name not in self:
            self[name] = AdaptiveMemory()
        return self[name]


@settings(max_examples=num_examples(60))
@given(puts, conditions, st.none() | st.integers(1, 3))
def test_it_holds_what_the_store_in_memory_holds(
    given_puts: list[Any], given_conditions: list[Any], max_depth: int | None
) -> None:
    store, wanted = MemoryStore(Held()), InMemoryStore()
    for namespace, key, value in given_puts:
        for one in (store, wanted):
            if value is None:
                one.delete(namespace, key)
            else:
                one.put(namespace, key, value)
    for namespace, key, _ in given_puts:
        item, other = store.get(namespace, key), wanted.get(namespace, key)
        assert (item and item.value) == (other and other.value)
        found = {(one.namespace, one.key) for one in store.search(namespace[:1], limit=99)}
        assert found == {(one.namespace, one.key) for one in wanted.search(namespace[:1], limit=99)}
    how: dict[str, Any] = dict(given_conditions)
    held = {one.namespace for one in wanted.search((), limit=99)}
    for namespace in set(wanted.list_namespaces(limit=99)) - held:  # a namespace without items is none
        wanted._data.pop(namespace)
    assert store.list_namespaces(**how, max_depth=max_depth) == wanted.list_namespaces(**how, max_depth=max_depth)


def test_a_graph_remembers_across_threads(store: MemoryStore) -> None:
    graphs = pytest.importorskip("langgraph.graph")

    def answer(state: dict[str, str], *, store: Any) -> dict[str, str]:
        found = store.search(("users",), query=state["question"])
        return {"answer": found[0].value["text"] if found else "It never came up."}

    from langgraph.store.base import BaseStore
    from typing_extensions import TypedDict

    class State(TypedDict, total=False):
        question: str
        answer: str

    answer.__annotations__ = {"state": State, "store": BaseStore}
    builder = graphs.StateGraph(State)
    builder.add_node("answer", answer)
    builder.add_edge(graphs.START, "answer")
    graph = builder.compile(store=store)
    assert graph.invoke({"question": "Who plays the oboe?"})["answer"] == "Bo's sister plays the oboe."
    assert graph.invoke({"question": "a nuclear reactor"})["answer"] == "It never came up."
