"""Ranks a conversation's passages for a question without a model: windowed BM25, and what the question says besides.

A turn often lacks the words of the question because its neighbours have them ("How was the race?" - "Tiring!"). So term
frequencies are spread over neighbouring turns of the session before BM25 saturates them, the farther the less is said
between; this step alone adds about 13 points of evidence recall at 500 tokens of LoCoMo. The score also counts the
turns' tags, synonyms, instances of a class that the question asks for, the match of the whole session, the speaker and
dates that the question names, how long the whole turn is, and a few habits of conversation. A short turn is one
passage; a long one has several (memoryqa/passages.py), and each is ranked alone.

BM25: Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework", formula 3.15, with the idf of Lucene.
Long histories are searched exactly without scoring most turns: runs of turns are taken in the order of an upper bound,
as in Ding and Suel 2011, "Faster top-k document retrieval using block-max indexes".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from memoryqa.arrays import Floats, Ints
from memoryqa.config import RankingConfig
from memoryqa.errors import UsageError
from memoryqa.language.locales.detection import ENGLISH, by_use
from memoryqa.language.question import Asking, Query, Window, read_query, users_among
from memoryqa.language.terms import idf
from memoryqa.rendering import Line
from memoryqa.search.bounds.best_first import FIRST_CHUNKS, best_first
from memoryqa.search.bounds.chunks import CHUNK_BITS
from memoryqa.search.bounds.occurrences import Sought
from memoryqa.search.date_match import match_blocks
from memoryqa.search.matches import as_spoken, find_matches
from memoryqa.search.passage_reading import NAMES_TIME, SAYS_I, SAYS_NAME
from memoryqa.search.postings import IndexedPassages
from memoryqa.search.priors import NAME_PRIOR, PERSON_PRIOR, Preference, Priors, fuse
from memoryqa.search.windows import Windows
from memoryqa.turns import Turn

_SESSION_K1 = 1.5
_OTHER_LANGUAGES = 3.0  # times the weight of the speaker, whose "I" is not seen and whose words have fewer tables
_SELDOM = 1 / 16  # occurrences of a match, for each passage
_MOST_QUERIES = 16  # kept as they were read
_MOST_PASSAGES = 32_768  # scored at once
_ROUNDING = 1e-9  # what the errors of a bound may be


@dataclass(frozen=True, slots=True)
class _Plan:
    """One query against the present index.

    weights: of each match. sought: where its terms occur. per_block: added to all turns of a block.
    """

    query: Query
    weights: Floats
    sought: Sought
    per_block: Floats


@dataclass(frozen=True, slots=True)
class _Bounds:
    """For each chunk an upper bound of its passages' scores, and for each plan of what its words add to the match; of
    these what words add that are said often."""

    total: Floats
    words: list[Floats]
    often: list[Floats]


class PassageIndex:
    """Ranks turns for a question; grows by one turn in constant time. Not thread-safe: the owner locks."""

    def __init__(self, config: RankingConfig | None = None) -> None:
        self.config = config or RankingConfig()
        self._passages = IndexedPassages(
            Windows(self.config.window_before, self.config.window_after, self.config.window_tokens)
        )
        self._queries: dict[
            tuple[str, Asking | None], Query
        ] = {}  # those of the last search, read while the index was as `_queries_read_of` says
        self._queries_read_of = 0, 0
        self._priors = Priors(self.config)

    def __len__(self) -> int:
        return len(self._passages)

    @property
    def speakers(self) -> tuple[str, ...]:
        """The speakers, in order of appearance."""
        return tuple(self._passages.speakers)

    def add(self, turn: Turn, lines: Sequence[Line]) -> None:
        """Index the passages of the next turn."""
        self.extend([(turn, lines)])

    def extend(self, added: Sequence[tuple[Turn, Sequence[Line]]]) -> None:
        """Index the passages of the next turns, given with their lines, in less time than one by one."""
        self._passages.extend(added)

    def with_config(self, config: RankingConfig) -> PassageIndex:
        """An index of the same turns, including later ones, with other weights. The windows stay as they are."""
        other = PassageIndex(config)
        other._passages = self._passages
        return other

    def score(self, queries: Sequence[str], matches: Sequence[Floats] = (), asking: Asking | None = None) -> Floats:
        """Scores of all turns, shape (len(self),), higher is better; the first query is the question itself.

        The others support it: `lexical(question) + query_weight * sqrt(sum_j lexical(query_j)^2)`. Each query is
        written for another possible answer, so one good match should nearly suffice; with the root of squares several
        still add up. For a question that names or asks a time the question is the best query, and the others count
        half. What does not depend on words counts `1 + query_weight` times, so that it weighs as much beside the larger
        match. Queries are worded as the speaker whom the question names would speak: what others said counts less.
        `matches`: for each distinct query a further match of every turn, of the same shape, added to the lexical one.
        `asking`: what the question's dates are read by.
        """
        plans = self._plans(queries, asking)
        passages = np.arange(len(self))
        parts = [
            self._score(plans, passages[i : i + _MOST_PASSAGES], matches) for i in range(0, len(self), _MOST_PASSAGES)
        ]
        return np.concatenate([np.zeros(0), *parts])

    def best(
        self, queries: Sequence[str], among: Collection[int] | None = None, score_floor: float = 0.0
    ) -> Iterator[int]:
        """The turns of `ranked`, without their scores."""
        return (place for place, _ in self.ranked(queries, among, score_floor))

    def scores_of(self, queries: Sequence[str], places: Sequence[int], asking: Asking | None = None) -> list[float]:
        """Scores of single turns, as `score` has them."""
        wanted, order = np.unique(np.array(places, dtype=np.int64), return_inverse=True)
        scores: list[float] = self._score(self._plans(queries, asking), wanted)[order].tolist()
        return scores

    def days_of(self, question: str, asking: Asking | None = None) -> Sequence[Window]:
        """The days that a question names."""
        return self._read(question, asking).windows

    def language_of(self, question: str, asking: Asking | None = None) -> str:
        """The code of the language that a question is read in."""
        return self._read(question, asking).language

    def asks_only_days(self, question: str, asking: Asking | None = None) -> bool:
        """Whether a question has days and no other word that a turn could have: "What happened last week?"."""
        query = self._read(question, asking)
        return bool(query.windows) and not query.terms

    def share_known(self, queries: Sequence[str], asking: Asking | None = None) -> float:
        """Share of a query's words that were said, each counting its idf, 0 to 1; the largest of any query.

        Scores are relative to these words alone: a question about something else has one word in common, and that fits.
        Times this share they are comparable between questions.
        """
        index, shares = self._passages, [0.0]
        for place, text in enumerate(queries):
            query = self._read(text, None if place else asking)
            weights = {term: index.idf(term) for term in query.terms}
            known = sum(idf for term, idf in weights.items() if index.says(term) or term in index.date_words)
            shares.append(known / sum(weights.values()) if weights and not query.asks_person else 1.0)
        return max(shares)

    def ranked(
        self,
        queries: Sequence[str],
        among: Collection[int] | None = None,
        score_floor: float = 0.0,
        asking: Asking | None = None,
    ) -> Iterator[tuple[int, float]]:
        """Yield turns with their scores, best first, ties in order; scores only as many turns as the caller reads.

        `among`: only these turns. `score_floor`: only turns that score at least this share of the best one. See
        `best_first`. Raises RuntimeError when turns were added or changed meanwhile.
        """
        plans, state = self._plans(queries, asking), self._state()
        wanted = None if among is None else np.array(sorted(among), dtype=np.int64)
        chunks = np.arange(self._passages.num_chunks) if wanted is None else np.unique(wanted >> CHUNK_BITS)
        bounds = self._bounds(plans) if len(chunks) > FIRST_CHUNKS else None

        def open_chunks(opened: Ints, least: float) -> tuple[Ints, Floats]:
            if self._state() != state:
                raise RuntimeError("turns were added or changed while a ranking was read; rank again")
            passages = self._passages.passages_of(opened)
            if wanted is not None:
                passages = passages[np.isin(passages, wanted)]
            if bounds is None or least == -np.inf:
                return passages, np.full(len(passages), np.inf)
            return passages, self._bound_passages(plans, bounds, passages, least)

        of_chunks = np.zeros(len(chunks)) if bounds is None else bounds.total
        if bounds is not None and wanted is not None:
            of_chunks = bounds.total[chunks]
        return best_first(chunks, of_chunks, open_chunks, lambda passages: self._score(plans, passages), score_floor)

    # -- what to look for ----------------------------------------------------------------------------------------------

    def _plans(self, queries: Sequence[str], asking: Asking | None = None) -> list[_Plan]:
        if not queries:
            raise UsageError("a search needs at least one query: the question")
        return [self._plan(text, place == 0, asking) for place, text in enumerate(dict.fromkeys(queries))]

    def _state(self) -> tuple[int, int]:
        """Another one after turns were added or changed."""
        return len(self), self._passages.version

    def _read(self, text: str, asking: Asking | None = None) -> Query:
        """`read_query`, once for a search: who spoke, and in which years, changes only when turns are added or
        changed."""
        state = self._state()
        if self._queries_read_of != state or len(self._queries) > _MOST_QUERIES:
            self._queries.clear()
            self._queries_read_of = state
        if (text, asking) not in self._queries:
            index = self._passages
            query = read_query(text, self.speakers, index.years, by_use(index.languages), asking)
            self._queries[text, asking] = as_spoken(query, index)
        return self._queries[text, asking]

    def _plan(self, text: str, is_question: bool, asking: Asking | None) -> _Plan:
        config, index = self.config, self._passages
        query = self._read(text, asking if is_question else None)  # others are worded as what was said may be
        present = [term for term in query.terms if term in index]
        per_block = config.session_weight * self._match_blocks(present)
        if is_question and query.windows:
            per_block += config.date_weight * match_blocks(query.windows, *index.block_days)
        matches = find_matches(query, index, config)
        weights = np.array([match.weight for match in matches])
        return _Plan(query, weights, index.seek([(match.terms, match.shares) for match in matches]), per_block)

    def _match_blocks(self, present: Sequence[str]) -> Floats:
        """BM25 of each block as one document, divided by the maximum: 1.0 is the block that matches best."""
        blocks = self._passages.num_blocks
        score = np.zeros(blocks)
        if not present:
            return score
        norm = self._length_norm(_SESSION_K1, self._passages.relative_block_lengths())
        for term in present:
            frequency, held = self._passages.count_in_blocks(term)
            saturated = frequency + norm
            np.divide(frequency, saturated, out=saturated)
            saturated *= idf(held, blocks) * (_SESSION_K1 + 1)
            score += saturated
        best = score.max(initial=0.0)
        return score / best if best > 0 else score

    def _length_norm(self, k1: float, relative_lengths: Floats) -> Floats:
        b = self.config.bm25_b
        return np.maximum(k1 * (1 - b + b * relative_lengths), 1e-9)

    # -- scores --------------------------------------------------------------------------------------------------------

    def _score(self, plans: Sequence[_Plan], passages: Ints, matches: Sequence[Floats] = ()) -> Floats:
        """Scores of `passages` (ascending)."""
        words = [self._score_words(plan, passages) for plan in plans]
        return self._combined(plans, passages, words, matches)

    def _combined(
        self, plans: Sequence[_Plan], passages: Ints, words: Sequence[Floats], matches: Sequence[Floats] = ()
    ) -> Floats:
        """Scores of passages whose words match so well; upper bounds of scores, where the matches are upper bounds."""
        config, index, question = self.config, self._passages, plans[0].query
        blocks = index.block_of(passages)
        lexical = [match + plan.per_block[blocks] for match, plan in zip(words, plans, strict=True)]
        if matches:
            lexical = [match + other[passages] for match, other in zip(lexical, matches, strict=True)]
        preferred, support = self._preference(question), self._support(question, len(plans))
        named = None
        if preferred.speakers:
            named = index.said_by(preferred.speakers, passages)
        score, scale = fuse(lexical, support, preferred, named), 1 + support
        flags = index.flags_of(passages)
        if named is not None:
            score += scale * np.where(named, preferred.weight, -preferred.weight)
            score += scale * preferred.first_person * (named & ((flags & SAYS_I) != 0))
        score += scale * self._priors.of(index)[passages]
        if not question.asks_what_was_told:
            score -= scale * config.length_weight * index.doublings(passages)
        if question.asks_when:
            score += scale * config.time_prior * ((flags & NAMES_TIME) != 0)
        if question.asks_name:
            score += scale * NAME_PRIOR * ((flags & SAYS_NAME) != 0)
        if question.asks_person:
            score += scale * PERSON_PRIOR * index.said_by(question.named, passages)
        return score

    def _preference(self, question: Query) -> Preference:
        """Whose passages count more: of the speakers that the question names, unless it names all.

        A question to an assistant's memory names nobody: what the user said is asked for more often, unless the
        question asks for what the assistant said.
        """
        config, speakers = self.config, self._passages.speakers
        if question.named:
            named = question.named if len(question.named) < len(speakers) else ()
            others = _OTHER_LANGUAGES if question.language != ENGLISH else 1.0
            weight = others * config.speaker_weight
            return Preference(named, weight, config.speaker_share, config.query_share, config.first_person_weight)
        users = () if question.asks_what_was_told else users_among(speakers, question.owner)
        return Preference(users, config.role_weight)

    def _bound_passages(self, plans: Sequence[_Plan], bounds: _Bounds, passages: Ints, least: float) -> Floats:
        """Upper bounds of the scores of `passages` (ascending); tighter ones where they would be `least` or more."""
        chunks = passages >> CHUNK_BITS
        at_most = self._combined(plans, passages, [words[chunks] for words in bounds.words])
        near = np.flatnonzero(at_most >= least)
        passages, chunks = passages[near], chunks[near]
        words = [
            often[chunks] + self._score_words(plan, passages, _seldom(plan, len(self)))
            for plan, often in zip(plans, bounds.often, strict=True)
        ]
        at_most[near] = self._combined(plans, passages, words)
        return at_most

    def _score_words(self, plan: _Plan, passages: Ints, numbers: Sequence[int] | None = None) -> Floats:
        """Windowed BM25 of the plan's matches, or of those at `numbers`, in `passages` (ascending)."""
        config, index = self.config, self._passages
        weights = plan.weights if numbers is None else plan.weights[numbers]
        total = np.zeros(len(passages))
        if not len(weights) or not len(passages):
            return total
        saturated, norm = np.empty_like(total), self._length_norm(config.bm25_k1, index.relative_lengths(passages))
        # a passage's matches are summed in their order, so that the sum is the same to the bit with any other passages
        for weight, frequency in zip(weights, index.windowed(plan.sought, passages, numbers), strict=True):
            np.add(frequency, norm, out=saturated)
            frequency *= config.bm25_k1 + 1
            np.divide(frequency, saturated, out=saturated)
            saturated *= weight
            total += saturated
        return total

    def _bounds(self, plans: Sequence[_Plan]) -> _Bounds:
        """Upper bounds of the scores of each chunk's passages."""
        config, index = self.config, self._passages
        shortest = self._length_norm(config.bm25_k1, index.relative_chunk_lengths())
        of_words, of_often = [], []
        for plan in plans:
            seldom, often = np.zeros_like(shortest), np.full_like(shortest, _ROUNDING)
            rare = frozenset(_seldom(plan, len(self)))
            for number, weight in enumerate(plan.weights):
                chunks, frequency = index.bound_windowed(plan.sought, number)
                frequency = frequency / (frequency + shortest[chunks])
                frequency *= weight * (config.bm25_k1 + 1)
                (seldom if number in rare else often)[chunks] += frequency
            of_words.append(seldom + often)
            of_often.append(often)
        lexical = [words + index.largest_in_chunks(plan.per_block) for words, plan in zip(of_words, plans, strict=True)]
        question = plans[0].query
        preferred, support = self._preference(question), self._support(question, len(plans))
        named = None
        if preferred.speakers:
            named = np.zeros(index.num_chunks, dtype=np.bool_)
            for name in preferred.speakers:
                named[index.chunks_of(name)] = True
        bound = fuse(lexical, support, preferred, named)
        priors = self._priors.bound(index, question.asks_when, question.asks_name)
        if named is not None:
            priors += np.where(named, preferred.weight, -preferred.weight)
            priors += preferred.first_person * (named & ((index.chunk_flags() & SAYS_I) != 0))
        if question.asks_person:
            priors += PERSON_PRIOR
        return _Bounds(bound + (1 + support) * priors + _ROUNDING, of_words, of_often)

    def _support(self, question: Query, num_queries: int) -> float:
        """The weight of the supporting queries, of which there are one less than queries."""
        if num_queries == 1:
            return 0.0
        return self.config.query_weight * (0.5 if question.asks_when or question.windows else 1.0)


def _seldom(plan: _Plan, num_passages: int) -> list[int]:
    """The numbers of the matches that are quickly looked up in any passages."""
    return [number for number, size in enumerate(plan.sought.sizes) if size <= _SELDOM * num_passages]
