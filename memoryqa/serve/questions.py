"""What is asked of the chats of a server, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memoryqa.turns import Turn

MAX_QUESTION_CHARS = 10_000  # more would be searched for many seconds
MAX_LISTED = 1_000  # chats or people in one call
MAX_TICKED = 10_000  # chats in one call by HTTP: the page names each one that is ticked


@dataclass(frozen=True, slots=True)
class Question:
    """text: the question. chats: in which it is answered. budget_tokens: of what is read at most. only: people and
    days, as `Memories.search` takes them."""

    text: str
    chats: Sequence[str]
    budget_tokens: int | None = None
    only: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Read:
    """What was found for a question: its text, its tokens, and chat, message and score of its lines, best first."""

    text: str
    tokens: int
    ranked: Sequence[tuple[str, Turn, float]]


@dataclass(frozen=True, slots=True)
class Reply:
    """cited: chats and ids. model: who answered; None for the offline reader. problems: what was worked around."""

    answer: str
    cited: Sequence[tuple[str, str]]
    model: str | None
    read: Read
    problems: Sequence[str] = ()
