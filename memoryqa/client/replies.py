"""What a server answers, as a program uses it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

When = datetime | date | str | None


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was found. score: None where nothing was searched."""

    chat: str
    id: str
    speaker: str
    time: datetime | None
    text: str
    score: float | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Found:
    """As `memoryqa.Evidence`: text with dated, cited lines in time order; messages best first; tokens of the text."""

    text: str
    tokens: int
    messages: tuple[Message, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(one.id for one in self.messages)

    @property
    def scores(self) -> tuple[float, ...]:
        return tuple(one.score or 0.0 for one in self.messages)

    def __iter__(self) -> Iterator[Message]:
        return iter(self.messages)

    def __len__(self) -> int:
        return len(self.messages)

    def __getitem__(self, rank: int) -> Message:
        return self.messages[rank]

    def __str__(self) -> str:
        return self.text.rstrip("\n") or "(nothing found)"

    def __repr__(self) -> str:
        return f"<Found: {len(self)} messages in {self.tokens:,} tokens>"


@dataclass(frozen=True, slots=True)
class Answer:
    """cited: chats and ids. model: who answered; None for the offline reader. found: what was read for it."""

    answer: str
    cited: tuple[tuple[str, str], ...]
    model: str | None
    found: Found


def written(time: When) -> str | None:
    return time.isoformat() if isinstance(time, date) else time


def found_in(reply: Mapping[str, Any]) -> Found:
    return Found(reply["text"], reply["tokens"], tuple(map(message_in, reply["lines"])))


def message_in(fields: Mapping[str, Any]) -> Message:
    time = datetime.fromisoformat(fields["time"]) if fields["time"] else None
    said = (fields["chat"], fields["id"], fields["speaker"], time, fields["text"])
    return Message(*said, fields.get("score"))
