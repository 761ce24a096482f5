"""What the HTTP API takes and answers besides the replies that it shares with MCP. Unknown fields are refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from memoryqa.serve.operations import MAX_MESSAGES, MAX_SEARCH_TOKENS, MIN_SCORE
from memoryqa.serve.questions import MAX_LISTED, MAX_QUESTION_CHARS, MAX_TICKED
from memoryqa.serve.replies import CitedLine, Found, ImportResult, NewMessage

MAX_CHARS = 1_000_000
MAX_NAME_CHARS = 100

ChatName = Annotated[str, Path(min_length=1, max_length=MAX_NAME_CHARS, examples=["ana"])]
MessageId = Annotated[str, Path(min_length=1, max_length=60, examples=["D1:1"])]
Day = Annotated[str, Field(max_length=40, examples=["2023-05-25"])]
Id = Annotated[str, Field(min_length=1, max_length=60)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewChat(Body):
    chat: str = Field(min_length=1, max_length=MAX_NAME_CHARS, examples=["ana"])


class SaidMessage(NewMessage):
    """A message to keep."""

    model_config = ConfigDict(extra="forbid")
    text: str = Field(min_length=1, max_length=MAX_CHARS, examples=["I moved to Porto last Saturday!"])
    speaker: str = Field(min_length=1, max_length=200, examples=["Ana"])
    key: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="your own id: a message whose key the chat has is not added again",
    )
    time: str | None = Field(None, max_length=40, description="ISO 8601; now when left out", examples=["2023-05-25"])


class NewMessages(Body):
    messages: list[SaidMessage] = Field(min_length=1, max_length=MAX_MESSAGES)


class NewText(Body):
    text: str = Field(min_length=1, max_length=MAX_CHARS)
    keep_revision: bool = Field(True, description="keep what it said before; else that is erased")


class Forgetting(Body):
    """What to erase: exactly one of the four."""

    id: Id | list[Id] | None = Field(None, description="one message, or several")
    person: str | None = Field(None, max_length=200, description="all that this person said")
    before: Day | None = Field(None, description="all that was said before this day, YYYY-MM-DD")
    everything: bool = Field(False, description="the whole chat")


class Joining(Body):
    same: dict[Name, Name] = Field(
        default_factory=dict,
        max_length=MAX_LISTED,
        description="the name that each other name, number or id means",
        examples=[{"+351 912 345 678": "Ana"}],
    )
    me: Name | None = Field(None, description='who says "I"')


class Question(Body):
    question: str = Field(min_length=1, max_length=MAX_QUESTION_CHARS, examples=["When did Ana move?"])
    chats: list[Name] | None = Field(None, max_length=MAX_TICKED, description="all when left out")
    people: list[Name] | None = Field(None, max_length=MAX_LISTED, description="only what these said")
    since: Day | None = Field(None, description="only from this day on, YYYY-MM-DD")
    until: Day | None = Field(None, description="only up to this day, YYYY-MM-DD")
    asked: Day | None = Field(None, description='the day of asking, by which "last week" is read; today when left out')

    def only(self) -> dict[str, Any]:
        """The people and days, as `Memories.search` takes them."""
        return {"speakers": self.people or None, "since": self.since, "until": self.until, "asked": self.asked}


class Search(Question):
    budget_tokens: int = Field(1_000, ge=1, le=MAX_SEARCH_TOKENS)
    min_score: float = Field(MIN_SCORE, ge=0, le=100, description="leave out lines that score less")

    def how(self) -> dict[str, Any]:
        """The arguments of a search besides the question and the chats, as `Memories.search` takes them."""
        return {**self.only(), "budget_tokens": self.budget_tokens, "min_score": self.min_score}


class AskBody(Question):
    budget_tokens: int | None = Field(None, ge=1, le=MAX_SEARCH_TOKENS, description="of what is read for it")
    stream: bool = Field(True, description="as server-sent events; else one JSON document")
    kept: bool = Field(
        False,
        description="only what a model answered to this before, if the chats are as they were; "
        "without that 404, or the event `nothing`",
    )


class Chosen(Body):
    chats: list[Name] | None = Field(None, max_length=MAX_TICKED, description="all when left out")


class ShownLine(CitedLine):
    place: int = Field(description="of the message in its chat, from 0")
    text: str = Field(description="the message, in full")


class Searched(Found):
    """Evidence. `text` has the dated, cited lines in time order; `lines` has their messages, best first."""

    lines: list[ShownLine]  # type: ignore[assignment]  # pydantic allows a narrower type


class Citation(BaseModel):
    chat: str
    id: str


class Answer(BaseModel):
    answer: str
    cited: list[Citation] = Field(description="the messages that it stands on")
    model: str | None = Field(description="who answered; null for the offline reader")
    offline: bool = Field(description="whether the offline reader answered, because no model is configured")
    found: Searched = Field(description="what was read for it")
    problems: list[str] = Field(description="what had to be worked around: replies or prompts that were cut, and more")


class Revision(BaseModel):
    text: str
    speaker: str
    time: str | None


class Revisions(BaseModel):
    chat: str
    id: str
    revisions: list[Revision] = Field(description="what it said before each correction, oldest first")


class ImportJob(BaseModel):
    id: str
    chat: str | None
    state: Literal["reading", "adding", "done", "failed"]
    messages: int = Field(description="read so far")
    people: int = Field(default=0, description="who were found so far")
    days: int = Field(default=0, description="on which somebody wrote, so far")
    share: float = Field(description="of the work that is done, 0 to 1")
    result: ImportResult | None = None
    problem: str | None = Field(None, description="why it failed, in one line")
