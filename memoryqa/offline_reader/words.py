"""The probability of each word of the best sentences to be in the answer.

It is a logistic model over hand-made features. `WEIGHTS` were fitted once, on the training split.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from memoryqa.language.dating.english.date_words import NUMBER_WORDS
from memoryqa.language.dating.time_spans import VALUE
from memoryqa.offline_reader.ranking import STOPWORDS, Ranking, Sentence, Tokens, previous_line, stem, tokenize

# Logistic regression (L2, C = 3) of "the gold answer contains this word's Porter stem" on the words of the
# NUM_SENTENCES best sentences, for the LoCoMo training questions of categories 1-4 (conv-26, 41, 42, 43, 44) that ask
# neither "when" nor yes/no. The values are log-odds: `content` words begin low and gain by specific features.
WEIGHTS: dict[str, float] = {
    "bias": -3.81,
    "first": 0.37,
    "second": 0.65,
    "third": 0.35,
    "score": 0.3,
    "overlap": -0.73,
    "overlap_before": 0.9,
    "own_story": -0.2,
    "caption": 0.39,
    "length": 0.79,
    "short": -0.39,
    "stopword": -0.29,
    "stopword_in_first": 0.46,
    "filler": -0.46,
    "in_question": 1.42,
    "capital": 0.38,
    "number": -0.14,
    "resolved_date": -2.24,
    "what_capital": 0.51,
    "who_capital": 0.64,
    "where_capital": 0.44,
    "name_capital": 0.58,
    "name_content": -1.34,
    "why_stopword": 1.13,
    "how_stopword": 0.75,
    "duration": 1.7,
    "duration_unit": 0.87,
    "content": -1.32,
    "content_in_first": 1.26,
    "content_in_reply": 0.4,
    "idf": 0.46,
    "repeats": 0.9,
    "letters": 1.28,
    "near_question_word": 0.83,
    "after_question_words": 0.32,
    "near_asked_noun": 1.09,
    "before_asked_noun": 1.11,
    "after_preposition": 0.21,
    "in_place_phrase": 0.97,
    "quoted": 1.29,
    "ing": -0.39,
    "why_content": 0.44,
    "how_content": 0.21,
}
NUM_SENTENCES = 12

_FILLER = frozenset(
    """
    absolutely always amazing anything awesome back cool day definitely even everything feel feeling felt fun
    get getting glad go going good got great hey hi keep know last lately like lot lots love made make makes
    making many much need never nice one pretty really recently right saw see something still super sure thank
    thanks thing things think thought time totally try trying want wanted wanting way week well went wow yeah
    yes
    """.split()
)
_NUMBERS = frozenset((*NUMBER_WORDS[1:11], *"twelve dozen once twice couple several few".split()))
_DURATIONS = frozenset(
    """
    about almost day days daily every hour hours minute minutes month months nearly often per since times usually week
    weekly weeks year years
    """.split()
)
_NAMED_THINGS = (  # asked for by name
    "artist author band book brand city company country film game movie name novel series show song state team town"
).split()
_PREPOSITIONS = frozenset("about at by for from in of on to with".split())
_PLACE_PREPOSITIONS = frozenset("at from in near to".split())
RESOLVED_DATE = re.compile(rf"\(= {VALUE}\)")
_QUOTED = re.compile(r'["“][^"”]{2,60}["”]')
_BREAK = re.compile(r'[,;.:!?()"“”]| - ')
_FIRST_PERSON = re.compile(r"\b(?:i|i['’]m|i['’]ve|my|we|our|me|us)\b", re.I)
_ASKED_NOUN = re.compile(
    r"(?:in |on |at |for |to )?(?:what|which)(?: (?:kind|type|sort|genre|style|piece|form)s? of)? ((?:[\w'-]+ ){1,4}?)"
    r"(?:has|have|had|does|do|did|is|are|was|were|will|would|can|could|might|should)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Surface:
    """Properties of a word that do not depend on the question."""

    stop: bool
    filler: bool
    capital: bool
    number: bool
    resolved_date: bool
    quoted: bool
    breaks_before: bool


@lru_cache(maxsize=1 << 13)
def surface_of(text: str) -> tuple[Surface, ...]:
    """The surface of each word of `text`, as `tokenize` cuts it."""
    tokens = tokenize(text)
    resolved = [match.span() for match in RESOLVED_DATE.finditer(text)]
    quoted = [match.span() for match in _QUOTED.finditer(text)]
    surface: list[Surface] = []
    for i, (word, (start, _)) in enumerate(zip(tokens.words, tokens.spans, strict=True)):
        lower = word.lower().replace("’", "'")
        stop = lower in STOPWORDS
        gap = text[tokens.spans[i - 1][1] : start] if i else "."
        surface.append(
            Surface(
                stop=stop,
                filler=lower in _FILLER and not stop,
                capital=i > 0 and word[0].isupper() and not stop,
                number=word[0].isdigit() or lower in _NUMBERS,
                resolved_date=any(a <= start < b for a, b in resolved),
                quoted=any(a <= start < b for a, b in quoted),
                breaks_before=lower in ("and", "or") or bool(_BREAK.search(gap)),
            )
        )
    return tuple(surface)


def word_probabilities(ranking: Ranking, kind: str) -> Iterator[tuple[Sentence, list[float]]]:
    """The best sentences, best first, each with a probability per word."""
    for sentence, rows in word_features(ranking, kind):
        logits = (sum(WEIGHTS[name] * value for name, value in row.items()) for row in rows)
        yield sentence, [1 / (1 + math.exp(-logit)) for logit in logits]


def word_features(ranking: Ranking, kind: str) -> Iterator[tuple[Sentence, list[dict[str, float]]]]:
    """For each of the best sentences the features of each of its words; features that are 0 may be missing."""
    top = ranking.sentences[:NUM_SENTENCES]
    asked_for = _Asked(
        ranking=ranking,
        kind=kind,
        noun=_asked_noun(ranking.question),
        names=frozenset(line.speaker.lower() for line in ranking.lines),
        repeats=Counter(word_stem for sentence in top for word_stem in sentence.tokens.stem_set),
    )
    for order, sentence in enumerate(top):
        shared = _sentence_features(ranking, sentence, order, top[0].score)
        yield sentence, [{**shared, **features} for features in _word_features(asked_for, sentence, order)]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the question asks for. `repeats`: the number of best sentences in which a stem occurs."""

    ranking: Ranking
    kind: str
    noun: str | None
    names: frozenset[str]
    repeats: Counter[str]


def _asked_noun(question: str) -> str | None:
    """The stem of the noun that is asked for: "game" in "Which board games has ..."."""
    match = _ASKED_NOUN.match(question)
    return stem(match[1].split()[-1]) if match else None


@lru_cache(maxsize=1)
def _named_things() -> frozenset[str]:
    return frozenset(map(stem, _NAMED_THINGS))


def _sentence_features(ranking: Ranking, sentence: Sentence, order: int, best_score: float) -> dict[str, float]:
    before = previous_line(ranking, sentence.index)
    num_words = len(sentence.tokens.words)
    return {
        "bias": 1.0,
        "first": float(order == 0),
        "second": float(order == 1),
        "third": float(order == 2),
        "score": sentence.score - best_score,
        "overlap": sentence.overlap,
        "overlap_before": ranking.overlap(tokenize(before.text).stem_set) if before else 0.0,
        "own_story": float(bool(_FIRST_PERSON.search(sentence.tokens.text))),
        "caption": float(sentence.is_caption),
        "length": min(num_words, 40) / 40,
        "short": float(num_words < 5),
    }


def _word_features(asked_for: _Asked, sentence: Sentence, order: int) -> Iterator[dict[str, float]]:
    ranking, tokens, surface = asked_for.ranking, sentence.tokens, surface_of(sentence.tokens.text)
    asked = [i for i, is_ in enumerate(surface) if tokens.stems[i] in ranking.stems and not is_.stop]
    nouns = [i for i in range(len(surface)) if tokens.stems[i] == asked_for.noun]
    before = previous_line(ranking, sentence.index)
    replies = before is not None and before.text.endswith("?") and before.speaker != sentence.line.speaker
    for i, is_ in enumerate(surface):
        lower = tokens.words[i].lower().replace("’", "'")
        is_name = lower.removesuffix("'s") in asked_for.names
        in_question = not is_.stop and tokens.stems[i] in ranking.stems
        features = {"filler": float(is_.filler), "in_question": float(in_question)}
        if is_.stop:
            features |= {"stopword": 1.0, "stopword_in_first": float(order == 0)}
        elif not (is_.filler or in_question or is_name):
            features |= {
                "content": 1.0,
                "content_in_first": float(order == 0),
                "content_in_reply": float(replies),
                **_content_features(asked_for, tokens, i, asked, nouns),
                "quoted": float(is_.quoted),
            }
        yield features | _kind_features(asked_for, is_, lower, is_name, in_question)


def _content_features(
    asked_for: _Asked, tokens: Tokens, i: int, asked: list[int], nouns: list[int]
) -> dict[str, float]:
    """Features of word `i` that only content words have; `asked`, `nouns`: positions of the question's words."""
    word, stems = tokens.words[i], tokens.stems
    preceding = [neighbour.lower() for neighbour in tokens.words[max(0, i - 2) : i]]
    return {
        "idf": asked_for.ranking.idf(stems[i]) / 5,
        "repeats": min(3.0, asked_for.repeats[stems[i]] - 1.0),
        "letters": min(len(word), 12) / 12,
        "near_question_word": 1 / (1 + min((abs(i - j) for j in asked), default=9)),
        "after_question_words": float(bool(asked) and i > asked[-1]),
        "near_asked_noun": 1 / (1 + min(abs(i - j) for j in nouns)) if nouns else 0.0,
        "before_asked_noun": float(i + 1 in nouns),
        "after_preposition": float(bool(preceding) and preceding[-1] in _PREPOSITIONS),
        "in_place_phrase": float(asked_for.kind == "where" and not _PLACE_PREPOSITIONS.isdisjoint(preceding)),
        "ing": float(word.lower().endswith("ing")),
        "why_content": float(asked_for.kind == "why"),
        "how_content": float(asked_for.kind == "how"),
    }


def _kind_features(asked_for: _Asked, is_: Surface, lower: str, is_name: bool, in_question: bool) -> dict[str, float]:
    """Features of the word's form, combined with the kind of answer that is asked for."""
    kind, capital = asked_for.kind, is_.capital and not is_name
    wants_name = asked_for.noun in _named_things()
    return {
        "capital": float(capital),
        "number": float(is_.number),
        "resolved_date": float(is_.resolved_date),
        "what_capital": float(kind == "what" and capital),
        "who_capital": float(kind == "who" and is_.capital and not in_question),
        "where_capital": float(kind == "where" and capital),
        "name_capital": float(wants_name and capital),
        "name_content": float(wants_name and not is_.capital),
        "why_stopword": float(kind == "why" and is_.stop),
        "how_stopword": float(kind == "how" and is_.stop),
        "duration": float(kind == "duration" and (is_.number or lower in _DURATIONS)),
        "duration_unit": float(kind == "duration" and lower in _DURATIONS),
    }
