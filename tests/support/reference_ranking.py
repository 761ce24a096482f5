"""A slow reference of the ranking, term by term and passage by passage, and histories and weights to compare it on."""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import groupby

import numpy as np
from hypothesis import strategies as st
from strategies import WORDS, sentences

from memoryqa.config import RankingConfig
from memoryqa.language.bound_terms import all_terms
from memoryqa.language.dating.dates import has_time_expression
from memoryqa.language.first_person import says_i
from memoryqa.language.lexicon.alike import alike
from memoryqa.language.lexicon.emoji import emoji_in
from memoryqa.language.lexicon.emoji_kinds import kinds_in
from memoryqa.language.lexicon.kinds import kinds
from memoryqa.language.lexicon.related import english_rarity, related
from memoryqa.language.names import name_words, says_name, speaker_key
from memoryqa.language.near_spellings import may_be_misspelled
from memoryqa.language.question import Query, Window, read_query
from memoryqa.language.shapes import shapes_in
from memoryqa.language.terms import instances, marked, synonyms, terms, terms_within, within_term
from memoryqa.rendering import Line, render_turn
from memoryqa.search.ranking import PassageIndex
from memoryqa.turns import MONTHS, Turn

DAY = datetime(2023, 5, 8)


def passages_of(turn: Turn) -> list[Line]:
    return render_turn(turn, frozenset(), "")[0]


def length(counts: Counter[str]) -> int:
    """In terms; emoji, parts of words and shapes are found, but make no passage longer."""
    return sum(count for term, count in counts.items() if not emoji_in(term) and term[:1] not in "~@")


def is_slip(term: str, other: str) -> bool:
    """Whether the terms begin alike and differ by a letter, by two that are swapped, or, if long, by another letter."""
    if term[0] != other[0] or not (other.isascii() and other.isalpha() and other == other.lower()):
        return False
    if len(term) == len(other):
        places = [place for place, pair in enumerate(zip(term, other, strict=True)) if pair[0] != pair[1]]
        if len(places) == 1:
            return len(term) >= 7
        first, last = places[0], places[-1]
        return last == first + 1 and len(places) == 2 and term[first : last + 1] == other[first : last + 1][::-1]
    short, long = sorted((term, other), key=len)
    return any(long[:place] + long[place + 1 :] == short for place in range(1, len(long)))


def index_of(turns: list[Turn], config: RankingConfig | None = None) -> PassageIndex:
    index = PassageIndex(config)
    for turn in turns:
        index.add(turn, passages_of(turn))
    return index


# -- the reference -----------------------------------------------------------------------------------------------------


class Reference:
    """Scores by the recipe. `blocks`: unbroken runs of turns of one session, as lists of turns; i, j: passages."""

    def __init__(self, turns: list[Turn], config: RankingConfig) -> None:
        self.config = config
        self.blocks = [list(block) for _, block in groupby(turns, key=lambda turn: turn.session)]
        self.lines = [line for turn in turns for line in passages_of(turn)]
        self.turn_of = [place for place, turn in enumerate(turns) for _ in passages_of(turn)]
        self.block_of = [
            number for number, block in enumerate(self.blocks) for turn in block for _ in passages_of(turn)
        ]
        self.counts = [
            Counter([*all_terms(text), *terms_within(text), *emoji_in(text), *shapes_in(text)])
            for text in (line.content for line in self.lines)
        ]
        self.written = [Counter(word for _, word in marked(line.content)) for line in self.lines]
        self.tags = [Counter(dict.fromkeys(all_terms(" ".join(line.turn.tags)), 1)) for line in self.lines]
        self.dates = [turn.time for turn in turns if turn.time]
        self.speakers = list({speaker_key(turn.speaker): turn.speaker for turn in reversed(turns)}.values())[::-1]

    def score(self, queries: list[str]) -> list[float]:
        config = self.config
        question = self.read(queries[0])
        supporting = [self.lexical(self.read(text)) for text in dict.fromkeys(queries) if text != queries[0]]
        names_time = question.asks_when or question.windows
        weight = config.query_weight * (0.5 if names_time else 1.0) if supporting else 0.0
        scores = []
        for i, lexical in enumerate(self.lexical(question)):
            support = math.sqrt(sum(other[i] ** 2 for other in supporting))
            match = (lexical + self.dated(question, i)) * self.factor(question, i, config.speaker_share)
            match += weight * support * self.factor(question, i, config.query_share)
            scores.append(match + (1 + weight) * (self.prior(i) + self.asked(question, i)))
        return scores

    def read(self, text: str) -> Query:
        query = read_query(text, self.speakers, {time.year for time in self.dates})
        if query.language != "en":
            return query
        return replace(query, terms=tuple(dict.fromkeys(map(self.respelled, query.terms))))

    def respelled(self, term: str) -> str:
        """The term that was said most among those that a misspelled one may be."""
        held = Counter(other for count in self.counts for other in count)
        if held[term] or held[within_term(term)] or not may_be_misspelled(term):
            return term
        near = [other for other in held.keys() - name_words(self.speakers) if is_slip(term, other)]
        return min(near, key=lambda other: (-held[other], other), default=term)

    def share(self, i: int, j: int) -> float:
        """What passage i inherits of passage j: the less, the more is said from the earlier one up to the later one."""
        if i == j:
            return 1.0
        if abs(i - j) > 8 or self.block_of[i] != self.block_of[j] or self.turn_of[i] == self.turn_of[j]:
            return 0.0
        between = self.lines[j:i] if j < i else self.lines[i + 1 : j + 1]
        tokens, scale = sum(line.tokens for line in between), self.config.window_tokens
        if tokens >= math.ceil(scale * math.log(80)):
            return 0.0
        return (self.config.window_before if j < i else self.config.window_after) * math.exp(-tokens / scale)

    def windowed(self, i: int, amount: dict[int, float]) -> float:
        """What passage i has of its own and inherits from the passages of other turns around it."""
        return sum(self.share(i, j) * amount[j] for j in range(max(0, i - 8), min(len(self.lines), i + 9)))

    def frequency(self, i: int, one_of: Mapping[str, float]) -> float:
        """The same of the occurrences of terms, each with its share; what passages lend is kept as float32."""
        return sum(
            float(np.float32(self.share(i, j))) * sum(each * self.occurrences(term, j) for term, each in one_of.items())
            for j in range(max(0, i - 8), min(len(self.lines), i + 9))
        )

    def idf(self, *one_of: str) -> float:
        n = len(self.lines)
        held = min(n, sum(term in count for count in self.counts for term in one_of))
        return math.log(1 + (n - held + 0.5) / (held + 0.5))

    def saturated(self, one_of: Mapping[str, float], i: int) -> float:
        """The saturated frequency of terms that count as one."""
        k1, b = self.config.bm25_k1, self.config.bm25_b
        frequency = self.frequency(i, one_of)
        if not frequency:
            return 0.0
        size = self.sizes[i] / (statistics.fmean(self.sizes) or 1.0)  # tags alone have no size
        return frequency * (k1 + 1) / (frequency + k1 * (1 - b + b * size))

    @cached_property
    def sizes(self) -> list[float]:
        """Terms of each passage and those that it inherits."""
        own = {j: float(length(self.counts[j])) for j in range(len(self.lines))}
        return [self.windowed(i, own) for i in range(len(self.lines))]

    def occurrences(self, term: str, j: int) -> int:
        """In the words of passage j, with a # in its turn's tags, each of which counts once, with a = as written."""
        if term.startswith("="):
            return self.written[j][term[1:]]
        return self.tags[j][term[1:]] if term.startswith("#") else self.counts[j][term]

    def lexical(self, query: Query) -> list[float]:
        """Terms, in words and in tags, synonyms, instances of classes, and the session as a whole."""
        weights = self.weights(query)
        sessions = self.sessions(query)
        return [
            sum(weight * self.saturated(one_of, i) for one_of, weight in weights)
            + self.config.session_weight * sessions[self.block_of[i]]
            for i in range(len(self.lines))
        ]

    def weights(self, query: Query) -> list[tuple[dict[str, float], float]]:
        """What counts as one, each term with what an occurrence of it counts, and how much."""
        known = {term for count in self.counts for term in count}
        tagged = {term for count in self.tags for term in count} if self.config.tag_weight else set()
        date_words = {str(time.day) for time in self.dates}
        date_words.update(word for time in self.dates for word in terms(f"{MONTHS[time.month - 1]} {time.year}"))
        matchable = sum(self.idf(term) for term in query.terms if term in known | tagged | date_words)
        everything = sum(self.idf(term) for term in query.terms)
        weights: list[tuple[dict[str, float], float]] = [
            ({f"#{term}": 1.0}, self.config.tag_weight * self.idf(term) / matchable)
            for term in tagged.intersection(query.terms)
        ]
        unused = known - set(query.terms)
        in_english = query.terms if query.language == "en" else ()
        for other in {other for term in in_english for other in synonyms(term)} & unused:
            weights.append(({other: 1.0}, self.config.synonym_weight * self.idf(other) / everything))
            unused.remove(other)
        for term in in_english:
            if members := unused.intersection(instances(term)):
                rarity = min(self.idf(term), self.idf(*members))
                weights.append((dict.fromkeys(members, 1.0), self.config.instance_weight * rarity / everything))
                unused -= members
        near = self.near(query, unused) if in_english else self.alike(query, unused)
        said = known.intersection(query.terms)
        both = {term: self.idf(term) for term in said}
        if query.language == "en":
            both = {term: idf**0.8 * math.sqrt(english_rarity(term)) for term, idf in both.items()}
        for term in query.terms:
            others = dict(near.get(term, {}))
            if within_term(term) in known and (term not in known or len(query.terms) <= 4):  # "user" of "getUserName"
                others[within_term(term)] = 0.3 if term in known else 1.0
            as_written = {f"={word}": 0.5 for of, word in query.marked if of == term}
            if term in known:
                own = sum(map(self.idf, said)) * both[term] / sum(both.values())
                weights.append(({term: 1.0, **as_written, **others}, own / matchable))
            elif others:
                weights.append((others, min(self.idf(term), self.idf(*others)) / everything))
        unused -= {other for of_term in near.values() for other in of_term}
        if naming := unused.intersection((*(("name", "nicknam") if query.asks_name else ()), *query.answers)):
            rarity = self.idf(*naming)
            weights.append((dict.fromkeys(naming, 1.0), rarity / (everything + rarity)))
            unused -= naming
        for term in query.terms:
            of_term = kinds(term) if in_english else kinds_in(term, query.language)
            if members := unused.intersection(of_term):
                rarity = min(self.idf(term), self.idf(*members))
                weights.append((dict.fromkeys(members, 1.0), self.config.instance_weight * rarity / everything))
                unused -= members
        return weights

    def near(self, query: Query, unused: set[str]) -> dict[str, dict[str, float]]:
        """Words used like those of the query: for each term, the first of the best, what an occurrence counts."""
        known = {term for count in self.counts for term in count}
        near: dict[str, tuple[float, str]] = {}
        for term in query.terms:
            if sum(term in count for count in self.counts) > 200:
                continue
            most = self.config.related_weight * (min(1.0, 3 / len(query.terms)) if term in known else 1.0)
            held = {other: sum(other in count for count in self.counts) for other, _ in related(term)}
            for other, similarity in [one for one in related(term) if one[0] in unused and held[one[0]] <= 200][:12]:
                share = most * (similarity - 0.35) / 0.65
                if share > near.get(other, (0.0, ""))[0]:
                    near[other] = share, term
        return {term: {other: share for other, (share, of) in near.items() if of == term} for term in query.terms}

    def alike(self, query: Query, unused: set[str]) -> dict[str, dict[str, float]]:
        """Forms, relatives and compounds of each term, outside English."""
        found: dict[str, dict[str, float]] = {}
        for term in query.terms:
            if like := alike(term, query.language):
                held = {other: sum(other in count for count in self.counts) for other in like.among(unused)}
                found[term] = {other: 0.5 for other, passages in held.items() if passages <= 200}
        return found

    def sessions(self, query: Query) -> list[float]:
        b = self.config.bm25_b
        counts = [sum((self.counts[i] for i in self.of_block(number)), Counter()) for number in range(len(self.blocks))]
        average = statistics.fmean(map(length, counts))
        scores = [0.0] * len(counts)
        for term in query.terms:
            held = sum(term in count for count in counts)
            idf = math.log(1 + (len(counts) - held + 0.5) / (held + 0.5))
            for number, count in enumerate(counts):
                if count[term]:
                    scores[number] += (
                        idf * count[term] * 2.5 / (count[term] + 1.5 * (1 - b + b * length(count) / average))
                    )
        return [score / max(scores) if max(scores) else 0.0 for score in scores]

    def prior(self, i: int) -> float:
        """What does not depend on the question."""
        config = self.config
        prior = config.question_prior if self.lines[i].said.strip()[-1:] == "?" else 0.0
        signs = sum(self.lines[i].said.count(sign) for sign in '{}()[]=<>;_/"|') / max(len(self.lines[i].said), 1)
        prior -= config.code_weight * min(max((float(np.float32(signs)) - 0.05) / 0.2, 0.0), 1.0)
        prior -= config.brevity_weight * min(max(math.log2(max(self.lines[i].tokens, 1) / 30), -2.0), 2.0)
        if i and self.turn_of[i] == self.turn_of[i - 1]:
            return prior  # a later passage neither opens nor replies
        block = self.blocks[self.block_of[i]]
        at = next(place for place, turn in enumerate(block) if turn is self.lines[i].turn)
        if not at:
            return prior + config.opening_prior
        bursts = [list(burst) for _, burst in groupby(block[: at + 1], key=lambda turn: speaker_key(turn.speaker))]
        asks = len(bursts) > 1 and any("?" in turn.text for turn in bursts[-2])
        return prior + (config.reply_prior if asks else 0.0)

    def of_block(self, number: int) -> list[int]:
        return [i for i, block in enumerate(self.block_of) if block == number]

    def preferred(self, question: Query) -> tuple[set[str], float]:
        """Speakers who are preferred to others, and by how much."""
        everybody = {speaker.strip().casefold(): speaker for speaker in self.speakers}
        if question.named:
            return set(question.named), self.config.speaker_weight * (3 if question.language != "en" else 1)
        if "assistant" in everybody and "user" in everybody and not question.asks_what_was_told:
            return {everybody["user"]}, self.config.role_weight
        return set(), 0.0

    def factor(self, question: Query, i: int, share: float) -> float:
        """What a match counts in what the speakers named said, and in what others did."""
        if not question.named or not set(self.speakers) - question.named:
            return 1.0
        return 1 + share if self.is_of(i, question.named) else 1 - share

    def is_of(self, i: int, speakers: Collection[str]) -> bool:
        return speaker_key(self.lines[i].turn.speaker) in set(map(speaker_key, speakers))

    def asked(self, question: Query, i: int) -> float:
        """What the question says besides words and days: who, whether it asks when, and what was told."""
        turn, config = self.lines[i].turn, self.config
        total = config.time_prior if question.asks_when and has_time_expression(self.lines[i].said) else 0.0
        if question.asks_name and self.says_name(i):
            total += 0.2
        if question.asks_person and self.is_of(i, question.named):
            total += 0.4
        named, weight = self.preferred(question)
        if named and set(self.speakers) - named:
            total += weight if self.is_of(i, named) else -weight
            if question.named and self.is_of(i, named) and says_i(self.lines[i].said, "en"):
                total += config.first_person_weight
        if not question.asks_what_was_told:
            tokens = sum(line.tokens for line in passages_of(turn))
            leads = i == 0 or self.turn_of[i] != self.turn_of[i - 1]
            total -= (
                config.length_weight * (0.5 if leads else 1.0) * min(max(0.0, math.log2(max(tokens, 1) / 100)), 5.0)
            )
        return total

    def dated(self, question: Query, i: int) -> float:
        """How well the days of the passage's session match those of the question."""
        days = [turn.time.date() for turn in self.blocks[self.block_of[i]] if turn.time]
        if not days or not question.windows:
            return 0.0
        ends = (min(days), max(days))
        return self.config.date_weight * max(
            self.date_match(day, window) for day in ends for window in question.windows
        )

    def says_name(self, i: int) -> bool:
        """A name that is no speaker's so far."""
        seen = {line.turn.speaker for line in self.lines[: i + 1]}
        return says_name(self.lines[i].said, name_words(seen))

    def date_match(self, day: date, window: Window) -> float:
        if window.first <= day <= window.last:
            return window.weight
        if day > window.last:
            return window.weight * max(0.0, 1 - (day - window.last).days / 21)
        return window.weight * 0.4 if window.first == window.last and (window.first - day).days <= 3 else 0.0


shares = st.sampled_from([0.0, 0.1, 0.5, 1.0])
weight = st.sampled_from([0.0, 0.1, 0.7, 1.4])
configs = st.builds(
    RankingConfig,
    window_before=shares,
    window_after=shares,
    window_tokens=st.sampled_from([1.0, 7.5, 60.0, 1000.0]),
    bm25_k1=st.sampled_from([0.4, 0.9, 2.0]),
    bm25_b=st.sampled_from([0.0, 0.75, 1.0]),
    synonym_weight=weight,
    related_weight=weight,
    instance_weight=weight,
    tag_weight=weight,
    session_weight=weight,
    speaker_weight=weight,
    speaker_share=shares,
    first_person_weight=weight,
    role_weight=weight,
    length_weight=weight,
    code_weight=weight,
    brevity_weight=weight,
    date_weight=weight,
    question_prior=st.sampled_from([-0.1, 0.0, 0.2]),
    reply_prior=weight,
    opening_prior=weight,
    time_prior=weight,
    query_weight=weight,
    query_share=shares,
)
about_people = st.sampled_from(("Who is Ines?", "Tell me about Bo", "What do you know about me?"))
questions = about_people | st.tuples(
    st.sampled_from(
        (
            "",
            "When did Ines ",
            "What is the name of ",
            "What did Bo and Ines ",
            "Lena: ",
            "on 9 May 2023 ",
            "in winter ",
            "What did you recommend: ",
        )
    ),
    sentences,
).map("".join)
# every turn holds several instances of a class, and two classes share some


def long_history(seed: int, num_sessions: int) -> list[Turn]:
    """Sessions of few words: many ties, many sessions, so that most are ruled out by their bound. Some turns are long,
    and every third history is one of a user and an assistant."""
    rng = random.Random(seed)
    speakers = ("User", "Assistant") if seed % 3 == 0 else ("Ines", "Bo")
    turns = []
    for session in range(num_sessions):
        time = DAY + timedelta(5 * session) if rng.random() < 0.8 else None
        for number in range(rng.randint(1, 4)):
            num_words = rng.randint(150, 500) if rng.random() < 0.03 else rng.randint(0, 6)
            text = " ".join(rng.choices((*WORDS, *(("well.", "so?", "f(x) = y[0];") * (num_words > 6))), k=num_words))
            turns.append(Turn(session, number, rng.choice(speakers), text + rng.choice(("", "?")), time))
    return turns
