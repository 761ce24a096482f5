"""What programs find before any LM is asked: the searches of mode "retrieval", called with a question and a budget."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from locomo.asking import Finding, Program
from locomo.rows import MAIN_PROGRAM
from memoryqa.config import ProgramConfig
from memoryqa.memory import AdaptiveMemory


class MemorySearch:
    """One search with the question alone: the evidence of the program `memory` without an LM's queries."""

    def __init__(self, memories: Mapping[str, AdaptiveMemory], config: ProgramConfig | None = None) -> None:
        self.memories = memories
        self._config = config or ProgramConfig()
        self._held: dict[str, frozenset[str]] = {}  # by conversation: ids of the turns in the working memory

    def __call__(self, conversation_id: str, question: str, budget_tokens: int) -> Finding:
        memory = self.memories[conversation_id]
        found = memory.search(question, budget_tokens, score_floor=self._config.score_floor)
        if conversation_id not in self._held:
            self._held[conversation_id] = frozenset(turn.id for turn in memory.rank("", scope="working"))
        return Finding(found.ids, found.tokens, self._held[conversation_id], memory.tokens)


class RecentTurns:
    """The baseline: the newest turns that fit, for every question the same."""

    def __init__(self, memories: Mapping[str, AdaptiveMemory]) -> None:
        self.memories = memories

    def __call__(self, conversation_id: str, question: str, budget_tokens: int) -> Finding:
        found = self.memories[conversation_id].recent(budget_tokens)
        return Finding(found.ids, found.tokens)


def searching_programs(
    names: Collection[str], memories: Mapping[str, AdaptiveMemory], config: ProgramConfig | None = None
) -> dict[str, Program]:
    """The searches of the programs `names`, `simple` and `memory` among them, in that order."""
    made: dict[str, Program] = {"simple": RecentTurns(memories), MAIN_PROGRAM: MemorySearch(memories, config)}
    return {name: made[name] for name in names}
