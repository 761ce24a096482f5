"""AdaptiveMemory: everything that was said, of which at most `budget_tokens` stand ready, and a search over all of it.

The working memory is what a reader could be given whole (working/memory.py). What does not fit leaves for the archive:
there it stays, whole, by its handle. With `recovery` on a search may spend any part of its tokens on it, as it ranks;
with recovery off it finds what is held and nothing else. The number of tokens is the same.
"""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from memoryqa.archive.database import Archive
from memoryqa.archive.saved import constructor_arguments, save_memory
from memoryqa.config import ONE_VECTOR, CoverageConfig, DenseConfig, RankingConfig
from memoryqa.language.question import name_words
from memoryqa.rendering import Line, count_lines, pack, render, render_turn, uncut_line
from memoryqa.search.dense import DenseIndex
from memoryqa.search.embedders import Embedder, EmbeddingError, LocalEmbedder
from memoryqa.search.ranking import TurnIndex, worth_showing
from memoryqa.search.vector_cache import VectorCache
from memoryqa.turns import HANDLE_PREFIX, Turn, render_header
from memoryqa.working.losses import Losses, find_losses
from memoryqa.working.memory import WorkingMemory

logger = logging.getLogger(__name__)

Scope = Literal["all", "working"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a search found: `turns` in order of rank, and `text`, the same in time order as a reader sees it."""

    turns: tuple[Turn, ...]
    text: str
    tokens: int

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the turns, best first."""
        return tuple(turn.id for turn in self.turns)


@dataclass(frozen=True, slots=True)
class MemoryStats:
    """Sizes of a memory. A turn without text or photo counts as archived: there is nothing to hold."""

    tokens: int
    turns: int
    turns_working: int
    turns_archived: int
    turns_shortened: int
    embedding_failures: int = 0  # rankings that did without vectors, because the embedder failed


class AdaptiveMemory:
    """A memory of one conversation. Turns come in order (`add`), questions at any time (`search`), from any thread.

    `budget_tokens` (o200k_base) bounds `render()` after every `add`, whatever is added. Adding costs amortised constant
    time. `recovery`: "on" lets searches find what has left the working memory too, "off" does not. `compaction`: what
    stays, "coverage" (weighed by `coverage`) or "recency"; see working/memory.py.

    `embedder` (see search/embedders.py) adds a match in meaning to the ranking, weighed by `dense`, whose own `ranking`
    then takes the place of the other. Turns are embedded at the first search after they came, or by `embed()`, and kept
    in `vector_cache`. When the embedder fails, words alone rank; that is logged once and counted in `stats()`.
    """

    def __init__(
        self,
        budget_tokens: int = 20_000,
        *,
        recovery: str = "on",
        compaction: str = "coverage",
        coverage: CoverageConfig | None = None,
        ranking: RankingConfig | None = None,
        embedder: Embedder | None = None,
        dense: DenseConfig | None = None,
        vector_cache: VectorCache | None = None,
    ) -> None:
        if budget_tokens < 1:
            raise ValueError(f"budget_tokens must be at least 1, got {budget_tokens}")
        if recovery not in ("off", "on"):
            raise ValueError(f'recovery must be "off" or "on", got {recovery!r}')
        self.budget_tokens = budget_tokens
        self.recovery = recovery
        self._lock = threading.RLock()
        self._index = TurnIndex(ranking)
        self._dense: DenseIndex | None = None
        if embedder is not None:
            config = dense or (DenseConfig() if isinstance(embedder, LocalEmbedder) else ONE_VECTOR)
            self._dense = DenseIndex(embedder, config, vector_cache)
            self._dense_ranking = self._index.with_config(config.ranking)
        self._embedding_failures = 0
        self._brief: list[Line] = []  # of every turn, in order: what search packs
        self._position: dict[str, int] = {}  # turn id -> its place in _brief
        self._names: frozenset[str] = frozenset()  # the words of the speakers' names
        self._headers: dict[int, str] = {}  # session -> its header: the date of the first of its turns
        self._working = WorkingMemory(budget_tokens, self._brief, compaction, coverage)

    def __len__(self) -> int:
        return len(self._brief)

    @property
    def tokens(self) -> int:
        """Tokens of the working memory, at most `budget_tokens`."""
        with self._lock:  # while a turn is being added, there may be more for a moment
            return self._working.tokens

    # -- adding --------------------------------------------------------------------------------------------------------

    def add(self, turn: Turn) -> None:
        """Remember `turn`, then shrink the working memory to the budget. Raises ValueError for an id that is known."""
        with self._lock:
            if turn.id in self._position:
                raise ValueError(
                    f"turn {turn.id} is in this memory already; every turn needs its own session and number"
                )
            # rendered before anything is changed: a turn that cannot be leaves the memory as it was
            header = self._headers.get(turn.session) or render_header(turn.session, turn.time)
            names = self._names if self._index.knows(turn.speaker) else self._names | name_words([turn.speaker])
            full, brief = render_turn(turn, names, header)
            place = len(self._brief)
            self._index.add(turn)
            self._names = names
            self._headers[turn.session] = header
            self._position[turn.id] = place
            self._brief.append(brief)
            self._working.add(full)

    def extend(self, turns: Iterable[Turn]) -> None:
        """Add `turns` one by one."""
        for turn in turns:
            self.add(turn)

    # -- reading -------------------------------------------------------------------------------------------------------

    def search(
        self,
        queries: str | Sequence[str],
        budget_tokens: int,
        *,
        scope: Scope | None = None,
        keep: Sequence[str] = (),
        score_floor: float = 0.0,
    ) -> Evidence:
        """The turns that answer best, as many as `budget_tokens` hold, never more.

        `queries`: the question, and after it any number of supporting queries. `scope`: "all" also finds what is
        archived, "working" only what is held; None is what `recovery` says. `keep`: ids of turns that are packed before
        all others, in that order (evidence found before), those out of scope left out; unknown ids raise KeyError.
        `score_floor`: leave out turns that score below this share of the best one, so that an easy question takes fewer
        tokens; 0 fills the budget.
        """
        with self._lock:
            places = [self._position[turn_id] for turn_id in keep]
            everything = self._scope(scope) == "all"
            kept = [self._brief[place] for place in places if everything or place in self._working.lines]
            ranked = (self._brief[place] for place in self._order(queries, scope, score_floor))
            return _evidence(pack(ranked, budget_tokens, kept))

    def rank(self, queries: str | Sequence[str], *, scope: Scope | None = None) -> list[Turn]:
        """All turns that `search` may find, best first."""
        with self._lock:
            return [self._brief[place].turn for place in self._order(queries, scope)]

    def _scope(self, scope: Scope | None) -> Scope:
        if scope not in (None, "all", "working"):
            raise ValueError(f'scope must be "all" or "working", got {scope!r}')
        return scope or ("all" if self.recovery == "on" else "working")

    def _order(self, queries: str | Sequence[str], scope: Scope | None, score_floor: float = 0.0) -> Iterator[int]:
        among = None if self._scope(scope) == "all" else self._working.lines
        queries = [queries] if isinstance(queries, str) else queries
        order = self._dense_order(queries, score_floor)
        if order is None:
            return self._index.best(queries, among, score_floor)
        return order if among is None else (place for place in order if place in among)

    def _dense_order(self, queries: Sequence[str], score_floor: float) -> Iterator[int] | None:
        """Places in order of meaning and words together; None without an embedder, and when it fails."""
        if self._dense is None:
            return None
        try:
            self._dense.update(self._brief)
            matches = self._dense.match(list(dict.fromkeys(queries)), self._index.speakers)
        except EmbeddingError as error:
            if not self._embedding_failures:
                logger.warning("ranking by words alone, here and wherever embedding_failures counts it: %s", error)
            self._embedding_failures += 1
            return None
        scores = self._dense_ranking.score(queries, matches)
        order = np.argsort(-scores, kind="stable")
        return iter(order[: worth_showing(scores[order], score_floor)].tolist())

    def with_ranking(self, ranking: RankingConfig) -> AdaptiveMemory:
        """The same memory with other weights in its ranking by words, for reading: nothing may be added to either.

        It costs nothing but where the windows are others, which are part of the index: turns are then indexed anew.
        """
        other, config = copy.copy(self), self._index.config
        other._index = self._index.with_config(ranking)
        if (config.window_before, config.window_after) != (ranking.window_before, ranking.window_after):
            other._index = TurnIndex(ranking)
            for line in self._brief:
                other._index.add(line.turn)
        return other

    def embed(self) -> None:
        """Embed the turns that are not yet, rather than at the next search. Raises EmbeddingError."""
        with self._lock:
            if self._dense is not None:
                self._dense.update(self._brief)

    def pack(self, turns: Iterable[Turn], budget_tokens: int) -> Evidence:
        """`turns` of this memory, ranked elsewhere (best first), as many as fit: for comparing rankings."""
        with self._lock:
            return _evidence(pack((self._brief[self._position[turn.id]] for turn in turns), budget_tokens))

    def render(self) -> str:
        """The working memory as text, in time order; at most `budget_tokens` tokens."""
        with self._lock:
            return render(self._working.lines.values())

    def expand(self, handle: str) -> Turn:
        """The whole turn behind a handle (`mem:D8:6`) or an id, held or archived. KeyError when there is none."""
        with self._lock:
            return self._brief[self._position[handle.removeprefix(HANDLE_PREFIX)]].turn

    def archived(self) -> Iterator[str]:
        """Handles of the turns that are not in the working memory, in order."""
        with self._lock:
            places = [place for place in range(len(self._brief)) if place not in self._working.lines]
        return (f"{HANDLE_PREFIX}{self._brief[place].turn.id}" for place in places)

    def losses(self) -> Losses:
        """What the working memory no longer shows of all that was said, for as long as no turn is added."""
        with self._lock:
            held = self._working.lines
            archived = [line.turn for place, line in enumerate(self._brief) if place not in held]
            return find_losses([held[place] for place in sorted(held)], archived)

    def recent(self, budget_tokens: int) -> Evidence:
        """The most recent turns that fit, newest first, whatever is held: the baseline that needs no memory."""
        with self._lock:
            return _evidence(pack(reversed(self._brief), budget_tokens))

    def lines(self) -> list[tuple[Line, Line]]:
        """Every turn's line in full, however long, and in brief, in order; without text or photo it is empty."""
        with self._lock:
            return [(uncut_line(line.turn, self._headers[line.turn.session]), line) for line in self._brief]

    def transcript(self) -> Evidence:
        """Every turn that says something in full, whatever it takes: the bar that a memory is compared with."""
        return _evidence([full for full, _ in self.lines() if full.text])

    def stats(self) -> MemoryStats:
        """How much is held and how much is archived."""
        with self._lock:
            return MemoryStats(
                tokens=self._working.tokens,
                turns=len(self._brief),
                turns_working=len(self._working.lines),
                turns_archived=len(self._brief) - len(self._working.lines),
                turns_shortened=self._working.shortened,
                embedding_failures=self._embedding_failures,
            )

    # -- keeping -------------------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write the turns and the configuration to an archive (see memoryqa/archive/database.py), whole or not at all.

        A file that is there must be an archive of the beginning of this conversation; else ArchiveError. Of an embedder
        only its weights in the ranking (`DenseConfig`) are kept.
        """
        with self._lock:
            turns = [line.turn for line in self._brief]
            ranking = self._index.config
            dense = None if self._dense is None else self._dense.config
        save_memory(
            path,
            turns,
            budget_tokens=self.budget_tokens,
            recovery=self.recovery,
            compaction=self._working.compaction,
            coverage=self._working.coverage,
            ranking=ranking,
            dense=dense,
        )

    @classmethod
    def load(cls, path: str | Path, **overrides: Any) -> AdaptiveMemory:
        """The memory that was saved: the same text, rankings, handles and, but for embedding failures, statistics.

        `overrides`: arguments of the constructor that take the place of what was saved. A memory that had an embedder
        is loaded with `embedder=...`, or None to rank by words alone. ArchiveError for a file that holds no memory.
        """
        with Archive(path, create=False) as archive:
            memory = cls(**constructor_arguments(archive, overrides))
            memory.extend(archive.restore())
        return memory


def _evidence(chosen: list[Line]) -> Evidence:
    return Evidence(tuple(line.turn for line in chosen), render(chosen), count_lines(chosen))
