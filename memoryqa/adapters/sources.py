"""What the adapters search: one memory, or the chats of a folder. Found lines are dated, cited and scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeAlias

from memoryqa.adapters.chat_names import chat_name
from memoryqa.checks import described, shown, whole_number
from memoryqa.errors import UsageError
from memoryqa.evidence import Evidence
from memoryqa.memories import Memories
from memoryqa.memory import SEARCH_TOKENS, AdaptiveMemory
from memoryqa.turns import Turn

Source: TypeAlias = AdaptiveMemory | Memories

MIN_SCORE = 0.3  # as the command's: a question about something that never came up finds nothing
MOST_AROUND = 100
MOST_TOKENS = 20_000  # that a model may ask for


@dataclass(frozen=True, slots=True)
class FoundTurn:
    """A turn that was found, and its lines with the date above them. chat: None when one memory was searched."""

    chat: str | None
    turn: Turn
    text: str
    score: float

    @property
    def id(self) -> str:
        """Unique among all chats that are searched together."""
        return self.turn.id if self.chat is None else f"{self.chat}/{self.turn.id}"

    @property
    def metadata(self) -> dict[str, str | float]:
        """chat, id, speaker, time (ISO 8601) and score; what is unknown is left out."""
        time = None if self.turn.time is None else self.turn.time.isoformat()
        fields = {"chat": self.chat, "id": self.turn.id, "speaker": self.turn.speaker, "time": time}
        return {name: value for name, value in fields.items() if value is not None} | {"score": round(self.score, 4)}


@dataclass(frozen=True, slots=True)
class Found:
    """text: all lines in time order, in `budget_tokens`; "(nothing found)" for none. turns: best first."""

    text: str
    turns: tuple[FoundTurn, ...]


def find(
    source: Source,
    question: str,
    budget_tokens: int = SEARCH_TOKENS,
    *,
    min_score: float = MIN_SCORE,
    chats: Sequence[str] | None = None,
    people: Sequence[str] | None = None,
    since: str | None = None,
    until: str | None = None,
) -> Found:
    """The lines that answer best. chats: names, of the chats of a folder only; None is all. UsageError for what cannot
    be searched."""
    how: dict[str, Any] = {
        "min_score": min_score,
        "speakers": people or None,
        "since": since or None,
        "until": until or None,
    }
    if not question.strip():
        raise UsageError("the question is empty")
    if whole_number("budget_tokens", budget_tokens) < 1:
        raise UsageError(f"budget_tokens must be at least 1, got {budget_tokens}")
    if isinstance(source, AdaptiveMemory):
        source.refresh()
        found = source.search(question, budget_tokens, **how)
        return Found(str(found), tuple(_turns(None, found)))
    names = _named(_memories(source), chats)
    for name in names:
        source[name].refresh()
    joined = source.search(question, budget_tokens, chats=names, **how)
    turns = [one for name, each in joined.by_chat.items() for one in _turns(name, each)]
    return Found(str(joined), tuple(sorted(turns, key=lambda one: -one.score)))


def around(source: Source, id: str, name: str | None = None, num_turns: int = 5) -> str:
    """The message `id` of a chat, and those around it. UsageError when there is none."""
    if not 0 <= whole_number("around", num_turns) <= MOST_AROUND:
        raise UsageError(f"around must lie in 0..{MOST_AROUND}, got {num_turns}")
    memory = chat(source, name)
    memory.refresh()
    try:
        return str(memory.around(id, num_turns))
    except KeyError as error:
        raise UsageError(str(error.args[0])) from None


def chat(source: Source, name: str | None = None) -> AdaptiveMemory:
    """The memory of a chat; None is the only one. UsageError when there is none of that name."""
    if isinstance(source, AdaptiveMemory):
        return source
    names = _named(source, None if name is None else [name])
    if len(names) != 1:
        raise UsageError(f"name the chat; there are: {_listed(names)}")
    return source[names[0]]


def session(source: Source, session_id: str) -> AdaptiveMemory:
    """The memory that a session is kept in: the one that is given, or the chat of its name, made when there is none."""
    if isinstance(source, AdaptiveMemory):
        return source
    return _memories(source).create(chat_name(session_id))


def _memories(source: object) -> Memories:
    if not isinstance(source, Memories):
        raise TypeError(f"give an AdaptiveMemory or Memories, got {described(source)}")
    return source


def _named(memories: Memories, chats: Sequence[str] | None) -> list[str]:
    """The chats of these names; all for none. UsageError for one that is not there."""
    memories.find()
    known = sorted(memories)
    if unknown := next((name for name in chats or () if name not in memories), None):
        raise UsageError(f"there is no chat {shown(unknown)}; there are: {_listed(known)}")
    return list(dict.fromkeys(chats)) if chats else known


def _listed(names: Sequence[str]) -> str:
    return (", ".join(names[:8]) + (", ..." if len(names) > 8 else "")) or "none yet"


def _turns(name: str | None, found: Evidence) -> list[FoundTurn]:
    scores = dict(zip(found.ids, found.scores, strict=True))
    ranks = {id: rank for rank, id in enumerate(scores)}
    lines = sorted(found.lines, key=lambda line: ranks[line.turn.id])
    return [
        FoundTurn(name, turn, Evidence.of(list(of_turn)).text.rstrip("\n"), scores[turn.id])
        for turn, of_turn in groupby(lines, key=lambda line: line.turn)
    ]
