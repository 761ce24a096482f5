"""What the servers answer: the structured half of every reply, and the schema that clients are shown."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from memoryqa.turns import Turn


class CitedLine(BaseModel):
    chat: str
    id: str = Field(description="id of the message; `open` and `correct` take it")
    speaker: str
    time: str | None = Field(description="ISO 8601, None where it is unknown")
    score: float | None = Field(description="higher is better; about 1.0 for a message with every word of the question")


class Found(BaseModel):
    """Evidence. `text` has the dated, cited lines in time order; `lines` names them, best first."""

    text: str
    tokens: int = Field(description="of text, in o200k_base")
    lines: list[CitedLine]


class Opened(BaseModel):
    chat: str
    text: str = Field(description="the message and those around it, dated, in time order")
    ids: list[str]


class NewMessage(BaseModel):
    text: str = Field(description="what was said, word for word")
    speaker: str = Field(description="who said it", min_length=1)
    time: str | None = Field(None, description="when it was said, ISO 8601; now when left out")


class Remembered(BaseModel):
    chat: str
    ids: list[str]
    messages: int = Field(description="how many the chat has now")


class ChatSummary(BaseModel):
    chat: str
    messages: int
    people: list[str]
    first: str | None = Field(description="day of the first message")
    last: str | None = Field(description="day of the last message")


class Listed(BaseModel):
    chats: list[ChatSummary]


class Person(BaseModel):
    name: str
    chats: list[str]
    messages: int
    first: str | None
    last: str | None


class People(BaseModel):
    people: list[Person]


class Corrected(BaseModel):
    chat: str
    id: str
    text: str
    before: str


class Forgotten(BaseModel):
    chat: str
    messages: int = Field(description="how many were erased")


class Joined(BaseModel):
    chat: str
    messages: int = Field(description="how many are shown under another name than before")


class Answered(BaseModel):
    answer: str
    cited: list[str] = Field(description="ids of the messages that the answer stands on")
    evidence: str = Field(description="the messages that are cited, dated")
    model: str
    problems: list[str] = Field(default_factory=list, description="what had to be worked around, such as cut replies")


class ImportResult(BaseModel):
    chats: list[str]
    added: int
    known: int = Field(description="messages that were here already")
    report: dict[str, Any] = Field(description="what was read: format, messages, people, days, skipped, notes")


def cited(chat: str, turn: Turn, score: float) -> dict[str, Any]:
    """The fields of a `CitedLine`."""
    time = None if turn.time is None else turn.time.isoformat()
    return {"chat": chat, "id": turn.id, "speaker": turn.speaker, "time": time, "score": round(score, 4)}
