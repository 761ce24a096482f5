"""A chat as it is read on the page: a part of its messages in order, and its days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pydantic import BaseModel, Field

from memoryqa.checks import shown
from memoryqa.errors import UsageError
from memoryqa.memory import AdaptiveMemory
from memoryqa.turns import Turn

MAX_PAGE = 500  # messages at once


class ReadMessage(BaseModel):
    id: str
    place: int = Field(description="in the order of the chat, from 0")
    speaker: str
    time: str | None
    text: str
    caption: str = Field(description="what its photo shows")
    revised: bool = Field(description="whether what it said before a correction is kept")


class MessagePage(BaseModel):
    chat: str
    total: int = Field(description="messages of the chat")
    start: int = Field(description="place of the first of these")
    messages: list[ReadMessage]


class WouldForget(MessagePage):
    total: int = Field(description="messages that would be erased")
    people: list[str] = Field(description="who said them, most talkative first")
    first: str | None = Field(description="day of the first of them")
    last: str | None = Field(description="day of the last of them")


class ChatDay(BaseModel):
    day: str = Field(description="YYYY-MM-DD")
    messages: int
    place: int = Field(description="of its first message")


class ChatDays(BaseModel):
    chat: str
    days: list[ChatDay] = Field(description="in order; messages without a time are in none")


def page_of(chat: str, memory: AdaptiveMemory, *, start: int = 0, around: str | None = None, limit: int) -> MessagePage:
    """`limit` messages from the place `start`, counted from the end when it is negative, or around one by its id."""
    if not 1 <= limit <= MAX_PAGE:
        raise UsageError(f"limit must lie in 1..{MAX_PAGE}, got {limit:,}")
    total = len(memory)
    if around is not None:
        start = max(0, min(_place_of(memory, around) - limit // 2, total - limit))
    elif start < 0:
        start = max(0, total + start)
    revised = memory.revised()
    messages = [
        _read(turn, place, turn.id in revised) for place, turn in enumerate(memory.turns_from(start, limit), start)
    ]
    return MessagePage(chat=chat, total=total, start=start, messages=messages)


def meant_page(chat: str, memory: AdaptiveMemory, meant: Sequence[Turn], start: int, limit: int) -> WouldForget:
    """A part of the messages that are meant, with what is to be known of all."""
    revised, part = memory.revised(), meant[start : start + limit]
    places = memory.in_order({turn.id for turn in part})
    days = [turn.time.date().isoformat() for turn in meant if turn.time is not None]
    return WouldForget(
        chat=chat,
        total=len(meant),
        start=start,
        messages=[_read(turn, places[turn.id], turn.id in revised) for turn in part],
        people=[name for name, _ in Counter(turn.speaker for turn in meant).most_common()],
        first=min(days, default=None),
        last=max(days, default=None),
    )


def _read(turn: Turn, place: int, is_revised: bool) -> ReadMessage:
    return ReadMessage(
        id=turn.id,
        place=place,
        speaker=turn.speaker,
        time=None if turn.time is None else turn.time.isoformat(),
        text=turn.text,
        caption=turn.caption,
        revised=is_revised,
    )


def days_of(chat: str, memory: AdaptiveMemory) -> ChatDays:
    """How many messages each day has, and where it begins."""
    days: dict[str, ChatDay] = {}
    for place, turn in enumerate(memory.turns()):
        if turn.time is not None:
            day = turn.time.date().isoformat()
            days.setdefault(day, ChatDay(day=day, messages=0, place=place)).messages += 1
    return ChatDays(chat=chat, days=sorted(days.values(), key=lambda one: one.day))


def _place_of(memory: AdaptiveMemory, id: str) -> int:
    place = memory.place_of(id)
    if place is None:
        raise UsageError(f"there is no message {shown(id)} in this chat; it may have been forgotten")
    return place
