"""The functions that models call: `search` and `open`, over one memory or the chats of a folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from memoryqa.adapters import sources
from memoryqa.adapters.sources import MOST_TOKENS, Source
from memoryqa.errors import MemoryQAError
from memoryqa.memory import AdaptiveMemory

ARGUMENTS = {  # what they mean, for the model
    "question": "the question, in full, as a person would ask it",
    "chats": "names of chats; all when left out",
    "people": "only what these people said",
    "since": "only from this day on, YYYY-MM-DD",
    "until": "only up to this day, YYYY-MM-DD",
    "budget_tokens": "most tokens of the lines; more finds more",
    "id": "a message's id, such as D8:6",
    "chat": "the chat's name; may be left out when there is only one",
    "around": "messages before and after",
}


def memory_calls(source: Source, budget_tokens: int, min_score: float) -> list[Callable[..., str]]:
    """`search` and `open`. Both return text, "Error: ..." for a call that makes no sense.

    budget_tokens: of a search, where the model asks for no other. min_score: lines that score less are left out.
    """
    if isinstance(source, AdaptiveMemory):
        return [_search_one(source, budget_tokens, min_score), _open_one(source)]
    return [_search_chats(source, budget_tokens, min_score), _open_in_chat(source)]


def _search_one(source: Source, budget: int, min_score: float) -> Callable[..., str]:
    most = max(MOST_TOKENS, budget)

    def search(
        question: str,
        people: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        budget_tokens: int = budget,
    ) -> str:
        """Find the few dated, cited lines of a past conversation that answer a question."""
        only: dict[str, Any] = {"people": people, "since": since, "until": until}
        return _said(lambda: sources.find(source, question, min(budget_tokens, most), min_score=min_score, **only).text)

    return search


def _search_chats(source: Source, budget: int, min_score: float) -> Callable[..., str]:
    most = max(MOST_TOKENS, budget)

    def search(
        question: str,
        chats: list[str] | None = None,
        people: list[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        budget_tokens: int = budget,
    ) -> str:
        """Find the few dated, cited lines of past conversations that answer a question."""
        only: dict[str, Any] = {"chats": chats, "people": people, "since": since, "until": until}
        return _said(lambda: sources.find(source, question, min(budget_tokens, most), min_score=min_score, **only).text)

    return search


def _open_one(source: Source) -> Callable[..., str]:
    def open(id: str, around: int = 5) -> str:
        """Show a message in full, with what was said before and after it."""
        return _said(lambda: sources.around(source, id, None, around))

    return open


def _open_in_chat(source: Source) -> Callable[..., str]:
    def open(id: str, chat: str | None = None, around: int = 5) -> str:
        """Show a message in full, with what was said before and after it."""
        return _said(lambda: sources.around(source, id, chat, around))

    return open


def _said(call: Callable[[], str]) -> str:
    try:
        return call()
    except MemoryQAError as error:
        return f"Error: {error}"
