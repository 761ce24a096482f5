"""Ranking a conversation's turns for a question, with no model: windowed BM25 and what the question says besides words.

A turn seldom holds the words of the question alone: its neighbours carry the topic ("How was the race?" - "Tiring!").
So term frequencies are spread over the turns around (within the session) before BM25 saturates them; that one step is
worth some 13 points of evidence recall at 500 tokens. On top come a small term for synonyms, the session as a whole,
the speaker the question names, the dates it names, and a few habits of conversation.

BM25: Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework", formula 3.15, with the idf of Lucene.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from memory.lexical import synonyms, terms
from memory.question import Query, Window, read_query
from memory.temporal import has_time_expression
from memory.turns import MONTHS, Turn

Scores = npt.NDArray[np.float64]

_RECENT_DAYS = 21  # people talk about what happened in the last weeks: a session counts until so long after the window
_AHEAD_DAYS = 3  # ... and about what is to come in the next days
_AHEAD_WEIGHT = 0.4
_SESSION_K1 = 1.5


@dataclass(frozen=True, slots=True)
class RankingConfig:
    """Weights of the ranking. The lexical match is the unit: 1.0 is a turn that holds every word of the question often.

    Chosen on the train conversations of LoCoMo (see docs/LOG.md); the windows, the names and the dates should carry
    over to any conversation, the `*_prior` weights are the ones most likely to want another value elsewhere.
    """

    window_before: tuple[float, ...] = field(
        default=(0.6, 0.4, 0.2),
        metadata={"help": "share of the terms of the 1st, 2nd, ... turn before that a turn inherits"},
    )
    window_after: tuple[float, ...] = field(default=(0.3, 0.2, 0.1), metadata={"help": "the same for the turns after"})
    bm25_k1: float = field(default=0.9, metadata={"help": "BM25 saturation of term frequency"})
    bm25_b: float = field(default=0.75, metadata={"help": "BM25 length normalisation, 0 to 1"})
    synonym_weight: float = field(default=0.2, metadata={"help": "weight of a synonym's match"})
    session_weight: float = field(default=0.1, metadata={"help": "weight of the whole session's match"})
    speaker_weight: float = field(
        default=0.1, metadata={"help": "added for the speaker the question names, taken from others"}
    )
    date_weight: float = field(
        default=0.3, metadata={"help": "weight of the session's date lying where the question asks"}
    )
    question_prior: float = field(default=-0.1, metadata={"help": "added to turns that end in a question mark"})
    reply_prior: float = field(default=0.05, metadata={"help": "added to turns that follow a question"})
    opening_prior: float = field(
        default=0.1, metadata={"help": "added to the first turn of a session: news comes first"}
    )
    time_prior: float = field(
        default=0.2, metadata={"help": "added to turns that name a time, when the question asks when"}
    )
    query_weight: float = field(
        default=1.0, metadata={"help": "weight of the best supporting query beside the question"}
    )

    def __post_init__(self) -> None:
        if self.bm25_k1 <= 0 or not 0 <= self.bm25_b <= 1:
            raise ValueError(f"bm25_k1 must be > 0 and bm25_b in 0..1, got {self.bm25_k1} and {self.bm25_b}")
        for one in fields(self):
            value = getattr(self, one.name)
            if not all(np.isfinite(value if isinstance(value, tuple) else (value,))):
                raise ValueError(f"{one.name} must be finite, got {value}")


class TurnIndex:
    """An index of turns that grows by one turn in constant time and scores them all for a question.

    For windows, turns stand at positions with a gap between sessions, wide enough that no window reaches across.
    Not thread-safe: the owner locks.
    """

    def __init__(self, config: RankingConfig | None = None) -> None:
        self.config = config or RankingConfig()
        self._gap = max(len(self.config.window_before), len(self.config.window_after))
        self._postings: dict[str, tuple[array[int], array[float]]] = {}  # term -> turns, frequencies
        self._session_of: dict[int, int] = {}  # session number -> row in the session arrays
        self._session_days = array("q")  # ordinal of the session's date, -1 when unknown
        self._session_terms = array("d")  # number of terms
        self._years: set[int] = set()
        self._date_words: set[str] = set()
        self._positions = array("q")  # of turn 0, 1, ...
        self._sessions = array("q")  # row of each turn's session
        self._lengths = array("d")  # windowed number of terms, per position; gaps at both ends
        self._speakers: dict[str, int] = {}
        self._speaker = array("q")  # per turn
        self._prior = array("d")  # per turn, what does not depend on the question
        self._names_time = array("d")  # per turn, 1.0 when it names a time
        self._previous: Turn | None = None

    def __len__(self) -> int:
        return len(self._positions)

    @property
    def speakers(self) -> tuple[str, ...]:
        """In order of appearance."""
        return tuple(self._speakers)

    # -- adding --------------------------------------------------------------------------------------------------------

    def add(self, turn: Turn) -> None:
        """Index `turn` as the next one. Turns of one session come together, in order."""
        opens = self._previous is None or self._previous.session != turn.session
        position = self._next_position(opens)
        found = terms(f"{turn.text} {turn.caption}")
        row = self._session_row(turn)
        self._session_terms[row] += len(found)
        for term, frequency in Counter(found).items():
            turns, frequencies = self._postings.setdefault(term, (array("q"), array("d")))
            turns.append(len(self))
            frequencies.append(frequency)
        self._positions.append(position)
        self._sessions.append(row)
        self._spread_length(position, len(found))
        self._speaker.append(self._speakers.setdefault(turn.speaker, len(self._speakers)))
        self._names_time.append(float(has_time_expression(turn.text)))
        self._prior.append(self._prior_of(turn, opens))
        self._previous = turn

    def _next_position(self, opens: bool) -> int:
        before = self._positions[-1] + 1 if self._positions else 0
        position = before + (self._gap if opens else 0)
        missing = position + self._gap + 1 - len(self._lengths)
        self._lengths.frombytes(bytes(8 * missing))
        return position

    def _session_row(self, turn: Turn) -> int:
        if turn.session not in self._session_of:
            self._session_of[turn.session] = len(self._session_of)
            self._session_days.append(turn.time.toordinal() if turn.time else -1)
            self._session_terms.append(0.0)
            if turn.time:
                self._years.add(turn.time.year)
                self._date_words.update(terms(f"{MONTHS[turn.time.month - 1]} {turn.time.year}"), (str(turn.time.day),))
        return self._session_of[turn.session]

    def _spread_length(self, position: int, length: int) -> None:
        """The windowed length of a turn is windowed as its terms are."""
        self._lengths[position] += length
        for distance, share in enumerate(self.config.window_after, 1):
            self._lengths[position - distance] += share * length
        for distance, share in enumerate(self.config.window_before, 1):
            self._lengths[position + distance] += share * length

    def _prior_of(self, turn: Turn, opens: bool) -> float:
        config = self.config
        prior = config.question_prior if turn.text.rstrip().endswith("?") else 0.0
        if opens:
            return prior + config.opening_prior
        return prior + (config.reply_prior if self._previous and "?" in self._previous.text else 0.0)

    # -- scoring -------------------------------------------------------------------------------------------------------

    def score(self, queries: Sequence[str]) -> Scores:
        """Scores of all turns, shape (len(self),), higher is better; the first query is the question itself.

        The others support it: `s(question) + query_weight * max_j (s(query_j) - median(s(query_j)))`. The best query
        counts, not their mean, since each is written for another possible answer.
        """
        if not queries:
            raise ValueError("score needs at least one query: the question")
        if not len(self):
            return np.zeros(0)
        total = self._score_one(queries[0])
        supporting = [self._score_one(query) for query in dict.fromkeys(queries[1:]) if query != queries[0]]
        if supporting:
            total = total + self.config.query_weight * np.max(
                [score - np.median(score) for score in supporting], axis=0
            )
        return total

    def _score_one(self, text: str) -> Scores:
        config = self.config
        query = read_query(text, self.speakers, self._years)
        sessions = np.frombuffer(self._sessions, dtype=np.int64)
        score = self._match(query) + np.frombuffer(self._prior)
        if config.session_weight:
            score += config.session_weight * self._match_sessions(query)[sessions]
        if query.named and len(query.named) < len(self._speakers):
            named = np.isin(
                np.frombuffer(self._speaker, dtype=np.int64), [self._speakers[name] for name in query.named]
            )
            score += np.where(named, config.speaker_weight, -config.speaker_weight)
        if query.windows:
            days = np.frombuffer(self._session_days, dtype=np.int64)
            score += config.date_weight * match_dates(query.windows, days)[sessions]
        if query.asks_when:
            score += config.time_prior * np.frombuffer(self._names_time)
        return score

    def idf(self, term: str) -> float:
        held = len(self._postings[term][0]) if term in self._postings else 0
        return float(np.log(1 + (len(self) - held + 0.5) / (held + 0.5)))

    def _match(self, query: Query) -> Scores:
        """Windowed BM25 of the query's terms and their synonyms, as a share of what the query could match at most."""
        config = self.config
        present = [term for term in query.terms if term in self._postings]
        # words of a date count as matchable: the more of the question is a date, the more its date term should weigh
        matchable = sum(self.idf(term) for term in query.terms if term in self._postings or term in self._date_words)
        everything = sum(self.idf(term) for term in query.terms)
        related = dict.fromkeys(other for term in query.terms for other in synonyms(term))
        related_present = [term for term in related if term in self._postings and term not in query.terms]
        weights = [self.idf(term) / matchable for term in present]
        weights += [config.synonym_weight * self.idf(term) / everything for term in related_present]
        if not weights:
            return np.zeros(len(self))
        saturated = self._saturate(self._window([*present, *related_present]))
        return np.asarray(weights) @ saturated

    def _window(self, matched: list[str]) -> Scores:
        """Windowed term frequencies, shape (terms, turns)."""
        at = np.frombuffer(self._positions, dtype=np.int64)
        frequencies = np.zeros((len(matched), len(self._lengths)))
        for row, term in enumerate(matched):
            turns, counts = self._postings[term]
            frequencies[row, at[np.frombuffer(turns, dtype=np.int64)]] = np.frombuffer(counts)
        windowed = frequencies.copy()
        for distance, share in enumerate(self.config.window_before, 1):
            windowed[:, distance:] += share * frequencies[:, :-distance]
        for distance, share in enumerate(self.config.window_after, 1):
            windowed[:, :-distance] += share * frequencies[:, distance:]
        return windowed[:, at]

    def _saturate(self, frequencies: Scores) -> Scores:
        config = self.config
        lengths = np.frombuffer(self._lengths)[np.frombuffer(self._positions, dtype=np.int64)]
        norm = config.bm25_k1 * (1 - config.bm25_b + config.bm25_b * lengths / max(float(lengths.mean()), 1e-9))
        return frequencies * (config.bm25_k1 + 1) / (frequencies + np.maximum(norm, 1e-9))

    def _match_sessions(self, query: Query) -> Scores:
        """BM25 of the sessions as wholes, over its maximum: 1.0 is the session that matches best."""
        rows = len(self._session_of)
        sizes = np.frombuffer(self._session_terms)
        norm = _SESSION_K1 * (1 - self.config.bm25_b + self.config.bm25_b * sizes / max(float(sizes.mean()), 1e-9))
        session_of_turn = np.frombuffer(self._sessions, dtype=np.int64)
        score = np.zeros(rows)
        for term in query.terms:
            if term in self._postings:
                turns, counts = self._postings[term]
                found = session_of_turn[np.frombuffer(turns, dtype=np.int64)]
                frequency = np.bincount(found, weights=np.frombuffer(counts), minlength=rows)
                held = np.count_nonzero(frequency)
                idf = np.log(1 + (rows - held + 0.5) / (held + 0.5))
                score += idf * frequency * (_SESSION_K1 + 1) / (frequency + norm)
        best = score.max(initial=0.0)
        return score / best if best > 0 else score


def match_dates(windows: Sequence[Window], days: npt.NDArray[np.int64]) -> Scores:
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
