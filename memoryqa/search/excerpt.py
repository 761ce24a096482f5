"""Shortens a line to what a question asks for, where the whole line does not fit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from memoryqa.language.terms import terms
from memoryqa.passages import split_sentences
from memoryqa.rendering import Line
from memoryqa.tokens import count_tokens
from memoryqa.turns import printable

_FEWEST_WORDS = 3  # fewer say nothing


def shortened(queries: Iterable[str], line: Line, max_tokens: int) -> Line | None:
    """`excerpt` for what any of the queries asks for."""
    return excerpt(line, {term for query in queries for term in terms(query)}, max_tokens)


def excerpt(line: Line, wanted: Collection[str], max_tokens: int) -> Line | None:
    """The sentences of `line` with the most of the terms `wanted`, in at most `max_tokens`; "…" for what is left out.

    Of a sentence that does not fit, the words around the first one wanted. None when not even a few words fit.
    """
    sentences = [part for row in line.body.split("\n") for one in split_sentences(row) if (part := one.strip())]
    found = [len(set(terms(sentence)).intersection(wanted)) for sentence in sentences]
    shown: list[int] = []
    for place in sorted(range(len(sentences)), key=lambda one: (-found[one], one)):
        if _tokens(line, _join(sentences, sorted([*shown, place]))) <= max_tokens:
            shown.append(place)
        elif not shown:
            return _cut(line, sentences, place, wanted, max_tokens) or _few_words(line, sentences, max_tokens)
    return _altered(line, _join(sentences, sorted(shown))) if shown else None


def _cut(line: Line, sentences: Sequence[str], place: int, wanted: Collection[str], max_tokens: int) -> Line | None:
    """The words of one sentence around the first that is wanted, as many as fit."""
    words = sentences[place].split()
    first = next((number for number, word in enumerate(words) if not set(terms(word)).isdisjoint(wanted)), 0)
    best: str | None = None
    start, end = first, first
    while start > 0 or end < len(words):
        # to the right twice as fast as to the left: what a word is about mostly follows it
        grown = (start, min(end + 2, len(words))) if end < len(words) else (start, end)
        grown = (max(grown[0] - 1, 0), grown[1])
        text = _window(sentences, place, *grown)
        if _tokens(line, text) > max_tokens:
            break
        start, end = grown
        best = text
    return _altered(line, best) if best is not None and end - start >= min(_FEWEST_WORDS, len(words)) else None


def _few_words(line: Line, sentences: Sequence[str], max_tokens: int) -> Line | None:
    """The first few words in a row that fit, from anywhere."""
    for place, sentence in enumerate(sentences):
        words = sentence.split()
        few = min(_FEWEST_WORDS, len(words))
        for start in range(len(words) - few + 1):
            text = _window(sentences, place, start, start + few)
            if _tokens(line, text) <= max_tokens:
                return _altered(line, text)
    return None


def _window(sentences: Sequence[str], place: int, start: int, end: int) -> str:
    """Some words of one sentence, with "…" for all others."""
    words = sentences[place].split()
    opening = "… " if place or start else ""
    closing = " …" if place < len(sentences) - 1 or end < len(words) else ""
    return f"{opening}{' '.join(words[start:end])}{closing}"


def _join(sentences: Sequence[str], shown: Sequence[int]) -> str:
    """The sentences at `shown` (ascending), with "…" where others are left out."""
    joined, before = "", -1
    for place in shown:
        joined += (" …" if place > before + 1 else "") + f" {sentences[place]}"
        before = place
    return (joined + ("" if before == len(sentences) - 1 else " …")).strip()


def _text(line: Line, body: str) -> str:
    return printable(f"{line.prefix} {body}")


def _tokens(line: Line, body: str) -> int:
    return count_tokens(_text(line, body) + "\n")


def _altered(line: Line, body: str) -> Line:
    return replace(line, text=_text(line, body), tokens=_tokens(line, body), body=body, altered=True)
