"""What is evaluated: the programs that answer, and the searches that only retrieve, on the memories of a config."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from locomo.asking import Finding
from locomo.benchmark import BenchmarkConfig, MakePrograms
from locomo.config import EvaluationConfig
from memoryqa.config import ProgramConfig, Settings
from memoryqa.memories import Memories
from memoryqa.memory import AdaptiveMemory
from memoryqa.turns import Turn

if TYPE_CHECKING:
    import dspy

Conversations = Mapping[str, tuple[Turn, ...]]
Search = Callable[..., Finding]
VECTORS = Path("vectors.sqlite")


def make_programs(
    asked: EvaluationConfig, settings: Settings, add_tags: Callable[[Conversations], Conversations]
) -> MakePrograms:
    """From conversations to the programs of one evaluation: those that answer, or those that only search."""

    def make(conversations: Conversations) -> dict[str, Any]:
        memories = Memories.of(add_tags(conversations), settings.memory, vector_cache=VECTORS)
        if asked.mode == "retrieval":
            return searching_programs(asked.programs, memories, settings.program)
        return answering_programs(asked.programs, memories, settings.program, asked.program)

    return make


def answering_programs(
    names: Collection[str], memories: Memories, config: ProgramConfig, saved_program: str | None = None
) -> dict[str, dspy.Module]:
    """The programs by name, in the order asked for; a saved (optimised) one stands in for `memory`."""
    from memory_system import PROGRAMS, load_program

    programs: dict[str, Any] = {name: PROGRAMS[name](memories, config) for name in names}
    if saved_program is not None:
        programs["memory"] = load_program(Path(saved_program), memories)
    return programs


def memories_of(benchmark: BenchmarkConfig) -> Memories:
    """The memories that all its programs share."""
    program: Any = next(iter(benchmark.programs.values()))
    memories: Memories = program.memories
    return memories


def prompts_of(benchmark: BenchmarkConfig) -> dict[str, dict[str, str]]:
    """By program, the digests of its prompts; none in mode "retrieval"."""
    if benchmark.asked.mode == "retrieval":
        return {}
    from memory_system import prompt_digests

    programs: Mapping[str, Any] = benchmark.programs
    return {name: prompt_digests(program) for name, program in programs.items()}


class MemorySearch:
    """One search with the question alone: what the program `memory` finds before any LM is asked."""

    def __init__(self, memories: Mapping[str, AdaptiveMemory], config: ProgramConfig) -> None:
        self.memories = memories
        self._config = config
        self._held: dict[str, frozenset[str]] = {}  # by conversation: ids of the turns in the working memory

    def __call__(self, conversation_id: str, question: str, budget_tokens: int) -> Finding:
        memory = self.memories[conversation_id]
        found = memory.search(question, budget_tokens, score_floor=self._config.score_floor)
        if conversation_id not in self._held:
            self._held[conversation_id] = frozenset(turn.id for turn in memory.rank("", scope="working"))
        return Finding(found.ids, found.tokens, self._held[conversation_id], memory.tokens)


class RecentTurns:
    """The baseline: the newest turns that fit, whatever is asked."""

    def __init__(self, memories: Memories) -> None:
        self.memories = memories

    def __call__(self, conversation_id: str, question: str, budget_tokens: int) -> Finding:
        found = self.memories[conversation_id].recent(budget_tokens)
        return Finding(found.ids, found.tokens)


def searching_programs(names: Collection[str], memories: Memories, config: ProgramConfig) -> dict[str, Search]:
    """The same programs as far as they retrieve, for mode "retrieval"."""
    made: dict[str, Search] = {"simple": RecentTurns(memories), "memory": MemorySearch(memories, config)}
    return {name: made[name] for name in names}


def search_programs(settings: Settings) -> MakePrograms:
    """For `locomo.benchmark.build_benchmark_config(make_programs=...)`: the program `memory` in mode "retrieval"."""
    return lambda conversations: searching_programs(
        ("memory",), Memories.of(conversations, settings.memory), settings.program
    )
