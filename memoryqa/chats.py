"""What was found in several chats, under their names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Protocol

from memoryqa.evidence import Evidence
from memoryqa.rendering import Line, Tally, with_clock
from memoryqa.search.packing import MOST_SKIPS, SMALLEST_LINE, Shorten
from memoryqa.tokens import count_tokens
from memoryqa.turns import Turn, printable


@dataclass(frozen=True, slots=True, repr=False)
class ChatsEvidence:
    """The turns that a search found in several chats. Iterating gives (chat, turn), best first.

    by_chat: what was found in each chat, the one with the best turn first; chats without any are left out. text: of all
    chats, each under its name, in that order. tokens: of `text`. ranked: chat, turn and score, best first; scores are
    comparable between chats.
    """

    by_chat: Mapping[str, Evidence]
    text: str
    tokens: int
    ranked: tuple[tuple[str, Turn, float], ...]

    @property
    def chats(self) -> tuple[str, ...]:
        """The names of the chats in which something was found, best first."""
        return tuple(self.by_chat)

    def __iter__(self) -> Iterator[tuple[str, Turn]]:
        return ((chat, turn) for chat, turn, _ in self.ranked)

    def __len__(self) -> int:
        return len(self.ranked)

    def __str__(self) -> str:
        return self.text.rstrip("\n") or "(nothing found)"

    def __repr__(self) -> str:
        counts = ", ".join(f"{chat}: {len(found)}" for chat, found in list(self.by_chat.items())[:5])
        return f"<ChatsEvidence: {len(self)} turns [{counts}] in {self.tokens:,} tokens>"


class HasLines(Protocol):
    """What is asked of a `Transcript`."""

    def line_at(self, place: int, seen: set[int], /) -> Line | None: ...

    def has_hours(self) -> bool: ...


def render_name(chat: str) -> str:
    """The line above what was found in a chat."""
    return f"# {printable(' '.join(chat.split()))}\n"


def pack_chats(
    ranked: Mapping[str, tuple[Iterable[tuple[int, float]], HasLines]],
    budget_tokens: int,
    shorten: Shorten,
    clock: bool = False,
) -> ChatsEvidence:
    """The best lines of all chats, as many as fit in `budget_tokens` with the chats' names.

    ranked: by chat the places and scores of its lines, best first, read as far as needed, and the transcript that has
    them, or what has its lines. Lines are chosen as `pack` chooses them within one chat; `shorten` gives a part of the
    very best one where the whole does not fit. clock: show the time of day.
    """
    timed = {chat for chat, (_, transcript) in ranked.items() if clock and transcript.has_hours()}
    names = {chat: count_tokens(render_name(chat)) for chat in ranked}
    tallies = {chat: Tally() for chat in ranked}
    seen: dict[str, set[int]] = {chat: set() for chat in ranked}
    chosen: dict[str, list[tuple[Line, float]]] = {}
    tokens = skips = 0
    for score, chat, place in _merged({chat: places for chat, (places, _) in ranked.items()}):
        line = ranked[chat][1].line_at(place, seen[chat])
        if line is None or not line.text:
            continue
        if chat in timed:
            line = with_clock(line)
        left = budget_tokens - tokens - (0 if chat in chosen else names[chat])
        if tallies[chat].cost(line) > left:
            if not chosen and not skips and (part := shorten(line, left - line.header_tokens)):
                chosen[chat] = [(part, score)]
                break
            skips += 1
            if skips == MOST_SKIPS:
                break
            continue
        skips = 0
        tokens = budget_tokens - left + tallies[chat].cost(line)
        tallies[chat].add(line)
        chosen.setdefault(chat, []).append((line, score))
        if budget_tokens - tokens < SMALLEST_LINE:
            break
    return _evidence_of(chosen)


def _merged(ranked: Mapping[str, Iterable[tuple[int, float]]]) -> Iterator[tuple[float, str, int]]:
    """Score, chat and place of all lines, best first, ties in the chats' order."""

    def of(chat: str) -> Iterator[tuple[float, str, int]]:
        return ((score, chat, place) for place, score in ranked[chat])

    return merge(*map(of, ranked), key=lambda one: -one[0])


def _evidence_of(chosen: Mapping[str, Sequence[tuple[Line, float]]]) -> ChatsEvidence:
    by_chat = {
        chat: Evidence.of([line for line, _ in lines], {line.key: score for line, score in lines})
        for chat, lines in chosen.items()
    }
    best_first = sorted(
        (
            (chat, turn, score)
            for chat, one in by_chat.items()
            for turn, score in zip(one.turns, one.scores, strict=True)
        ),
        key=lambda each: -each[2],
    )
    text = "".join(f"{render_name(chat)}{one.text}" for chat, one in by_chat.items())
    tokens = sum(count_tokens(render_name(chat)) + one.tokens for chat, one in by_chat.items())
    return ChatsEvidence(by_chat, text, tokens, tuple(best_first))
