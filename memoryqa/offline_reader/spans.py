"""Chooses the span of words that answers: the second half of the offline reader.

The answer is the span with the highest expected token F1. With n words, each in the gold answer with its probability p,
and a gold answer of m words, F1 = 2 * overlap / (n + m), so the expectation is about 2 * sum(p) / (n + m).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from memoryqa.offline_reader.ranking import Ranking, Sentence
from memoryqa.offline_reader.words import RESOLVED_DATE, surface_of, word_probabilities

# Optima on the training split. _ANSWER_WORDS (m above) is below the mean gold length, 5: many answers paraphrase.
_ANSWER_WORDS, _MAX_WORDS = 3.0, 14
_ITEM_WORDS, _MAX_ITEM_WORDS, _MAX_ITEMS = 1.5, 3, 6
_ARTICLES = frozenset("a an the and".split())  # the official scorer ignores them
_CONTRACTION = re.compile(r"['’](?:ll|d|re|ve|m|t)$", re.I)


@dataclass(frozen=True, slots=True)
class Span:
    """A span of one sentence; `value` is its expected F1 in [0, 1]."""

    text: str
    sentence: Sentence
    value: float


def best_span(ranking: Ranking, kind: str) -> Span | None:
    """The span of one sentence with the highest expected F1; None when the evidence has no words."""
    best: Span | None = None
    for sentence, probabilities in word_probabilities(ranking, kind):
        words = sentence.tokens.words
        for first in range(len(words)):
            total, count = 0.0, 0
            seen: set[str] = set()
            for last in range(first, min(len(words), first + _MAX_WORDS)):
                if (word := words[last].lower()) not in _ARTICLES:
                    count += 1
                    total += probabilities[last] if word not in seen else 0.0
                    seen.add(word)
                value = 2 * total / (count + _ANSWER_WORDS)
                if first == last and _CONTRACTION.search(words[first]):
                    continue
                if best is None or value > best.value:
                    best = Span(_cut(sentence, first, last), sentence, value)
    return best


def best_items(ranking: Ranking, kind: str) -> list[Span]:
    """Short phrases for a question that asks for several things: at most six, best first, without repeated words."""
    candidates = [
        (value, -order, first, last, sentence)
        for order, (sentence, probabilities) in enumerate(word_probabilities(ranking, kind))
        for value, first, last in _phrases(sentence, probabilities)
    ]
    candidates.sort(key=lambda candidate: candidate[:4], reverse=True)
    items: list[Span] = []
    used: set[str] = set()
    for value, _, first, last, sentence in candidates:
        tokens, surface = sentence.tokens, surface_of(sentence.tokens.text)
        stems = {tokens.stems[i] for i in range(first, last + 1) if not surface[i].stop}
        if not stems & used:
            used |= stems
            items.append(Span(_cut(sentence, first, last), sentence, value))
            if len(items) == _MAX_ITEMS:
                break
    return items


def _phrases(sentence: Sentence, probabilities: list[float]) -> Iterator[tuple[float, int, int]]:
    """(expected F1, first word, last word) of phrases that do not begin or end in a stop word or cross a break."""
    surface = surface_of(sentence.tokens.text)
    words = sentence.tokens.words
    for first in range(len(words)):
        total, count = 0.0, 0
        for last in range(first, min(len(words), first + _MAX_ITEM_WORDS + 1)):
            if last > first and surface[last].breaks_before:
                break
            if words[last].lower() not in _ARTICLES:
                count += 1
                total += probabilities[last]
            ends_bare = surface[first].stop or surface[last].stop or _CONTRACTION.search(words[last])
            if not ends_bare and count <= _MAX_ITEM_WORDS:
                yield 2 * total / (count + _ITEM_WORDS), first, last


def _cut(sentence: Sentence, first: int, last: int) -> str:
    tokens = sentence.tokens
    text = tokens.text[tokens.spans[first][0] : tokens.spans[last][1]]
    return " ".join(RESOLVED_DATE.sub(" ", text).replace("**", "").split()).strip(' ()"“”')
