"""The memory as LangGraph's store: items by namespace and key, found again by what they say, without any embedding.

with Memories.open("store") as folder:
    graph = builder.compile(store=MemoryStore(folder))
"""

from __future__ import annotations

import asyncio
import operator
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from memoryqa.adapters.chat_names import chat_name, name_behind
from memoryqa.adapters.kept import data_of, kept, message, tag
from memoryqa.adapters.sources import MIN_SCORE
from memoryqa.errors import missing_extras_named
from memoryqa.memories import Memories
from memoryqa.memory import AdaptiveMemory
from memoryqa.turns import Turn

with missing_extras_named("memoryqa.adapters.langgraph"):
    from langgraph.store.base import (
        BaseStore,
        GetOp,
        Item,
        ListNamespacesOp,
        MatchCondition,
        Op,
        PutOp,
        Result,
        SearchItem,
        SearchOp,
        validate_op_namespace,
    )
    from langgraph.store.base.embed import get_text_at_path

Namespace = tuple[str, ...]

_KEY, _NAMESPACE = "key", "namespace"
_SEARCHED_TOKENS = 200_000  # of lines, in each namespace: more than any limit asks for
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$eq": operator.eq,
    "$ne": operator.ne,
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


class MemoryStore(BaseStore):
    """Items in a folder of chats: a namespace is a chat, an item a message that says its value's fields.

    `search` with a query ranks by words, best first, and leaves out what scores less than `min_score`; without one it
    lists the items in the order in which they were put. `index` names the fields that are searched; False none. A value
    is what JSON makes of it. What is replaced or deleted is forgotten, for good, which takes as long as adding the rest
    of its namespace anew. Items have no time to live.
    """

    def __init__(self, folder: Memories, *, min_score: float = MIN_SCORE) -> None:
        self._folder, self._min_score = folder, min_score
        self._lock = threading.Lock()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """The results, in order. Reads see what was there before the batch. The last put of a key counts."""
        ops = list(ops)
        for op in ops:
            validate_op_namespace(op)
        with self._lock:
            self._folder.find()
            results = [self._read(op) for op in ops]
            self._put({(op.namespace, op.key): op for op in ops if isinstance(op, PutOp)}.values())
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        return await asyncio.to_thread(self.batch, list(ops))

    def _read(self, op: Op) -> Result:
        if isinstance(op, GetOp):
            return self._items(op.namespace).get(op.key)
        if isinstance(op, SearchOp):
            return _page(self._found(op), op)
        if isinstance(op, ListNamespacesOp):
            known = [one for one in self._namespaces(()) if self._items(one)]
            meant = [one for one in known if all(_matches(condition, one) for condition in op.match_conditions or ())]
            return _page(sorted({one[: op.max_depth] for one in meant}), op)
        return None

    # -- reading -------------------------------------------------------------------------------------------------------

    def _memory(self, namespace: Namespace) -> AdaptiveMemory | None:
        name = chat_name(".".join(namespace))
        if name not in self._folder:
            return None
        memory = self._folder[name]
        memory.refresh()
        return memory

    def _namespaces(self, prefix: Namespace) -> Iterator[Namespace]:
        for name in sorted(self._folder):
            whole = name_behind(name)
            if whole is None:
                whole = next((one for turn in self._folder[name].turns() if (one := kept(turn, _NAMESPACE))), "")
            namespace = tuple(whole.split("."))
            if whole and namespace[: len(prefix)] == prefix:
                yield namespace

    def _items(self, namespace: Namespace) -> dict[str, Item]:
        memory = self._memory(namespace)
        return {} if memory is None else {key: _item(namespace, key, turn) for key, turn in _turns(memory).items()}

    def _found(self, op: SearchOp) -> list[SearchItem]:
        items = [
            one for namespace in self._namespaces(op.namespace_prefix) for one in self._scored(namespace, op.query)
        ]
        meant = [
            one for one in items if all(_fits(one.value.get(name), want) for name, want in (op.filter or {}).items())
        ]
        return sorted(meant, key=lambda one: -(one.score or 0.0)) if op.query else meant

    def _scored(self, namespace: Namespace, query: str | None) -> Iterator[SearchItem]:
        memory = self._memory(namespace)
        if memory is None:
            return
        keys = {turn.id: key for key, turn in _turns(memory).items()}
        if query:
            found = memory.search(query, _SEARCHED_TOKENS, min_score=self._min_score)
            scored: Iterable[tuple[Turn, float | None]] = zip(found.turns, found.scores, strict=True)
        else:
            scored = ((turn, None) for turn in memory.turns())
        for turn, score in scored:
            if turn.id in keys:
                item = _item(namespace, keys[turn.id], turn)
                yield SearchItem(namespace, item.key, item.value, item.created_at, item.updated_at, score)

    # -- writing -------------------------------------------------------------------------------------------------------

    def _put(self, ops: Iterable[PutOp]) -> None:
        by_namespace: dict[Namespace, list[PutOp]] = {}
        for op in ops:
            by_namespace.setdefault(op.namespace, []).append(op)
        for namespace, puts in by_namespace.items():
            memory = self._memory(namespace)
            if memory is None and any(op.value is not None for op in puts):
                memory = self._folder.create(chat_name(".".join(namespace)))
            if memory is not None:
                self._put_into(memory, puts)

    @staticmethod
    def _put_into(memory: AdaptiveMemory, puts: list[PutOp]) -> None:
        """The new is added before the old is forgotten, so that an end in between loses nothing."""
        keys, had = {op.key for op in puts}, _turns(memory)
        gone = [turn.id for turn in memory.turns() if kept(turn, _KEY) in keys]
        last = max((turn.session for turn in memory.turns()), default=0)  # each in one of its own: items are no talk
        new = [_message(op, had.get(op.key)) for op in puts if op.value is not None]
        memory.extend([one | {"session": session} for session, one in enumerate(new, start=last + 1)])
        if gone:
            memory.forget(gone)


def _turns(memory: AdaptiveMemory) -> dict[str, Turn]:
    """The turn of each key: the last one, where an earlier one has not been forgotten yet."""
    found: dict[str, Turn] = {}
    for turn in memory.turns():
        if (key := kept(turn, _KEY)) is not None:
            found.pop(key, None)
            found[key] = turn
    return found


def _item(namespace: Namespace, key: str, turn: Turn) -> Item:
    updated = turn.time or datetime.fromtimestamp(0, UTC)
    value, created = data_of(turn) or [{"text": turn.text}, None]
    created_at = updated if created is None else datetime.fromisoformat(created)
    return Item(value=value, key=key, namespace=namespace, created_at=created_at, updated_at=updated)


def _message(op: PutOp, before: Turn | None) -> dict[str, Any]:
    now = datetime.now(UTC)
    created = now if before is None else _item(op.namespace, op.key, before).created_at
    tags = (tag(_KEY, op.key), tag(_NAMESPACE, ".".join(op.namespace)))
    value = dict(op.value or {})
    return message(_text(value, op.index), "store", data=[value, created.isoformat()], tags=tags, time=now)


def _text(value: Mapping[str, Any], index: object) -> str:
    """What an item says: its fields, or those that `index` names."""
    if isinstance(index, list):
        return "\n".join(text for path in index for text in get_text_at_path(value, path))
    return "" if index is False else "\n".join(_said(value, ""))


def _said(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _said(one, f"{path} {name}".strip())
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _said(one, path)
    elif value is not None:
        yield f"{path}: {value}"


def _fits(value: Any, wanted: Any) -> bool:
    """Whether a field is as the filter says: equal, within what is nested, or as its operators compare."""
    if not isinstance(wanted, Mapping):
        return bool(value == (list(wanted) if isinstance(wanted, tuple) else wanted))
    if any(name.startswith("$") for name in wanted):
        return all(_compares(value, name, one) for name, one in wanted.items())
    return isinstance(value, Mapping) and all(_fits(value.get(name), one) for name, one in wanted.items())


def _compares(value: Any, name: str, wanted: Any) -> bool:
    if name not in _OPERATORS:
        raise ValueError(f"{name} is no operator of a filter; there are: {', '.join(_OPERATORS)}")
    try:
        return _OPERATORS[name](value, wanted)
    except TypeError:  # a number and a text have no order
        return False


def _matches(condition: MatchCondition, namespace: Namespace) -> bool:
    path = condition.path
    if len(path) > len(namespace):
        return False
    part = namespace[: len(path)] if condition.match_type == "prefix" else namespace[len(namespace) - len(path) :]
    return all(wanted in ("*", label) for wanted, label in zip(path, part, strict=True))


def _page(found: list[Any], op: SearchOp | ListNamespacesOp) -> list[Any]:
    return found[op.offset : op.offset + op.limit]
