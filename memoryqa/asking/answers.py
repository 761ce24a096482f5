"""The answer to a question, and how the offline reader gives it: it needs no package beyond those of the library."""

from __future__ import annotations

from dataclasses import dataclass

from memoryqa.asking.view import Source, View
from memoryqa.config import ProgramConfig
from memoryqa.errors import UsageError
from memoryqa.offline_reader import NO_INFORMATION

CONTEXT_TOKENS = ProgramConfig().context_tokens
MIN_SCORE = 0.3  # of a line that the offline reader may answer from: see the command `search`


@dataclass(frozen=True, slots=True)
class Answer:
    """text: NO_INFORMATION when the chats do not say. cited: the messages it stands on. found: those that were read,
    best first. model: who answered, None for the offline reader. prompt_tokens, completion_tokens: as the server
    counted, None when it did not. cost_usd: None when unknown. problems: what had to be worked around, a line each.
    """

    text: str
    cited: tuple[Source, ...] = ()
    found: tuple[Source, ...] = ()
    context_tokens: int = 0
    model: str | None = None
    prompt_tokens: int | None = 0
    completion_tokens: int | None = 0
    cost_usd: float | None = 0.0
    problems: tuple[str, ...] = ()

    @property
    def is_known(self) -> bool:
        return self.text != NO_INFORMATION


def read_offline(
    view: View, question: str, context_tokens: int = CONTEXT_TOKENS, before: tuple[str, str] | None = None
) -> Answer:
    """What the rules of memoryqa/offline_reader extract from the lines that are found; `before`: see `Reader`."""
    from memoryqa.offline_reader.extraction import (
        read,
    )  # a program whose LM answers, or a server that starts, needs none

    if context_tokens < 1:
        raise UsageError(f"context_tokens must be at least 1, got {context_tokens}")
    queries = [question] if before is None else [question, before[0]]
    evidence = view.search(queries, context_tokens, min_score=MIN_SCORE)
    reading = read(question, evidence.text)
    cited = tuple(view.source(one) for one in reading.evidence_ids)
    found = tuple(view.source(one) for one in evidence.ids)
    return Answer(reading.answer, cited, found, evidence.tokens)
