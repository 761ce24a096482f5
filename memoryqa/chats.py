"""What was found in several chats, under their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from memoryqa.evidence import Evidence
from memoryqa.rendering import Line, Tally
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


def render_name(chat: str) -> str:
    """The line above what was found in a chat."""
    return f"# {printable(' '.join(chat.split()))}\n"


def join_chats(found: Mapping[str, Evidence], budget_tokens: int) -> ChatsEvidence:
    """The best of what was found in each chat, as much as fits in `budget_tokens` with the chats' names."""
    scores = {chat: dict(zip(one.ids, one.scores, strict=True)) for chat, one in found.items()}
    ranked = sorted(
        ((scores[chat][line.turn.id], chat, line) for chat, one in found.items() for line in one.lines),
        key=lambda each: -each[0],
    )
    names = {chat: count_tokens(render_name(chat)) for chat in found}
    tallies = {chat: Tally() for chat in found}
    chosen: dict[str, list[Line]] = {}
    tokens = 0
    for _, chat, line in ranked:
        cost = tallies[chat].cost(line) + (0 if chat in chosen else names[chat])
        if tokens + cost > budget_tokens:
            continue
        tokens += cost
        tallies[chat].add(line)
        chosen.setdefault(chat, []).append(line)
    by_chat = {
        chat: Evidence.of(lines, {line.key: scores[chat][line.turn.id] for line in lines})
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
    return ChatsEvidence(by_chat, text, tokens, tuple(best_first))
