"""Chats and people as clients list them, from what the files say: no chat is opened for a list, however long it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from memoryqa.archive.summary import Summary
from memoryqa.home.people import people_in
from memoryqa.serve.replies import ChatSummary, People, Person


def listed_chat(name: str, found: Summary) -> ChatSummary:
    """A chat with its people, most talkative first."""
    first, last = _written(found.first), _written(found.last)
    return ChatSummary(chat=name, messages=found.messages, people=list(found.speakers), first=first, last=last)


def listed_people(chats: Mapping[str, Summary]) -> People:
    """Who speaks, most talkative first. One name is one person, in all chats."""
    return People(
        people=[
            Person(
                name=one.name,
                chats=one.chats,
                messages=one.messages,
                first=_written(one.first),
                last=_written(one.last),
            )
            for one in people_in(chats)
        ]
    )


def _written(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
