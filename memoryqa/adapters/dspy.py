"""The memory in DSPy programs: `search` and `open` as tools of ReAct and RLM, and `dspy.History` kept and given back.

memory = AdaptiveMemory.open("ines.db")
agent = dspy.ReAct("question -> answer", tools=memory_tools(memory))
keep_history(memory, dspy.History(messages=[{"question": "Who moved?", "answer": "Ana did."}]))
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from memoryqa.adapters.calls import ARGUMENTS, memory_calls
from memoryqa.adapters.kept import data_of, jsonable, kept, message, tag, text_in
from memoryqa.adapters.sources import MIN_SCORE, Source
from memoryqa.errors import missing_extras_named
from memoryqa.memory import SEARCH_TOKENS, AdaptiveMemory
from memoryqa.turns import Turn

with missing_extras_named("memoryqa.adapters.dspy"):
    import dspy

_EXCHANGE, _FIELD = "exchange", "field"


def memory_tools(
    source: Source, *, budget_tokens: int = SEARCH_TOKENS, min_score: float = MIN_SCORE
) -> list[dspy.Tool]:
    """`search` and `open` over a memory, or over the chats of a folder. Both return text, "Error: ..." for a bad call.

    budget_tokens: of a search, where the model asks for no other. min_score: lines that score less are left out.
    """
    return [dspy.Tool(call, arg_desc=ARGUMENTS) for call in memory_calls(source, budget_tokens, min_score)]


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
