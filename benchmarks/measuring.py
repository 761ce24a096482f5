"""How the retrieval benchmark measures one conversation: our memory in its scopes, its hops and floors, and peers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.counting import Passages, counted, share_found
from benchmarks.recall_tables import RECALL_AT, Counts, Tally
from locomo.rows import MAIN_PROGRAM as MEMORY
from memoryqa.errors import StoppedError, UsageError

if TYPE_CHECKING:
    from benchmarks.peers.catalogue import Peer
    from benchmarks.peers.runner import Runner
    from benchmarks.rankers import Rank
    from locomo.schema import Question
    from memoryqa.memory import AdaptiveMemory, Scope
    from memoryqa.rendering import Line
    from memoryqa.turns import Turn

WORKING = "memory, working only"
DENSE = "memory, dense"
DENSE_WORKING = "memory, dense, working only"
TAGGED = {MEMORY: "memory, tags", DENSE: "memory, dense, tags"}


@dataclass(frozen=True, slots=True)
class Build:
    """What makes our memory, and the systems that it is measured as."""

    make: Callable[[], AdaptiveMemory]
    scopes: Mapping[str, Scope]
    has_tags: bool = False


def memory_builds(model: str | None, vector_cache: str | None, has_tags: bool) -> list[Build]:
    """By words, with the local model if any, and each with tags if any.

    Raises UsageError when the model cannot be loaded.
    """
    from memoryqa.memory import AdaptiveMemory

    builds = [Build(AdaptiveMemory, {MEMORY: "all", WORKING: "working"})]
    if model is not None:
        from memoryqa.search.embedders import EmbeddingError, load_embedder
        from memoryqa.search.vector_cache import VectorCache

        try:
            embedder = load_embedder(model)
        except EmbeddingError as error:
            raise UsageError(str(error)) from error
        cache = VectorCache(vector_cache, embedder.name) if vector_cache else None
        builds.append(
            Build(
                lambda: AdaptiveMemory(embedder=embedder, vector_cache=cache),
                {DENSE: "all", DENSE_WORKING: "working"},
            )
        )
    if has_tags:
        builds += [Build(one.make, {TAGGED[next(iter(one.scopes))]: "all"}, has_tags=True) for one in builds]
    return builds


@dataclass(frozen=True, slots=True)
class TagFile:
    """The file of --tags. `turns`: by conversation, with their tags; `origin`: where they come from, for the result."""

    turns: Mapping[str, Sequence[Turn]]
    origin: Mapping[str, str | int]
    notes: Sequence[str]


def read_tags(path: str, conversations: Mapping[str, Sequence[Turn]]) -> TagFile:
    """The tags of those of `conversations` that the file is about. Raises UsageError naming the file."""
    from memoryqa.tags.files import TagsError, add_tags, load_tags, origin_of

    tags = load_tags(path)
    about = {name: turns for name, turns in conversations.items() if name in tags.conversations}
    if not about:
        raise UsageError(f"{path}: no tags of {', '.join(conversations)}")
    try:
        tagged = add_tags(about, tags)
    except TagsError as error:
        raise UsageError(f"{path}: {error}") from error
    origin = origin_of(path, tags, about)
    left_out = [name for name in conversations if name not in about]
    notes = [f"left out {', '.join(left_out)}, of which {path} has no tags"] if left_out else []
    if untagged := origin["untagged_sessions"]:
        notes.append(f"{untagged} sessions are not tagged, or not all of their turns")
    return TagFile(tagged, origin, notes)


def measure_memory(
    tallies: Mapping[str, Tally],
    build: Build,
    turns: Sequence[Turn],
    questions: Sequence[Question],
    budgets: Sequence[int],
    queries: Mapping[str, Sequence[str]],
) -> AdaptiveMemory:
    """Measure the memory that `build` makes of `turns`, in each of its scopes. Returns it, for its lines.

    Raises StoppedError when the embedder failed, so that a search ran without the vectors that it is measured for.
    """
    from memoryqa.search.embedders import EmbeddingError

    started = time.process_time()
    memory = build.make()
    memory.extend(turns)
    try:
        memory.embed()
    except EmbeddingError as error:
        raise StoppedError(str(error)) from error
    elapsed_ms = (time.process_time() - started) * 1000
    passages = Passages(line for line, _ in memory.lines())
    for name, scope in build.scopes.items():
        tallies[name].index_ms.append(elapsed_ms)
        for question in questions:
            asked = [question.text, *queries.get(question.id, ())]
            started = time.process_time()
            largest = memory.search(asked, max(budgets), scope=scope)
            tallies[name].query_ms.append((time.process_time() - started) * 1000)
            found = {
                budget: largest if budget == max(budgets) else memory.search(asked, budget, scope=scope)
                for budget in budgets
            }
            ranked = [turn.id for turn in memory.rank(asked, scope=scope)[: max(RECALL_AT)]]
            tallies[name].add(question, counted(question, found, passages), ranked)
    if failures := memory.stats().embedding_failures:
        raise StoppedError(
            f"{failures} searches in {questions[0].conversation_id} ran without vectors: see the warning"
        )
    return memory


def measure_hops(
    tallies: Mapping[str, Tally],
    memory: AdaptiveMemory,
    questions: Sequence[Question],
    budgets: Sequence[int],
    queries: Mapping[str, Sequence[str]],
    hops: Sequence[int],
) -> None:
    """The program's own search in so many hops; the queries of the file are shared out among the hops."""
    from benchmarks.hops import search_in_hops

    for max_hops in hops:
        for question in questions:
            written = queries.get(question.id, ())
            found = {budget: search_in_hops(memory, question.text, written, budget, max_hops) for budget in budgets}
            recall = {budget: share_found(question, ids) for budget, ids in found.items()}
            tallies[hops_name(max_hops)].add(question, {"recall": recall})


def measure_floors(
    tallies: Mapping[str, Tally],
    memory: AdaptiveMemory,
    questions: Sequence[Question],
    budgets: Sequence[int],
    queries: Mapping[str, Sequence[str]],
    floors: Sequence[float],
) -> None:
    """Packing that leaves out lines below a share of the best score, even where they would fit."""
    passages = Passages(line for line, _ in memory.lines())
    for floor in floors:
        for question in questions:
            asked = [question.text, *queries.get(question.id, ())]
            found = {budget: memory.search(asked, budget, score_floor=floor) for budget in budgets}
            tally = tallies[floor_name(floor)]
            tally.add(question, counted(question, found, passages))
            for budget, evidence in found.items():
                tally.tokens[budget].append(evidence.tokens)


def floor_name(floor: float) -> str:
    """`memory, score floor 0.4`"""
    return f"{MEMORY}, score floor {floor:g}"


def hops_name(max_hops: int) -> str:
    """`memory, 2 hops`"""
    return f"{MEMORY}, {max_hops} hop{'s' if max_hops > 1 else ''}"


class Packing:
    """What peers rank of one conversation, and what fits of their rankings. Two that rank alike are packed once."""

    def __init__(self, memory: AdaptiveMemory, questions: Sequence[Question], budgets: Sequence[int]) -> None:
        self.lines = [line for line, _ in memory.lines() if line.text]  # in full
        self.questions = questions
        self._memory, self._budgets = memory, budgets
        self._passages = Passages(line for line, _ in memory.lines())
        self._known: dict[tuple[str, tuple[tuple[int, int, int], ...]], Counts] = {}

    def add(self, tally: Tally, rankings: Sequence[Sequence[Line]]) -> None:
        """Count what fits of each question's ranking."""
        for question, ranked in zip(self.questions, rankings, strict=True):
            key = question.id, tuple(line.key for line in ranked)
            if key not in self._known:
                found = {budget: self._memory.pack(ranked, budget) for budget in self._budgets}
                self._known[key] = counted(question, found, self._passages)
            turns = list(dict.fromkeys(line.turn.id for line in ranked))[: max(RECALL_AT)]
            tally.add(question, self._known[key], turns)


def measure_peer(tally: Tally, build: Callable[[Sequence[Line]], Rank], packing: Packing) -> None:
    """One peer on one conversation: it ranks the lines of our memory, and they are packed as our memory packs."""
    started = time.process_time()
    rank = build(packing.lines)
    tally.index_ms.append((time.process_time() - started) * 1000)
    rankings = []
    for question in packing.questions:
        started = time.process_time()
        rankings.append(rank(question.text))
        tally.query_ms.append((time.process_time() - started) * 1000)
    packing.add(tally, rankings)


def measure_elsewhere(tally: Tally, runner: Runner, peer: Peer, packing: Packing) -> None:
    """The same of a peer that runs in an environment of its own. Raises StoppedError when it fails."""
    ranked = runner.rank(peer, packing.lines, [question.text for question in packing.questions])
    if ranked.index_ms is not None:
        tally.index_ms.append(ranked.index_ms)
    tally.query_ms += ranked.query_ms
    packing.add(tally, [[packing.lines[place] for place in places] for places in ranked.places])


def note_sizes(tallies: Mapping[str, Tally], runner: Runner) -> None:
    """The size of every system's installation."""
    from benchmarks.peers.runner import our_install_mb, package_mb
    from benchmarks.rankers import PACKAGES

    for name, tally in tallies.items():
        if name in PACKAGES:
            tally.install_mb = package_mb(PACKAGES[name])
        elif name.startswith(MEMORY):
            tally.install_mb = our_install_mb(dense="dense" in name)
    for peer in runner.peers:
        tallies[peer.name].install_mb = runner.install_mb(peer)
