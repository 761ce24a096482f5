"""Cuts a long message into passages: the unit that is ranked, packed and shown.

A message of up to `WHOLE_TOKENS` is one passage. A longer one is cut where its writer would: before a heading, at a
blank line, between lines, list items and sentences, and only within a sentence that is itself too long between words.
Line breaks that carry meaning (lists, tables, code) are kept, others become spaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from memoryqa.tokens import count_tokens, truncate_to_tokens

WHOLE_TOKENS = 180  # a message of so many is not cut
PASSAGE_TOKENS = 120  # shorter ones find more, but cannot be read without what stands around them
_MERGED_TOKENS = 108  # neighbours that have no more than this together are one passage
_FULL_ENOUGH = {"heading": 0.3, "blank": 0.6}  # share of a passage that must be filled before these close it
_MAX_WORD_CHARS = 240  # a longer run without a space is cut too

# Where a sentence ends; in scripts with spaces only before one, or "5 p.m." would end twice.
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)]?(?=\s)|[。！？](?![。！？”’」』）])")
_LINE_END = re.compile(r"\r\n|\r|\n")
_FENCE = re.compile(r"\s*(?:```|~~~)")
_HEADING = re.compile(r"\s{0,3}(?:#{1,6}\s|\*\*[^*]+\*\*:?\s*$)")
_ITEM = re.compile(r"\s*(?:[-*+•–]\s|\d{1,3}[.)]\s|[a-zA-Z][.)]\s|\||>|#)")
_INDENTED = re.compile(r"(?: {4}|\t)\s*\S")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a message. `text` has a space at the start of each further line; `breaks`: it begins a line."""

    text: str
    breaks: bool


@dataclass(frozen=True, slots=True)
class _Element:
    """What is never cut further, with what came before it: a `heading` of its own, a `blank` line, or neither."""

    text: str
    breaks: bool
    opening: str = ""
    tokens: int = 0


def split_sentences(text: str) -> list[str]:
    """The sentences of `text`, each but the first with the white space before it: joined they are `text`."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)] if ends else [text]


def lay_out(text: str) -> str:
    """`text` as it is shown: one space for any white space, but line breaks where a list, a table or code has them."""
    if "  " not in text and text.isprintable() and text == text.strip():
        return text  # most messages: no white space but single spaces is printable
    if "\n" not in text and "\r" not in text:
        shown = " ".join(text.split())
        return text if text == shown else shown  # the same object is found faster where it was kept
    return _join(_elements(text, whole_lines=True))


def cut(text: str) -> list[Piece]:
    """The passages of `text`, in order; [] for text without a character to show."""
    shown = lay_out(text)
    # a character of ASCII is at most a token, one emoji may be several
    if (len(shown) <= WHOLE_TOKENS and shown.isascii()) or count_tokens(shown) <= WHOLE_TOKENS:
        return [Piece(shown, breaks=False)] if shown else []
    elements = [part for element in _elements(text, whole_lines=False) for part in _bounded(element)]
    runs = _merge(_fill(elements))
    return [Piece(_join(run), run[0].breaks) for run in runs]


def _elements(text: str, *, whole_lines: bool) -> Iterator[_Element]:
    """The lines of `text`, or with `whole_lines` False the sentences of its lines."""
    in_code = blank = False
    first, before = True, ""  # what kind of line came before
    for line in _LINE_END.split(text):
        if not line.strip():
            blank = not first
            continue
        fence = bool(_FENCE.match(line))
        code = in_code or fence or bool(_INDENTED.match(line))
        in_code ^= fence
        heading, item = not code and bool(_HEADING.match(line)), not code and bool(_ITEM.match(line))
        # what follows a list without a blank line is still in its last item
        breaks = not first and (
            code or heading or item or before in ("code", "heading") or (before == "item" and blank)
        )
        opening = "heading" if heading else "blank" if blank else ""
        before = (
            "code" if code else "heading" if heading else "item" if item or (before == "item" and not blank) else ""
        )
        for place, part in enumerate(_parts_of(line, code, whole_lines)):
            yield _Element(part, breaks and not place, "" if place else opening)
        first = blank = False


def _parts_of(line: str, code: bool, whole_lines: bool) -> Iterable[str]:
    if code:
        spaced = "".join(" " if sign.isspace() else sign for sign in line.expandtabs(4).rstrip())
        return (spaced,)
    if whole_lines:
        return (" ".join(line.split()),)
    return (" ".join(part.split()) for part in split_sentences(line) if part.strip())


def _join(elements: Iterable[_Element]) -> str:
    """A list's or code's lines below one another, all others in one line."""
    joined = ""
    for element in elements:
        separator = "\n " if element.breaks else " "
        joined += separator + element.text if joined else element.text if element.breaks else element.text.lstrip()
    return joined


def _bounded(element: _Element) -> Iterator[_Element]:
    """The element with its tokens, cut by words where it is longer than a whole message may be."""
    tokens = count_tokens(f" {element.text}")
    if tokens <= WHOLE_TOKENS:
        yield replace(element, tokens=tokens)
        return
    for place, text in enumerate(_cut_by_words(element.text)):
        tokens = count_tokens(f" {text}")
        yield _Element(text, element.breaks and not place, "" if place else element.opening, tokens)


def _cut_by_words(text: str) -> Iterator[str]:
    words: list[str] = []
    tokens = 0
    for word in _words_of(text):
        size = count_tokens(f" {word}")
        if words and tokens + size > PASSAGE_TOKENS:
            yield " ".join(words)
            words, tokens = [], 0
        words.append(word)
        tokens += size
    if words:
        yield " ".join(words)


def _words_of(text: str) -> Iterator[str]:
    """The words, and those without an end in pieces."""
    for word in text.split():
        rest = word
        while len(rest) > _MAX_WORD_CHARS:
            piece = truncate_to_tokens(rest[:_MAX_WORD_CHARS], PASSAGE_TOKENS) or rest[:1]
            yield piece
            rest = rest[len(piece) :]
        if rest:
            yield rest


def _fill(elements: Iterable[_Element]) -> list[list[_Element]]:
    runs: list[list[_Element]] = []
    tokens = 0
    for element in elements:
        enough = _FULL_ENOUGH.get(element.opening, 1.0) * PASSAGE_TOKENS
        if not runs or tokens + element.tokens > PASSAGE_TOKENS or tokens >= enough:
            runs.append([])
            tokens = 0
        runs[-1].append(element)
        tokens += element.tokens
    return runs


def _merge(runs: list[list[_Element]]) -> list[list[_Element]]:
    merged: list[list[_Element]] = []
    for run in runs:
        if merged and sum(one.tokens for one in [*merged[-1], *run]) <= _MERGED_TOKENS:
            merged[-1] += run
        else:
            merged.append(list(run))
    return merged
