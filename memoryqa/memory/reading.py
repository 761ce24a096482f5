"""What a memory answers without being changed: searches, what it holds and what it lost.

`AdaptiveMemory` (adaptive.py) adds what changes it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import partial
from typing import Any, Literal, NamedTuple, Self

import numpy as np

from memoryqa.arrays import Floats
from memoryqa.checks import collection, one_of_kind, text
from memoryqa.config import WINDOW_FIELDS, MemoryConfig, RankingConfig, warn_of_old_name
from memoryqa.errors import UsageError
from memoryqa.evidence import Evidence, MemoryStats, sizes
from memoryqa.language.dating.english.question_dates import habit_of, may_be_swapped
from memoryqa.language.question import Asking
from memoryqa.memory.opening import OpenableMemory
from memoryqa.memory.selection import selector
from memoryqa.messages import TimeLike, parse_time
from memoryqa.rendering import Line, render
from memoryqa.search.arguments import check_search, list_queries, not_negative
from memoryqa.search.bounds.best_first import worth_showing
from memoryqa.search.dense import DenseIndex
from memoryqa.search.embedders import EmbeddingError
from memoryqa.search.excerpt import shortened
from memoryqa.search.packing import pack
from memoryqa.search.ranking import PassageIndex
from memoryqa.transcript import Transcript
from memoryqa.turns import HANDLE_PREFIX, Turn
from memoryqa.working.losses import Losses, find_losses
from memoryqa.working.memory import WorkingMemory

logger = logging.getLogger(__name__)

Scope = Literal["all", "working"]
SEARCH_TOKENS = 1_000  # of evidence, where a search is not given a budget


class _Found(NamedTuple):
    among: Collection[int] | None  # the places that are meant; None for all
    ranked: Iterator[tuple[int, float]]  # places and scores, best first
    scores_of: Callable[[Sequence[int]], list[float]]


class ReadableMemory(OpenableMemory):
    """The part of `AdaptiveMemory` that only reads. The other part builds what is declared here."""

    config: MemoryConfig
    _index: PassageIndex
    _dense: DenseIndex | None
    _dense_ranking: PassageIndex  # with an embedder
    _embedding_failures: int
    _held: WorkingMemory | Callable[[], WorkingMemory]  # what makes it, until it is needed
    _owner: str | None = None  # who "I" is in a question
    _forgotten: dict[int, tuple[int, int]]  # by session the highest number of a forgotten turn, and how many

    @property
    def _working(self) -> WorkingMemory:
        """With all turns. Few searches need it: adding leaves it as it is."""
        working = self._working_so_far()
        working.update()
        return working

    def _working_so_far(self) -> WorkingMemory:
        if not isinstance(self._held, WorkingMemory):
            self._held = self._held()
        return self._held

    def __repr__(self) -> str:
        with self._lock:  # what is in the memory, without a look into its file, which may be closed, damaged or gone
            days = (self._transcript.first_day, self._transcript.last_day)
            said = sizes(len(self), self._transcript.num_sessions, *days)
            held = f"{self._working.tokens:,} of {self.memory_tokens:,}"
        return f"<AdaptiveMemory: {said}; {held} tokens held>"

    @property
    def memory_tokens(self) -> int:
        """The most tokens that the working memory may take."""
        return self.config.memory_tokens

    @property
    def recovery(self) -> bool:
        """Whether searches find turns that have left the working memory."""
        return self.config.recovery

    @property
    def budget_tokens(self) -> int:
        """`memory_tokens` as version 0.1 called it."""
        warn_of_old_name("AdaptiveMemory.budget_tokens", "memory_tokens")
        return self.memory_tokens

    @property
    def tokens(self) -> int:
        """Tokens of the working memory, at most `memory_tokens`."""
        with self._current():  # while a turn is being added, there may be more for a moment
            return self._working.tokens

    @property
    def speakers(self) -> tuple[str, ...]:
        """The names of all who speak, by when they first did."""
        with self._current():
            return self._transcript.speakers

    # -- searching ----------------------------------------------------------------------------------------------------

    def search(
        self,
        queries: str | Sequence[str],
        budget_tokens: int = SEARCH_TOKENS,
        *,
        scope: Scope | None = None,
        keep: Sequence[str] = (),
        score_floor: float = 0.0,
        min_score: float = 0.0,
        speakers: str | Iterable[str] | None = None,
        since: TimeLike = None,
        until: TimeLike = None,
        asked: TimeLike = None,
        clock: bool = False,
    ) -> Evidence:
        """The turns that answer best, as many as `budget_tokens` hold, never more.

        queries: the question, and after it any number of supporting queries. scope: "all" also finds what is archived,
        "working" only what is held; None is what `recovery` says. keep: ids of turns, or of lines (`line_ids` of the
        evidence found before), that are packed before all others, in that order, those out of scope left out; unknown
        ids raise KeyError. Lines that say the same are shown once, with how often and when. score_floor: leave out what
        scores below this share of the best line; 0 fills the budget. min_score: leave out what scores less; at 0.3 most
        questions about something that never came up find nothing; 0 is off. speakers, since, until: find only what
        these people said, from that moment or day on, and up to it, the day included; without a time it is not found.
        asked: the day of asking, by which "last week" in the question is read; None: the conversation's last day.
        clock: show the time of day of each message (`6 14:05 Ana: ...`), where those of the conversation have one.
        """
        queries = check_search(queries, budget_tokens, keep, score_floor, min_score)
        with self._current():
            brief = self._transcript.brief
            places = [place for one in keep for place in self._transcript.places_of(one)]
            found = self._find(queries, scope, score_floor, min_score, speakers, since, until, asked)
            kept = [place for place in places if found.among is None or place in found.among]
            scores: dict[int, float] = {}

            def ranked() -> Iterator[int]:
                yield from kept
                for place, score in found.ranked:
                    scores[place] = score
                    yield place

            lines = self._shown(self._transcript.lines_at(ranked()), clock)
            chosen = pack(lines, budget_tokens, shorten=partial(shortened, queries))
            if unranked := [place for place in kept if place not in scores]:
                scores.update(zip(unranked, found.scores_of(unranked), strict=True))
            return Evidence.of(chosen, {brief[place].key: score for place, score in scores.items()})

    @contextmanager
    def ranking(self, queries: Sequence[str], **how: Any) -> Iterator[tuple[Iterable[tuple[int, float]], Transcript]]:
        """What `search` packs, for a packing of one's own: places and their scores, best first, computed as far as
        they are read, and the transcript that has their lines. Other threads wait meanwhile.

        how: further arguments of `search`, but for `keep`.
        """
        with self._current():
            yield self._find(queries, **how).ranked, self._transcript

    def _find(
        self,
        queries: Sequence[str],
        scope: Scope | None = None,
        score_floor: float = 0.0,
        min_score: float = 0.0,
        speakers: str | Iterable[str] | None = None,
        since: TimeLike = None,
        until: TimeLike = None,
        asked: TimeLike = None,
    ) -> _Found:
        among = self._among(scope, speakers, since, until)
        asking = self._asking(queries[0], asked)
        dense = self._dense_scores(queries, asking)
        scale = self._index.share_known(queries, asking) if dense is None else 1.0

        def ranked() -> Iterator[tuple[int, float]]:
            for place, score in self._ranked(queries, dense, among, score_floor, asking):
                if min_score and score * scale < min_score:
                    return
                yield place, scale * score

        def scores_of(places: Sequence[int]) -> list[float]:
            late = self._index.scores_of(queries, places, asking) if dense is None else dense[places].tolist()
            return [scale * score for score in late]

        return _Found(among, ranked(), scores_of)

    def rank(self, queries: str | Sequence[str], *, scope: Scope | None = None, asked: TimeLike = None) -> list[Turn]:
        """All turns that `search` may find, best first."""
        queries = list_queries(queries)
        with self._current():
            asking = self._asking(queries[0], asked)
            ranked = self._ranked(queries, self._dense_scores(queries, asking), self._among(scope), asking=asking)
            turns = (self._transcript.full[place].turn for place, _ in ranked)
            return list({turn.id: turn for turn in turns}.values())

    def days_asked(self, question: str, asked: TimeLike = None) -> list[tuple[date, date]]:
        """The first and last days of each span that a question names ("last week", "in May"); `asked`: see `search`."""
        text("question", question)
        with self._current():
            windows = self._index.days_of(question, self._asking(question, asked))
            return [(window.first, window.last) for window in windows]

    def asks_only_days(self, question: str, asked: TimeLike = None) -> bool:
        """Whether a question has days and no other word to search for; `asked`: see `search`."""
        text("question", question)
        with self._current():
            return self._index.asks_only_days(question, self._asking(question, asked))

    def _scope(self, scope: Scope | None) -> Scope:
        if scope not in (None, "all", "working"):
            raise UsageError(f'scope must be "all" or "working", got {scope!r}')
        return scope or ("all" if self.recovery else "working")

    def _among(
        self,
        scope: Scope | None,
        speakers: str | Iterable[str] | None = None,
        since: TimeLike = None,
        until: TimeLike = None,
    ) -> Collection[int] | None:
        """The places that a search may find; None for all."""
        held = None if self._scope(scope) == "all" else self._working.lines
        is_meant = selector(speakers, since, until)
        if is_meant is None:
            return held
        said = zip(self._transcript.turns, self._transcript.places.values(), strict=True)
        meant = {place for turn, places in said if is_meant(turn) for place in places}
        return meant if held is None else meant & held.keys()

    def _asking(self, question: str, asked: TimeLike) -> Asking:
        """What the question's dates are read by. Numeric dates in what was said matter only when one is asked for."""
        day = parse_time(asked, "asked")
        day_first = habit_of(turn.text for turn in self._transcript.turns) if may_be_swapped(question) else None
        return Asking(day.date() if day else self._transcript.last_day, day_first, self._owner)

    def _ranked(
        self,
        queries: Sequence[str],
        dense: Floats | None,
        among: Collection[int] | None,
        score_floor: float = 0.0,
        asking: Asking | None = None,
    ) -> Iterator[tuple[int, float]]:
        """Places and their scores, best first, computed as far as they are read; `dense`: what `_dense_scores` gave."""
        if dense is None:
            yield from self._index.ranked(queries, among, score_floor, asking)
            return
        order = np.argsort(-dense, kind="stable")
        for place in order[: worth_showing(dense[order], score_floor)].tolist():
            if among is None or place in among:
                yield place, float(dense[place])

    def _dense_scores(self, queries: Sequence[str], asking: Asking | None = None) -> Floats | None:
        """Scores of all turns by meaning and words together; None without an embedder, and when it fails."""
        if self._dense is None:
            return None
        try:
            self._dense.update(self._transcript.full)
            language = self._index.language_of(queries[0], asking)
            matches = self._dense.match(list(dict.fromkeys(queries)), self._index.speakers, language)
        except EmbeddingError as error:
            if not self._embedding_failures:
                logger.warning("ranking by words alone, here and wherever embedding_failures counts it: %s", error)
            self._embedding_failures += 1
            return None
        return self._dense_ranking.score(queries, matches, asking)

    def with_ranking(self, ranking: RankingConfig) -> Self:
        """The same memory with other weights in its ranking by words, for reading: nothing may be added to either.

        It costs nothing but where the windows are others, which are part of the index: turns are then indexed anew.
        """
        one_of_kind("ranking", ranking, RankingConfig)
        other, config = object.__new__(type(self)), self._index.config
        other.__dict__.update(self.__dict__)  # all of it is shared but the index
        other._index = self._index.with_config(ranking)
        if any(getattr(config, name) != getattr(ranking, name) for name in WINDOW_FIELDS):
            other._index = PassageIndex(ranking)
            for turn in self._transcript.turns:
                other._index.add(turn, self._transcript.lines_of(turn))
        return other

    def embed(self) -> None:
        """Embed the turns that are not yet, rather than at the next search. Raises EmbeddingError."""
        with self._current():
            if self._dense is not None:
                self._dense.update(self._transcript.full)

    def pack(self, turns: Iterable[Turn | Line], budget_tokens: int) -> Evidence:
        """`turns` of this memory, or single `lines()`, ranked elsewhere (best first), as many as fit: for comparing
        rankings. A turn stands for all of its passages, in order."""
        not_negative("budget_tokens", budget_tokens)
        turns = collection("turns", turns, "turns")
        ids = (one.id if isinstance(one, Line) else one_of_kind("one of turns", one, Turn).id for one in turns)
        with self._current():
            lines = self._transcript.lines_at(place for one in ids for place in self._transcript.places_of(one))
            return Evidence.of(pack(lines, budget_tokens))

    def render(self) -> str:
        """The working memory as text, in time order; at most `memory_tokens` tokens."""
        with self._current():
            return render(self._working.lines.values())

    def archived(self) -> Iterator[str]:
        """Handles of the turns that are not, or not wholly, in the working memory, in order."""
        with self._current():
            left = [key for key, places in self._transcript.places.items() if not self._working.holds(places)]
        return (f"{HANDLE_PREFIX}{key}" for key in left)

    def losses(self) -> Losses:
        """What the working memory no longer shows of all that was said, for as long as no turn is added."""
        with self._current():
            held = self._working.lines
            archived = [line for place, line in enumerate(self._transcript.full) if place not in held]
            return find_losses([held[place] for place in sorted(held)], archived)

    def recent(self, budget_tokens: int) -> Evidence:
        """The most recent turns that fit, newest first, held or archived: the baseline that needs no memory."""
        not_negative("budget_tokens", budget_tokens)
        with self._current():
            return Evidence.of(pack(reversed(self._transcript.brief), budget_tokens))

    def stats(self) -> MemoryStats:
        """How much is held and how much is archived."""
        with self._current():
            whole = sum(map(self._working.holds, self._transcript.places.values()))
            return MemoryStats(
                tokens=self._working.tokens,
                turns=len(self),
                turns_working=whole,
                turns_archived=len(self) - whole,
                turns_shortened=self._working.shortened,
                embedding_failures=self._embedding_failures,
                turns_forgotten=sum(count for _, count in self._forgotten.values()),
            )
