"""The memory in DSPy programs: `search` and `open` as tools of ReAct and RLM, and `dspy.History` kept and given back.

memory = AdaptiveMemory.open("ines.db")
agent = dspy.ReAct("question -> answer", tools=memory_tools(memory))
keep_history(memory, dspy.History(messages=[{"question": "Who moved?", "answer": "Ana did."}]))
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from memoryqa.adapters import sources
from memoryqa.adapters.kept import data_of, jsonable, kept, message, tag, text_in
from memoryqa.adapters.sources import MIN_SCORE, MOST_TOKENS, Source
from memoryqa.errors import MemoryQAError, missing_extras_named
from memoryqa.memory import SEARCH_TOKENS, AdaptiveMemory
from memoryqa.turns import Turn

with missing_extras_named("memoryqa.adapters.dspy"):
    import dspy

_EXCHANGE, _FIELD = "exchange", "field"
_ARGUMENTS = {
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


def memory_tools(
    source: Source, *, budget_tokens: int = SEARCH_TOKENS, min_score: float = MIN_SCORE
) -> list[dspy.Tool]:
    """`search` and `open` over a memory, or over the chats of a folder. Both return text, "Error: ..." for a bad call.

    budget_tokens: of a search, where the model asks for no other. min_score: lines that score less are left out.
    """
    tools = [_search_one(source, budget_tokens, min_score), _open_one(source)]
    if not isinstance(source, AdaptiveMemory):
        tools = [_search_chats(source, budget_tokens, min_score), _open_in_chat(source)]
    return [dspy.Tool(tool, arg_desc=_ARGUMENTS) for tool in tools]


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


# -- histories ---------------------------------------------------------------------------------------------------------


def keep_history(
    memory: AdaptiveMemory, history: dspy.History, speakers: Mapping[str, str] | None = None
) -> list[Turn]:
    """Add the exchanges of `history` that the memory does not have yet; returns their turns, one a field.

    The first exchanges of `history` that are the last ones kept are not added again: give the whole history, or what
    is new. speakers: who says a field, `{"question": "Ana", "answer": "assistant"}`; its name where left out.
    """
    given, had = [one for one in jsonable(history.messages) if one], history_of(memory).messages
    known = max((n for n in range(min(len(given), len(had)) + 1) if given[:n] == had[len(had) - n :]), default=0)
    return memory.extend(turn for exchange in given[known:] for turn in _messages(exchange, speakers or {}))


def history_of(memory: AdaptiveMemory, last: int | None = None) -> dspy.History:
    """What `keep_history` kept and was not forgotten, oldest first; the `last` so many exchanges.

    Values are in JSON's kinds. A field that was corrected has its new text.
    """
    memory.refresh()
    exchanges: dict[str, dict[str, Any]] = {}
    for turn in memory.turns():
        exchange, field = kept(turn, _EXCHANGE), kept(turn, _FIELD)
        if exchange is not None and field is not None:
            value = data_of(turn)
            exchanges.setdefault(exchange, {})[field] = turn.text if value is None else value[0]
    messages = list(exchanges.values())
    return dspy.History(messages=messages if last is None else messages[max(0, len(messages) - last) :])


def _messages(exchange: Mapping[str, Any], speakers: Mapping[str, str]) -> list[dict[str, Any]]:
    number = secrets.token_hex(8)
    return [
        message(
            text_in(value),
            field if field.strip() else "field",
            name=speakers.get(field),
            data=None if isinstance(value, str) else [value],
            tags=(tag(_EXCHANGE, number), tag(_FIELD, field)),
        )
        for field, value in exchange.items()
    ]
