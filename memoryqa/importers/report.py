"""What was read of an export and what was not, and why."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from memoryqa.importers.message import Message
from memoryqa.importers.spool import SeenKeys
from memoryqa.turns import format_date

SHOWN_PEOPLE = 8
MOST_CHATS = 10_000  # names that are counted: a mailbox has a million threads
_HEAD = re.compile(r".+?(?= (?:of|that|in|before|without|\())")  # of a reason: what is counted
_NOUN = re.compile(r"[\w-]+(?=,| or |$)")  # each that is counted: "call or event"
_NO_NOUNS = ("empty", "reasoning")


@dataclass
class ImportReport:
    """Counts of one pass over an export, complete when the pass has ended.

    people: messages by name. chats: messages by the names of conversations, of the first `MOST_CHATS` of them.
    conversations: their ids, or names where they have none. skipped: what was left out, by reason. notes: what was
    decided or assumed (order of dates, time zone, columns), one line each.
    """

    format: str
    messages: int = 0
    undated: int = 0
    edited: int = 0
    deleted: int = 0
    attachments: int = 0
    people: Counter[str] = field(default_factory=Counter)
    chats: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    days: set[date] = field(default_factory=set)
    conversations: SeenKeys = field(default_factory=SeenKeys, repr=False, compare=False)
    _last_conversation: str | None = field(default=None, repr=False, compare=False)
    _last_day: date | None = field(default=None, repr=False, compare=False)

    @property
    def first_day(self) -> date | None:
        return min(self.days, default=None)

    @property
    def last_day(self) -> date | None:
        return max(self.days, default=None)

    def skip(self, reason: str, count: int = 1) -> None:
        """Count what is left out."""
        self.skipped[reason] += count

    def note(self, line: str) -> None:
        """Say once what was decided."""
        if line not in self.notes:
            self.notes.append(line)

    def note_utc(self) -> None:
        self.note("times are in UTC; `timezone` shows them in yours")

    def count(self, message: Message) -> None:
        """Count a message that was read."""
        self.messages += 1
        self.people[message.speaker] += 1
        if message.chat and (message.chat in self.chats or len(self.chats) < MOST_CHATS):
            self.chats[message.chat] += 1
        conversation = message.chat_id or message.chat
        if conversation != self._last_conversation:
            self._last_conversation = conversation
            self.conversations.add(conversation)
        if message.time is None:
            self.undated += 1
        else:
            day = message.time.date()
            if day != self._last_day:
                self._last_day = day
                self.days.add(day)
        if message.attachments:
            self.attachments += len(message.attachments)
        self.edited += message.edited
        self.deleted += message.deleted

    def lines(self) -> list[str]:
        """The report for people: a line on what was read, then one each for people, skipped things and notes."""
        found = [f"{self.format}: {_counted(self.messages, 'message')}{self._span()}"]
        if self.people:
            most = [f"{name} {count:,}" for name, count in self.people.most_common(SHOWN_PEOPLE)]
            more = len(self.people) - len(most)
            found.append(f"people: {', '.join(most)}" + (f", and {more:,} more" if more else ""))
        if len(self.conversations) > 1:
            found.append(f"conversations: {len(self.conversations):,}")
        parts = [(self.attachments, "attachment"), (self.edited, "edited"), (self.deleted, "deleted")]
        parts.append((self.undated, "without a date"))
        said = [
            _counted(count, what) if what == "attachment" else f"{count:,} {what}" for count, what in parts if count
        ]
        if said:
            found.append(f"among them: {', '.join(said)}")
        found += [f"skipped: {_of_reason(count, reason)}" for reason, count in self.skipped.most_common()]
        return found + [f"note: {note}" for note in self.notes]

    def to_dict(self) -> dict[str, Any]:
        """The report for programs, as JSON can hold it."""
        first, last = self.first_day, self.last_day
        return {
            "format": self.format,
            "messages": self.messages,
            "people": dict(self.people.most_common()),
            "chats": dict(self.chats.most_common()),
            "conversations": len(self.conversations),
            "days": len(self.days),
            "first_day": None if first is None else first.isoformat(),
            "last_day": None if last is None else last.isoformat(),
            "undated": self.undated,
            "attachments": self.attachments,
            "edited": self.edited,
            "deleted": self.deleted,
            "skipped": dict(self.skipped),
            "notes": list(self.notes),
        }

    def _span(self) -> str:
        if not self.days:
            return ""
        on = f" on {_counted(len(self.days), 'day')}"
        if len(self.days) == 1:
            return f"{on}, {format_date(self.first_day)}"
        return f"{on}, {format_date(self.first_day)} to {format_date(self.last_day)}"


def _of_reason(count: int, reason: str) -> str:
    """`2 events of the chat`, `3 receipts, reactions or events`, `2 channel events (huddle)`."""
    if count == 1:
        return f"1 {reason}"
    match = _HEAD.match(reason)
    head, rest = (match[0], reason[match.end() :]) if match else (reason, "")
    return f"{count:,} {_NOUN.sub(_plural, head)}{rest}"


def _plural(noun: re.Match[str]) -> str:
    word = noun[0]
    if word.endswith("s") or word in _NO_NOUNS:
        return word
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
