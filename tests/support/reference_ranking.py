"""A slow reference of the ranking, term by term and turn by turn, and histories and weights to compare it on."""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter
from datetime import date, datetime, timedelta
from itertools import groupby

from hypothesis import strategies as st
from strategies import WORDS, sentences

from memoryqa.config import RankingConfig
from memoryqa.language.dates import has_time_expression
from memoryqa.language.question import Query, Window, read_query
from memoryqa.language.terms import instances, synonyms, terms
from memoryqa.search.ranking import TurnIndex
from memoryqa.turns import MONTHS, Turn

DAY = datetime(2023, 5, 8)


def index_of(turns: list[Turn], config: RankingConfig | None = None) -> TurnIndex:
    index = TurnIndex(config)
    for turn in turns:
        index.add(turn)
    return index


# -- the reference -----------------------------------------------------------------------------------------------------


class Reference:
    """Scores by the recipe. `blocks`: unbroken runs of turns of one session, as lists of turns."""

    def __init__(self, turns: list[Turn], config: RankingConfig) -> None:
        self.turns, self.config = turns, config
        self.blocks = [list(block) for _, block in groupby(turns, key=lambda turn: turn.session)]
        self.block_of = [number for number, block in enumerate(self.blocks) for _ in block]
        self.counts = [Counter(terms(f"{turn.text} {turn.caption}")) for turn in turns]
        self.tags = [Counter(dict.fromkeys(terms(" ".join(turn.tags)), 1)) for turn in turns]
        self.dates = [turn.time for turn in turns if turn.time]
        self.speakers = list(dict.fromkeys(turn.speaker for turn in turns))

    def score(self, queries: list[str]) -> list[float]:
        config = self.config
        question = self.read(queries[0])
        supporting = [self.lexical(self.read(text)) for text in dict.fromkeys(queries) if text != queries[0]]
        names_time = question.asks_when or question.windows
        weight = config.query_weight * (0.5 if names_time else 1.0)
        scores = []
        for i, lexical in enumerate(self.lexical(question)):
            support = math.sqrt(sum(other[i] ** 2 for other in supporting))
            scores.append(lexical + weight * support + self.prior(i) + self.asked(question, i))
        return scores

    def read(self, text: str) -> Query:
        return read_query(text, self.speakers, {time.year for time in self.dates})

    def windowed(self, i: int, amount: dict[int, float]) -> float:
        """What turn i has of its own and inherits from the turns around it."""
        total = amount[i]
        for direction, shares in ((-1, self.config.window_before), (1, self.config.window_after)):
            for distance, share in enumerate(shares, 1):
                j = i + direction * distance
                if 0 <= j < len(self.turns) and self.block_of[j] == self.block_of[i]:
                    total += share * amount[j]
        return total

    def idf(self, *one_of: str) -> float:
        n = len(self.turns)
        held = min(n, sum(term in count for count in self.counts for term in one_of))
        return math.log(1 + (n - held + 0.5) / (held + 0.5))

    def saturated(self, one_of: tuple[str, ...], i: int) -> float:
        """The saturated frequency of terms that count as one."""
        k1, b = self.config.bm25_k1, self.config.bm25_b
        everyone = range(len(self.turns))
        sizes = {j: float(sum(self.counts[j].values())) for j in everyone}
        average = statistics.fmean(self.windowed(j, sizes) for j in everyone)
        frequency = self.windowed(i, {j: float(sum(self.occurrences(term, j) for term in one_of)) for j in everyone})
        if not frequency:
            return 0.0
        return frequency * (k1 + 1) / (frequency + k1 * (1 - b + b * self.windowed(i, sizes) / average))

    def occurrences(self, term: str, j: int) -> int:
        """In the words of turn j, or with a # in its tags, each of which counts once."""
        return self.tags[j][term[1:]] if term.startswith("#") else self.counts[j][term]

    def lexical(self, query: Query) -> list[float]:
        """Terms, in words and in tags, synonyms, instances of classes, and the session as a whole."""
        weights = self.weights(query)
        sessions = self.sessions(query)
        return [
            sum(weight * self.saturated(one_of, i) for one_of, weight in weights.items())
            + self.config.session_weight * sessions[self.block_of[i]]
            for i in range(len(self.turns))
        ]

    def weights(self, query: Query) -> dict[tuple[str, ...], float]:
        """What counts as one, and how much."""
        known = {term for count in self.counts for term in count}
        tagged = {term for count in self.tags for term in count} if self.config.tag_weight else set()
        date_words = {str(time.day) for time in self.dates}
        date_words.update(word for time in self.dates for word in terms(f"{MONTHS[time.month - 1]} {time.year}"))
        matchable = sum(self.idf(term) for term in query.terms if term in known | tagged | date_words)
        everything = sum(self.idf(term) for term in query.terms)
        weights: dict[tuple[str, ...], float] = {
            (term,): self.idf(term) / matchable for term in query.terms if term in known
        }
        for term in tagged.intersection(query.terms):
            weights[(f"#{term}",)] = self.config.tag_weight * self.idf(term) / matchable
        unused = known - set(query.terms)
        for related in {other for term in query.terms for other in synonyms(term)} & unused:
            weights[(related,)] = self.config.synonym_weight * self.idf(related) / everything
            unused.remove(related)
        for term in query.terms:
            if members := tuple(unused.intersection(instances(term))):
                rarity = min(self.idf(term), self.idf(*members))
                weights[members] = self.config.instance_weight * rarity / everything
                unused -= set(members)
        return weights

    def sessions(self, query: Query) -> list[float]:
        b = self.config.bm25_b
        counts = [Counter(terms(" ".join(f"{turn.text} {turn.caption}" for turn in block))) for block in self.blocks]
        average = statistics.fmean(count.total() for count in counts)
        scores = [0.0] * len(counts)
        for term in query.terms:
            held = sum(term in count for count in counts)
            idf = math.log(1 + (len(counts) - held + 0.5) / (held + 0.5))
            for number, count in enumerate(counts):
                if count[term]:
                    scores[number] += (
                        idf * count[term] * 2.5 / (count[term] + 1.5 * (1 - b + b * count.total() / average))
                    )
        return [score / max(scores) if max(scores) else 0.0 for score in scores]

    def prior(self, i: int) -> float:
        """What does not depend on the question."""
        config = self.config
        prior = config.question_prior if self.turns[i].text.strip()[-1:] == "?" else 0.0
        if i == 0 or self.block_of[i] != self.block_of[i - 1]:
            return prior + config.opening_prior
        return prior + (config.reply_prior if "?" in self.turns[i - 1].text else 0.0)

    def asked(self, question: Query, i: int) -> float:
        """What the question says besides words: who, when, and whether it asks when."""
        turn, config = self.turns[i], self.config
        total = config.time_prior if question.asks_when and has_time_expression(turn.text) else 0.0
        if question.named and set(self.speakers) - question.named:
            total += config.speaker_weight if turn.speaker in question.named else -config.speaker_weight
        time = self.blocks[self.block_of[i]][0].time
        if time and question.windows:
            total += config.date_weight * max(self.date_match(time.date(), window) for window in question.windows)
        return total

    def date_match(self, day: date, window: Window) -> float:
        if window.first <= day <= window.last:
            return window.weight
        if day > window.last:
            return window.weight * max(0.0, 1 - (day - window.last).days / 21)
        return window.weight * 0.4 if window.first == window.last and (window.first - day).days <= 3 else 0.0


shares = st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0]), max_size=3).map(tuple)
weight = st.sampled_from([0.0, 0.1, 0.7, 1.4])
configs = st.builds(
    RankingConfig,
    window_before=shares,
    window_after=shares,
    bm25_k1=st.sampled_from([0.4, 0.9, 2.0]),
    bm25_b=st.sampled_from([0.0, 0.75, 1.0]),
    synonym_weight=weight,
    instance_weight=weight,
    tag_weight=weight,
    session_weight=weight,
    speaker_weight=weight,
    date_weight=weight,
    question_prior=st.sampled_from([-0.1, 0.0, 0.2]),
    reply_prior=weight,
    opening_prior=weight,
    time_prior=weight,
    query_weight=weight,
)
questions = st.tuples(
    st.sampled_from(("", "When did Ines ", "What did Bo and Ines ", "Lena: ", "on 9 May 2023 ", "in winter ")),
    sentences,
).map("".join)
# every turn holds several instances of a class, and two classes share some


def long_history(seed: int, num_sessions: int) -> list[Turn]:
    """Short sessions of few words: many ties, many sessions, so that most are ruled out by their bound."""
    rng = random.Random(seed)
    turns = []
    for session in range(num_sessions):
        time = DAY + timedelta(5 * session) if rng.random() < 0.8 else None
        for number in range(rng.randint(1, 4)):
            text = " ".join(rng.choices(WORDS, k=rng.randint(0, 6))) + rng.choice(("", "?"))
            turns.append(Turn(session, number, rng.choice(("Ines", "Bo")), text, time))
    return turns
