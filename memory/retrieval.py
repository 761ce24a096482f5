"""Ranking a conversation's turns for a question, with no model: windowed BM25 and what the question says besides words.

A turn seldom holds the words of the question alone: its neighbours carry the topic ("How was the race?" - "Tiring!").
So term frequencies are spread over the turns around (within the session) before BM25 saturates them; that one step is
worth some 13 points of evidence recall at 500 tokens. On top come small terms for synonyms and for instances of a class
that is asked for, the session as a whole, the speaker and dates the question names, and a few habits of conversation.

BM25: Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework", formula 3.15, with the idf of Lucene.
Long histories are searched exactly without scoring most of them: sessions are taken in the order of an upper bound, as
in Ding and Suel 2011, "Faster top-k document retrieval using block-max indexes".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from memory.config import RankingConfig
from memory.lexical import instances, synonyms
from memory.postings import (
    ENDS_IN_QUESTION,
    FOLLOWS_QUESTION,
    NAMES_TIME,
    OPENS_SESSION,
    Floats,
    IndexedTurns,
    Ints,
)
from memory.question import Query, Window, read_query
from memory.turns import Turn

_RECENT_DAYS = 21  # people talk about what happened in the last weeks: a session counts until so long after the window
_AHEAD_DAYS = 3  # ... and about what is to come in the next days
_AHEAD_WEIGHT = 0.4
_SESSION_K1 = 1.5
_FIRST_BLOCKS = 64  # sessions scored at once; histories of months have no more, so that all of it is one array


@dataclass(frozen=True, slots=True)
class _Match:
    """Terms of the index that count as one: `weight` times their saturated frequency is their share of a score."""

    terms: tuple[str, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class _Plan:
    """One query against the index as it is now. `per_block` is what the turns of a block share, shape (blocks,)."""

    query: Query
    matches: list[_Match]
    per_block: Floats


class TurnIndex:
    """Ranks turns for a question; grows by one turn in constant time. Not thread-safe: the owner locks."""

    def __init__(self, config: RankingConfig | None = None) -> None:
        self.config = config or RankingConfig()
        self._turns = IndexedTurns(self.config.window_before, self.config.window_after)

    def __len__(self) -> int:
        return len(self._turns)

    @property
    def speakers(self) -> tuple[str, ...]:
        """In order of appearance."""
        return tuple(self._turns.speakers)

    def add(self, turn: Turn) -> None:
        """Index `turn` as the next one."""
        self._turns.add(turn)

    def idf(self, term: str) -> float:
        """ln(1 + (n - held + .5) / (held + .5)) for the `held` of n turns that hold `term`."""
        return self._turns.idf(term)

    def score(self, queries: Sequence[str]) -> Floats:
        """Scores of all turns, shape (len(self),), higher is better; the first query is the question itself.

        The others support it: `s(question) + query_weight * sqrt(sum_j lexical(query_j)^2)`. Each query is written for
        another possible answer, so one good match should nearly do; the root of squares lets several add up besides.
        A question that names or asks a time is the best query itself: there the others count half.
        """
        return self._score(self._plans(queries), np.arange(self._turns.num_blocks))

    def best(self, queries: Sequence[str]) -> Iterator[int]:
        """The turns in the order of `score`, best first, equal ones in order; scored as far as they are asked for.

        Blocks are scored in the order of an upper bound of their turns' scores; a turn is given out when no block that
        is still to come can hold a better one.
        """
        plans = self._plans(queries)
        bounds = self._bounds(plans) if self._turns.num_blocks > _FIRST_BLOCKS else np.zeros(self._turns.num_blocks)
        order = np.argsort(-bounds, kind="stable")
        scores, turns = np.zeros(0), np.zeros(0, dtype=np.int64)  # scored, not given out yet
        done, size = 0, _FIRST_BLOCKS
        while done < len(order):
            blocks = np.sort(order[done : done + size])
            done, size = done + size, size * 2
            scores = np.concatenate([scores, self._score(plans, blocks)])
            turns = np.concatenate([turns, self._turns.turns_of(blocks)])
            best_first = np.lexsort((turns, -scores))
            scores, turns = scores[best_first], turns[best_first]
            ripe = int(np.count_nonzero(scores > bounds[order[done]])) if done < len(order) else len(scores)
            yield from turns[:ripe].tolist()
            scores, turns = scores[ripe:], turns[ripe:]

    # -- what to look for ----------------------------------------------------------------------------------------------

    def _plans(self, queries: Sequence[str]) -> list[_Plan]:
        if not queries:
            raise ValueError("a search needs at least one query: the question")
        return [self._plan(text, is_question=place == 0) for place, text in enumerate(dict.fromkeys(queries))]

    def _plan(self, text: str, is_question: bool) -> _Plan:
        config, index = self.config, self._turns
        query = read_query(text, self.speakers, index.years)
        present = [term for term in query.terms if term in index]
        per_block = config.session_weight * self._match_blocks(present)
        if is_question and query.windows:
            per_block += config.date_weight * match_dates(query.windows, index.block_days)
        return _Plan(query, self._matches(query, present), per_block)

    def _matches(self, query: Query, present: Sequence[str]) -> list[_Match]:
        """The query's own terms, their synonyms, and the instances of the classes among them."""
        config, index = self.config, self._turns
        # words of a date count as matchable: the more of the question is a date, the more its date should weigh
        matchable = sum(index.idf(term) for term in query.terms if term in index or term in index.date_words)
        everything = sum(index.idf(term) for term in query.terms)
        matches = [_Match((term,), index.idf(term) / matchable) for term in present]
        seen = set(query.terms)
        for related in dict.fromkeys(other for term in query.terms for other in synonyms(term)):
            if related in index and related not in seen:
                matches.append(_Match((related,), config.synonym_weight * index.idf(related) / everything))
                seen.add(related)
        for term in query.terms:
            members = tuple(one for one in instances(term) if one in index and one not in seen)
            if members:
                rarity = min(index.idf(term), index.idf(*members))
                matches.append(_Match(members, config.instance_weight * rarity / everything))
                seen.update(members)
        return matches

    def _match_blocks(self, present: Sequence[str]) -> Floats:
        """BM25 of the blocks as wholes, over its maximum: 1.0 is the session that matches best."""
        blocks = self._turns.num_blocks
        score = np.zeros(blocks)
        if not present:
            return score
        norm = self._length_norm(_SESSION_K1, self._turns.relative_block_lengths())
        for term in present:
            frequency = self._turns.count_in_blocks((term,))
            held = np.count_nonzero(frequency)
            idf = math.log(1 + (blocks - held + 0.5) / (held + 0.5))
            score += idf * frequency * (_SESSION_K1 + 1) / (frequency + norm)
        best = score.max(initial=0.0)
        return score / best if best > 0 else score

    def _length_norm(self, k1: float, relative_lengths: Floats) -> Floats:
        b = self.config.bm25_b
        return np.maximum(k1 * (1 - b + b * relative_lengths), 1e-9)

    # -- scores --------------------------------------------------------------------------------------------------------

    def _score(self, plans: Sequence[_Plan], blocks: Ints) -> Floats:
        """Scores of the turns of `blocks` (ascending), in order."""
        if not len(blocks):
            return np.zeros(0)
        config, index, question = self.config, self._turns, plans[0].query
        turns = index.turns_of(blocks)
        score = self._fuse(question, [self._score_words(plan, blocks, turns) for plan in plans])
        score += config.question_prior * index.flagged(turns, ENDS_IN_QUESTION)
        score += config.reply_prior * index.flagged(turns, FOLLOWS_QUESTION)
        score += config.opening_prior * index.flagged(turns, OPENS_SESSION)
        if question.named and len(question.named) < len(index.speakers):
            named = np.isin(index.speaker_of(turns), [index.speakers[name] for name in question.named])
            score += np.where(named, config.speaker_weight, -config.speaker_weight)
        if question.asks_when:
            score += config.time_prior * index.flagged(turns, NAMES_TIME)
        return score

    def _score_words(self, plan: _Plan, blocks: Ints, turns: Ints) -> Floats:
        """Windowed BM25 of the plan's terms, and what the turns of a block share."""
        config, index = self.config, self._turns
        shared = plan.per_block[index.block_of(turns)]
        if not plan.matches:
            return shared
        frequencies = index.frequencies([match.terms for match in plan.matches], blocks)
        windowed = frequencies.copy()
        for distance, share in enumerate(config.window_before, 1):
            windowed[:, distance:] += share * frequencies[:, :-distance]
        for distance, share in enumerate(config.window_after, 1):
            windowed[:, :-distance] += share * frequencies[:, distance:]
        windowed = windowed[:, index.place(blocks)[1]]
        norm = self._length_norm(config.bm25_k1, index.relative_lengths(turns))
        saturated = windowed * (config.bm25_k1 + 1) / (windowed + norm)
        weights = np.array([match.weight for match in plan.matches])
        return (weights[:, None] * saturated).sum(axis=0) + shared  # sums rows in order, whatever the blocks

    def _bounds(self, plans: Sequence[_Plan]) -> Floats:
        """Per block, what no turn in it can exceed: a window holds each occurrence in the block once at most."""
        config = self.config
        shortest = self._length_norm(config.bm25_k1, np.zeros(1))
        lexical = []
        for plan in plans:
            bound = plan.per_block.copy()
            for match in plan.matches:
                frequency = self._turns.count_in_blocks(match.terms)
                bound += match.weight * (config.bm25_k1 + 1) * frequency / (frequency + shortest)
            lexical.append(bound)
        question = plans[0].query
        prior = max(config.question_prior, 0.0) + max(config.opening_prior, config.reply_prior, 0.0)
        prior += config.time_prior * question.asks_when + config.speaker_weight * bool(question.named)
        return self._fuse(question, lexical) + prior + 1e-9  # for the rounding of sums

    def _fuse(self, question: Query, lexical: Sequence[Floats]) -> Floats:
        if len(lexical) == 1:
            return lexical[0]
        weight = self.config.query_weight * (0.5 if question.asks_when or question.windows else 1.0)
        return lexical[0] + weight * np.sqrt(sum(one**2 for one in lexical[1:]))


def match_dates(windows: Sequence[Window], days: Ints) -> Floats:
    """How well each day (an ordinal; -1: unknown) lies in the best of `windows`, 0 to 1; it fades in weeks."""
    best = np.zeros(len(days))
    for window in windows:
        first, last = window.first.toordinal(), window.last.toordinal()
        fading = np.clip(1 - (days - last) / _RECENT_DAYS, 0, 1)
        match = np.where(days > last, fading, np.where(days >= first, 1.0, 0.0))
        if first == last:
            match = np.where((days < first) & (days >= first - _AHEAD_DAYS), _AHEAD_WEIGHT, match)
        best = np.maximum(best, window.weight * match)
    return np.where(days < 0, 0.0, best)
