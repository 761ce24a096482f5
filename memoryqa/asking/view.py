"""Chats of a folder as the one memory that a reader of evidence searches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from memoryqa.asking.finding import find
from memoryqa.asking.watch import Watch
from memoryqa.chats import render_name
from memoryqa.evidence import Evidence
from memoryqa.memories import Memories
from memoryqa.memory import SEARCH_TOKENS, AdaptiveMemory
from memoryqa.messages import TimeLike
from memoryqa.rendering import Line, Tally, render
from memoryqa.tokens import count_tokens
from memoryqa.turns import Turn


@dataclass(frozen=True, slots=True)
class Source:
    """A message that was found, and its chat."""

    chat: str
    turn: Turn


class View:
    """Searches `chats` of `memories` as one memory, with what `memory_system.MemoryQA` needs of one.

    A session has one number among all chats: those of a chat follow those of the chat before. `source` leads back. One
    chat alone is shown as it is. only: arguments of every search (`speakers`, `since`, `until`, `asked`, `clock`).
    """

    tokens = 0  # of the working memory: no answer needs them, and counting may take seconds
    watch: Watch | None = None  # of who waits for the answer; an LM's calls end when it is stopped

    def __init__(self, memories: Memories, chats: Sequence[str], **only: Any) -> None:
        self._memories, self._chats, self._only = memories, list(chats), only
        self._after: dict[str, int] = {}  # by chat, how far its sessions are moved
        self._found: dict[str, tuple[str, Line, float]] = {}  # by id, what was shown: chat, line in this view, score
        last = 0
        for chat in self._chats:
            self._after[chat] = last
            last += memories[chat].last_session + 1  # a session may be 0

    def search(
        self,
        queries: str | Sequence[str],
        budget_tokens: int = SEARCH_TOKENS,
        *,
        keep: Sequence[str] = (),
        score_floor: float = 0.0,
        min_score: float = 0.0,
        asked: TimeLike = None,
    ) -> Evidence:
        """See `AdaptiveMemory.search`; `keep` takes ids of what this view has found."""
        how = {**self._only, "score_floor": score_floor, "min_score": min_score}
        how |= {} if asked is None else {"asked": asked}
        if len(self._chats) == 1:
            alone = find(self._memories, self._chats, queries, budget_tokens, keep=keep, **how)
            return alone.by_chat.get(self._chats[0], Evidence.of([]))
        found = find(self._memories, self._chats, queries, budget_tokens, **how)
        scores = {chat: dict(zip(one.ids, one.scores, strict=True)) for chat, one in found.by_chat.items()}
        ranked = [
            (chat, self._moved(chat, line), scores[chat][line.turn.id])
            for chat, one in found.by_chat.items()
            for line in one.lines
        ]
        ranked.sort(key=lambda each: -each[2])
        self._found.update({line.id: (chat, line, score) for chat, line, score in ranked})
        return self._pack([*(self._found[one] for one in keep), *ranked], budget_tokens)

    def recent(self, budget_tokens: int) -> Evidence:
        """The most recent turns of the first chat that has any."""
        found = (self._memories[chat].recent(budget_tokens) for chat in self._chats)
        return next((one for one in found if one.text), Evidence.of([]))

    def source(self, turn_id: str) -> Source:
        """The message behind an id of this view. KeyError for none."""
        session, _, number = turn_id[1:].partition(":")
        chat = next(one for one in reversed(self._chats) if self._after[one] <= int(session))
        return Source(chat, self._memories[chat].expand(f"D{int(session) - self._after[chat]}:{number}"))

    def _moved(self, chat: str, line: Line) -> Line:
        """A line with its session's number in this view."""
        session = line.turn.session + self._after[chat]
        header = line.header.replace(f"[D{line.turn.session},", f"[D{session},", 1)
        return replace(
            line,
            turn=replace(line.turn, session=session),
            header=header,
            header_tokens=count_tokens(header + "\n"),
        )

    def _pack(self, ranked: Iterable[tuple[str, Line, float]], budget_tokens: int) -> Evidence:
        """The lines in their order, as many as fit, each chat's under its name."""
        tally, of_chats = Tally(), 0
        chosen: dict[tuple[int, int, int], tuple[str, Line, float]] = {}
        shown: dict[str, list[Line]] = {}
        for chat, line, score in ranked:
            name = 0 if chat in shown else count_tokens(render_name(chat))
            if line.key in chosen or tally.tokens + of_chats + name + tally.cost(line) > budget_tokens:
                continue
            tally.add(line)
            of_chats += name
            chosen[line.key] = chat, line, score
            shown.setdefault(chat, []).append(line)
        lines = [line for _, line, _ in chosen.values()]
        evidence = Evidence.of(lines, {key: score for key, (_, _, score) in chosen.items()})
        text = "".join(f"{render_name(chat)}{render(shown[chat])}" for chat in self._chats if chat in shown)
        return replace(evidence, text=text, tokens=tally.tokens + of_chats)


def show_sources(memories: Memories, sources: Iterable[Source], *, clock: bool = False) -> str:
    """Messages in full, dated and cited, those of several chats each under its name; with a newline after each."""
    by_chat: dict[str, list[Turn]] = {}
    for source in sources:
        by_chat.setdefault(source.chat, []).append(source.turn)
    texts = {chat: _in_full(memories[chat], turns, clock) for chat, turns in by_chat.items()}
    if len(memories) == 1:
        return "".join(texts.values())
    return "".join(f"{render_name(chat)}{text}" for chat, text in texts.items())


def _in_full(memory: AdaptiveMemory, turns: Iterable[Turn], clock: bool) -> str:
    return render(line for turn in turns for line in memory.around(turn.id, 0, clock=clock).lines)
