"""AdaptiveMemory: everything that was said, of which at most `budget_tokens` stand ready, and a search over all of it.

The working memory is what a reader could be given whole. What does not fit is first shortened (greetings, thanks and
praise go), then leaves for the archive, the least specific text per token first; there it stays, whole, by its handle.
"""

from __future__ import annotations

import heapq
import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from memory.archive import HANDLE, Archive
from memory.config import ONE_VECTOR, DenseConfig, RankingConfig
from memory.dense import DenseIndex
from memory.embedders import Embedder, EmbeddingError, LocalEmbedder
from memory.lexical import terms
from memory.question import name_words
from memory.rendering import Line, count_lines, empty_line, pack, render, render_turn, uncut_line
from memory.retrieval import TurnIndex, worth_showing
from memory.saved_memory import constructor_arguments, save_memory
from memory.turns import Turn, render_header
from memory.vectors import VectorCache

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
    time: a turn is shortened once and archived once at most.

    `embedder` (see memory/embedders.py) adds a match in meaning to the ranking, weighed by `dense`, whose own `ranking`
    then takes the place of the other. Turns are embedded at the first search after they came, or by `embed()`, and kept
    in `vector_cache`. When the embedder fails, words alone rank; that is logged once and counted in `stats()`.
    """

    def __init__(
        self,
        budget_tokens: int = 20_000,
        *,
        ranking: RankingConfig | None = None,
        embedder: Embedder | None = None,
        dense: DenseConfig | None = None,
        vector_cache: VectorCache | None = None,
    ) -> None:
        if budget_tokens < 1:
            raise ValueError(f"budget_tokens must be at least 1, got {budget_tokens}")
        self.budget_tokens = budget_tokens
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
        self._held: dict[int, Line] = {}  # the working memory: place -> full or brief line
        self._sessions_held: dict[int, int] = {}  # session -> its lines held, for which one header is paid
        self._to_shorten: list[int] = []  # places of full lines that would shrink, a queue from `_shortened_up_to`
        self._shortened_up_to = 0
        self._least_specific: list[tuple[float, int]] = []  # heap of (specificity, place); may name places not held
        self._unranked: list[int] = []  # places held that are not in the heap yet: all, while everything fits
        self._rank_again_at = 0
        self._tokens = 0

    def __len__(self) -> int:
        return len(self._brief)

    @property
    def tokens(self) -> int:
        """Tokens of the working memory, at most `budget_tokens`."""
        with self._lock:  # while a turn is being added, there may be more for a moment
            return self._tokens

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
            if full.text:
                self._hold(place, full)
                self._unranked.append(place)
                if brief.tokens < full.tokens:
                    self._to_shorten.append(place)
            self._shrink()

    def extend(self, turns: Iterable[Turn]) -> None:
        """Add `turns` one by one."""
        for turn in turns:
            self.add(turn)

    def _hold(self, place: int, line: Line) -> None:
        """Put `line` at `place`, in the stead of what is there; a line without text only takes that away."""
        session = line.turn.session
        before = self._held.pop(place, None)
        if before is not None:
            self._tokens -= before.tokens
            self._sessions_held[session] -= 1
            if not self._sessions_held[session]:
                self._tokens -= before.header_tokens
        if line.text:
            self._held[place] = line
            self._tokens += line.tokens
            if not self._sessions_held.get(session):
                self._tokens += line.header_tokens
            self._sessions_held[session] = self._sessions_held.get(session, 0) + 1

    def _shrink(self) -> None:
        """Shorten, oldest first; then archive, least specific first, until the budget is kept."""
        while self._tokens > self.budget_tokens and self._shortened_up_to < len(self._to_shorten):
            place = self._to_shorten[self._shortened_up_to]
            self._shortened_up_to += 1
            if place in self._held:
                self._hold(place, self._brief[place])
        while self._tokens > self.budget_tokens:
            place = self._least_specific_place()
            self._hold(place, empty_line(self._brief[place].turn))

    def _least_specific_place(self) -> int:
        """Of the turns held. Keys are computed once, and anew for all when the memory has grown by a quarter: what was
        rare may be common by then. The working memory is bounded, so that this stays amortised constant time."""
        if len(self) >= self._rank_again_at:
            self._rank_again_at = len(self) * 5 // 4 + 1
            self._least_specific, self._unranked = [], list(self._held)
        for place in self._unranked:
            heapq.heappush(self._least_specific, (self._specificity(place), place))
        self._unranked.clear()
        while True:
            _, place = heapq.heappop(self._least_specific)
            if place in self._held:
                return place

    def _specificity(self, place: int) -> float:
        """Information per token: many rare terms, numbers and names in few tokens are worth most."""
        line = self._brief[place]
        if not line.tokens:
            return 0.0  # nothing but filler
        return sum(self._index.idf(term) for term in set(terms(line.text))) / line.tokens

    # -- reading -------------------------------------------------------------------------------------------------------

    def search(
        self,
        queries: str | Sequence[str],
        budget_tokens: int,
        *,
        scope: Scope = "all",
        keep: Sequence[str] = (),
        score_floor: float = 0.0,
    ) -> Evidence:
        """The turns that answer best, as many as `budget_tokens` hold, never more.

        `queries`: the question, and after it any number of supporting queries. `scope`: "all" also finds what is
        archived, "working" only what is held. `keep`: ids of turns that are packed before all others, in that order
        (evidence found before); unknown ids raise KeyError. `score_floor`: leave out turns that score below this share
        of the best one, so that an easy question takes fewer tokens; 0 fills the budget.
        """
        with self._lock:
            kept = [self._brief[self._position[turn_id]] for turn_id in keep]
            ranked = (self._brief[place] for place in self._order(queries, scope, score_floor))
            return _evidence(pack(ranked, budget_tokens, kept))

    def rank(self, queries: str | Sequence[str], *, scope: Scope = "all") -> list[Turn]:
        """All turns that `search` may find, best first."""
        with self._lock:
            return [self._brief[place].turn for place in self._order(queries, scope)]

    def _order(self, queries: str | Sequence[str], scope: Scope, score_floor: float = 0.0) -> Iterator[int]:
        if scope not in ("all", "working"):
            raise ValueError(f'scope must be "all" or "working", got {scope!r}')
        queries = [queries] if isinstance(queries, str) else queries
        order = self._dense_order(queries, score_floor)
        if order is None:
            return self._index.best(queries, None if scope == "all" else self._held, score_floor)
        return order if scope == "all" else (place for place in order if place in self._held)

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
            return render(self._held.values())

    def expand(self, handle: str) -> Turn:
        """The whole turn behind a handle (`mem:D8:6`) or an id, held or archived. KeyError when there is none."""
        with self._lock:
            return self._brief[self._position[handle.removeprefix(HANDLE)]].turn

    def archived(self) -> Iterator[str]:
        """Handles of the turns that are not in the working memory, in order."""
        with self._lock:
            places = [place for place in range(len(self._brief)) if place not in self._held]
        return (f"{HANDLE}{self._brief[place].turn.id}" for place in places)

    def recent(self, budget_tokens: int) -> Evidence:
        """The most recent turns that fit, newest first: the baseline that needs no memory."""
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
            shortened = sum(place in self._held for place in self._to_shorten[: self._shortened_up_to])
            return MemoryStats(
                tokens=self._tokens,
                turns=len(self._brief),
                turns_working=len(self._held),
                turns_archived=len(self._brief) - len(self._held),
                turns_shortened=shortened,
                embedding_failures=self._embedding_failures,
            )

    # -- keeping -------------------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write the turns and the configuration to an archive (see memory/archive.py), whole or not at all.

        A file that is there must be an archive of the beginning of this conversation; else ArchiveError. Of an embedder
        only its weights in the ranking (`DenseConfig`) are kept.
        """
        with self._lock:
            turns = [line.turn for line in self._brief]
            budget_tokens, ranking = self.budget_tokens, self._index.config
            dense = None if self._dense is None else self._dense.config
        save_memory(path, turns, budget_tokens=budget_tokens, ranking=ranking, dense=dense)

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
