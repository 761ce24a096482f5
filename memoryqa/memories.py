"""The memories that a program answers from: one per conversation, built beforehand and only read at question time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Self

from memoryqa.checks import described, one_of_kind, text
from memoryqa.config import MemoryConfig
from memoryqa.errors import UsageError
from memoryqa.memory import AdaptiveMemory
from memoryqa.rendering import whole_line
from memoryqa.turns import Turn


class Memories(MutableMapping[str, AdaptiveMemory]):
    """Memories by conversation id. Copies of a program share them: optimizers copy it hundreds of times a step."""

    def __init__(self, memories: Mapping[str, AdaptiveMemory] | None = None) -> None:
        self._memories: dict[str, AdaptiveMemory] = {}
        if memories is not None and not isinstance(memories, Mapping):
            raise TypeError(f'memories must be a dict such as {{"chat": memory}}, got {described(memories)}')
        self.update(memories or {})

    @classmethod
    def of(
        cls, conversations: Mapping[str, Iterable[Turn]], config: MemoryConfig, vector_cache: Path | None = None
    ) -> Self:
        """A memory as `config` says for each conversation, by its id; `vector_cache` keeps an embedder's vectors.

        Raises memoryqa.search.embedders.EmbeddingError when the embedder cannot be loaded.
        """
        one_of_kind("config", config, MemoryConfig)
        vectors: dict[str, Any] = {}
        if config.embedder is not None:
            from memoryqa.search.embedders import load_embedder
            from memoryqa.search.vector_cache import VectorCache

            embedder = load_embedder(config.embedder)
            cache = VectorCache(vector_cache, embedder.name) if vector_cache else None
            vectors = {"embedder": embedder, "vector_cache": cache}
        memories = cls()
        for conversation_id, turns in conversations.items():
            memories[conversation_id] = AdaptiveMemory.of(config, **vectors)
            memories[conversation_id].extend(turns)
            memories[conversation_id].embed()
        return memories

    def choose(self, conversation_id: str | None) -> AdaptiveMemory:
        """The memory of that conversation; None means the only one. UsageError when there are several or none."""
        if conversation_id is not None:
            return self[conversation_id]
        if len(self) != 1:
            raise UsageError(f"conversation_id is missing: there are {len(self)} memories ({self._known()})")
        return next(iter(self._memories.values()))

    @property
    def embedding_failures(self) -> int:
        """Searches that had to do without an embedder's vectors, of all memories."""
        return sum(memory.stats().embedding_failures for memory in self.values())

    def rendered_lines(self) -> dict[str, dict[str, Any]]:
        """Every turn as an LM may be sent it: by conversation and turn id, [header, in brief, in full], under "turns".

        Under "passages" stands where the passages of long turns begin in these lines. With the ids that a prediction
        retrieved, and how it showed them (`Evidence.shown`), this gives its context back, without keeping it for every
        question; see `rendering.join_passages`.
        """
        return {conversation_id: _rendered(memory) for conversation_id, memory in self.items()}

    def __getitem__(self, conversation_id: str) -> AdaptiveMemory:
        try:
            return self._memories[conversation_id]
        except KeyError:
            raise KeyError(f"no memory of conversation {conversation_id!r}; there are: {self._known()}") from None

    def _known(self) -> str:
        known = ", ".join(islice(self._memories, 8)) or "none"
        return f"{known}, ..." if len(self) > 8 else known

    def __repr__(self) -> str:
        return f"<Memories: {len(self)} ({self._known()})>"

    def __setitem__(self, conversation_id: str, memory: AdaptiveMemory) -> None:
        text("conversation_id", conversation_id)
        self._memories[conversation_id] = one_of_kind(f"the memory of {conversation_id}", memory, AdaptiveMemory)

    def __delitem__(self, conversation_id: str) -> None:
        del self._memories[conversation_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._memories)

    def __len__(self) -> int:
        return len(self._memories)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


def _rendered(memory: AdaptiveMemory) -> dict[str, Any]:
    turns: dict[str, list[str]] = {}
    passages: dict[str, list[int]] = {}
    for turn_id, of_turn in groupby(memory.lines(), key=lambda pair: pair[0].turn.id):
        full, brief = zip(*of_turn, strict=True)
        (whole, starts), (shown, _) = whole_line(full), whole_line(brief)
        turns[turn_id] = [full[0].header, shown, whole]
        if starts:
            passages[turn_id] = starts
    return {"turns": turns, "passages": passages}
