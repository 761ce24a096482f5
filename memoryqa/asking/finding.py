"""Searches one chat or several of a folder, for a person: a question about some days finds what was said on them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from memoryqa.chats import ChatsEvidence
from memoryqa.language.question import asks_clock
from memoryqa.memories import Memories
from memoryqa.messages import TimeLike


def as_asked(question: str, asked: TimeLike = None, *, clock: bool = False) -> dict[str, Any]:
    """Arguments of a search for a person who asks now: "yesterday" is that of today, or of `asked`, and hours are shown
    where the question is for a time of day."""
    return {"asked": asked or date.today(), "clock": clock or asks_clock(question)}


def find(
    memories: Memories, chats: Sequence[str], queries: str | Sequence[str], budget_tokens: int, **how: Any
) -> ChatsEvidence:
    """`Memories.search`; the lines of one chat alone are without its name, and `keep` is for one chat alone.

    "What happened last week?" has no word that a line could have: the days that it names are what is found, and where
    they have nothing, nothing is. They are also found where `min_score` leaves out all else.
    """
    question = queries if isinstance(queries, str) else queries[0]
    if not how.get("min_score") or how.get("since") or how.get("until"):
        return _find(memories, chats, queries, budget_tokens, how)
    read_by = _read_by(memories, chats)
    if not any(memories[chat].asks_only_days(question, how.get("asked")) for chat in read_by):
        found = _find(memories, chats, queries, budget_tokens, how)
        if found.ranked:
            return found
    days = {one for chat in read_by for one in memories[chat].days_asked(question, how.get("asked"))}
    for since, until in sorted(days, reverse=True):
        on_days = {**how, "min_score": 0.0, "since": since, "until": until}
        if (of_days := _find(memories, chats, queries, budget_tokens, on_days)).ranked:
            return of_days
    return ChatsEvidence({}, "", 0, ())


def _read_by(memories: Memories, chats: Sequence[str]) -> Sequence[str]:
    """The chats by whose languages and years the question is read: all, or of more than are kept open those that
    are."""
    if len(chats) <= memories.most_open:
        return chats
    return [chat for chat in chats if memories.opened(chat) is not None] or chats[:1]


def _find(
    memories: Memories, chats: Sequence[str], queries: str | Sequence[str], budget_tokens: int, how: dict[str, Any]
) -> ChatsEvidence:
    if len(chats) != 1:
        return memories.search(queries, budget_tokens, chats=chats, **how)
    (chat,) = chats
    one = memories[chat].search(queries, budget_tokens, **how)
    ranked = tuple((chat, turn, score) for turn, score in zip(one.turns, one.scores, strict=True))
    return ChatsEvidence({chat: one} if one else {}, one.text, one.tokens, ranked)
