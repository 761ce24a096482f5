"""From what a program has, text with a speaker and a time or a chat message, to turns with a session and a number.

**Sessions by gaps.** A message without a session of its own begins a new session when its calendar day differs from
that of the message before, or when more than `session_gap` (6 hours) has passed between the two. So the date above a
session is the date of each of its messages. A date without a time of day (midnight) joins any session of that day, a
message without a time the session before it. Explicit sessions and numbers win; a number that is not given is the next
one of its session.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from typing import Any, Protocol, TypeAlias, runtime_checkable

from memoryqa.checks import described, kind_of, one_of_kind, shown, text, whole_number
from memoryqa.errors import UsageError
from memoryqa.turns import Turn

TimeLike: TypeAlias = datetime | date | str | int | float | None


@runtime_checkable
class Imported(Protocol):
    """A message of an importer (memoryqa/importers/message.py), which knows what its turn is made of."""

    def turn_fields(self) -> Mapping[str, Any]:
        """The fields of the turn."""


Message: TypeAlias = Turn | Mapping[str, Any] | str | Imported

SESSION_GAP = timedelta(hours=6)
_LATEST_EPOCH_SEC = 1e11  # the year 5138; what is larger counts milliseconds
_TEXT_KEYS = ("content", "text")
_SPEAKER_KEYS = ("name", "speaker", "role")
_TIME_KEYS = ("timestamp", "time", "created_at", "date")
_OWN_KEYS = ("session", "number", "caption", "tags")


def parse_time(value: TimeLike, name: str = "time") -> datetime | None:
    """`value` as a datetime: a datetime as it is, a date at midnight, ISO 8601 text, seconds since 1970 (as UTC), None.

    Raises TypeError for another type and ValueError for text or a number that is no time; both name `name`.
    """
    if value is None:
        return None
    if isinstance(value, datetime):
        if value != value:  # pandas.NaT is a datetime
            raise UsageError(f"{name} {value} is no time; leave it out where it is unknown")
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value.strip())
        except ValueError:
            raise UsageError(
                f"{name} {shown(value)} is not ISO 8601; write it as 2023-05-25 or 2023-05-25T18:30, or leave it out"
            ) from None
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return _from_epoch(value, name)
    raise TypeError(f"{name} must be a datetime, a date, ISO 8601 text, epoch seconds or None, got {kind_of(value)}")


def text_of(content: object) -> tuple[str, str]:
    """Text and caption of a chat message's content: a string, None, or a list of parts.

    Text parts are joined by line breaks, those inside of a part (a tool's result) too. An image is its description, or
    "image", in the caption. Any other part is named in the text, as `[audio]`. Raises TypeError for any other content.
    """
    if content is None:
        return "", ""
    if isinstance(content, str):
        return content, ""
    if not isinstance(content, list | tuple):
        raise TypeError(f"content must be text or a list of parts, got {kind_of(content)}")
    texts, captions = list[str](), list[str]()
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif not isinstance(part, Mapping):
            raise TypeError(f'a part of content must be text or a dict such as {{"type": "text"}}, got {kind_of(part)}')
        elif isinstance(text := part.get("text", part.get("transcript")), str):
            texts.append(text)
        elif part.get("content"):
            inner, caption = text_of(part["content"])
            texts.append(inner)
            captions += [caption] if caption else []
        elif "image" in str(part.get("type", "")):
            captions.append(str(part.get("alt") or part.get("caption") or "image"))
        elif "text" not in str(part.get("type", "")):  # a text part without text says nothing
            texts.append(f"[{part.get('type', 'part')}]")
    return "\n".join(texts), ", ".join(captions)


@dataclass
class Numbering:
    """Where the next message goes: knows the last session, the highest number of each, and the last time."""

    session_gap: timedelta = SESSION_GAP
    _session: int | None = None
    _time: datetime | None = None
    _highest: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        one_of_kind("session_gap", self.session_gap, timedelta, "a datetime.timedelta")
        if self.session_gap < timedelta(0):
            raise UsageError(f"session_gap must not be negative, got {self.session_gap}")

    def turn_of(self, message: Message, given: Mapping[str, Any]) -> Turn:
        """The turn of `message`. `given`: arguments that go with it and win over what a dict says; None is not given.

        Changes nothing: `note` does, once the turn is in the memory. Raises TypeError and ValueError that name the fix.
        """
        extra = {name: value for name, value in given.items() if value is not None}
        if isinstance(message, Turn):
            if extra:
                raise TypeError(f"a Turn has its own {', '.join(extra)}: leave the argument out, or give text")
            return message
        if isinstance(message, Mapping):
            extra = {**_of_mapping(message), **extra}
        elif isinstance(message, str):
            extra["text"] = message
        elif isinstance(message, Imported):
            extra = {**message.turn_fields(), **extra}
        else:
            fix = "; extend takes a list of them" if isinstance(message, list | tuple) else ""
            fix = "; give its model_dump()" if hasattr(message, "model_dump") else fix
            raise TypeError(f"add takes text, a Turn or a chat message (a dict), got {kind_of(message)}{fix}")
        if "speaker" not in extra:
            raise TypeError('speaker is missing: add("...", speaker="Ana"), or a dict with "role", "name" or "speaker"')
        if not isinstance(extra["speaker"], str) or not extra["speaker"].strip():
            raise TypeError(f"speaker must be a name, got {shown(extra['speaker'])}")
        time = parse_time(extra.pop("time", None))
        session = whole_number("session", extra.pop("session", self._session_at(time)))
        number = whole_number("number", extra.pop("number", self._highest.get(session, 0) + 1))
        return Turn(session, number, time=time, tags=_tags(extra.pop("tags", ())), **extra)

    def note(self, turn: Turn) -> None:
        """`turn` has been added: the next message follows it."""
        self._session = turn.session
        self._time = turn.time
        self.reserve(turn.session, turn.number)

    def resume(self, turn: Turn | None) -> None:
        """The next message follows `turn`, which was added earlier; with None it begins a session."""
        self._session, self._time = (None, None) if turn is None else (turn.session, turn.time)

    def reserve(self, session: int, number: int) -> None:
        """Give no message a number up to `number` in `session`: those were given to turns that are no more."""
        self._highest[session] = max(number, self._highest.get(session, 0))

    def copy(self) -> Numbering:
        """One that goes on from here on its own."""
        return replace(self, _highest=dict(self._highest))

    def _session_at(self, time: datetime | None) -> int:
        if self._session is None:
            return max(self._highest, default=0) + 1
        if time is None or (self._time is not None and self._is_near(self._time, time)):
            return self._session
        return max(self._highest) + 1

    def _is_near(self, before: datetime, after: datetime) -> bool:
        if (before.tzinfo is None) != (after.tzinfo is None):  # one has no zone: compare what the clocks showed
            before, after = before.replace(tzinfo=None), after.replace(tzinfo=None)
        if before.date() != after.date():
            return False
        is_date_only = clock.min in (before.time(), after.time())  # a date was given, or the pause cannot be told
        return is_date_only or abs(after - before) <= self.session_gap


def _of_mapping(message: Mapping[str, Any]) -> dict[str, Any]:
    keys = [key for key in _TEXT_KEYS if key in message]
    if not keys:
        raise UsageError(f'a chat message needs "content" (or "text"); this one has {_names(message)}')
    text, caption = text_of(message[keys[0]])
    found: dict[str, Any] = {"text": text}
    if caption:
        found["caption"] = caption
    for name, choices in (("speaker", _SPEAKER_KEYS), ("time", _TIME_KEYS)):
        given = [message[key] for key in choices if message.get(key) is not None]
        said = [one for one in given if not (isinstance(one, str) and not one.strip())]  # exports leave fields empty
        if said:
            found[name] = said[0]
    return found | {key: message[key] for key in _OWN_KEYS if message.get(key) is not None}


def _tags(tags: object) -> tuple[str, ...]:
    if isinstance(tags, str) or not isinstance(tags, Iterable):
        raise TypeError(f"tags must be a list of texts, got {described(tags)}")
    return tuple(text("a tag", tag) for tag in tags)


def _from_epoch(seconds: Any, name: str) -> datetime:
    if seconds >= _LATEST_EPOCH_SEC:
        raise UsageError(f"{name} {shown(seconds)} is too large for seconds since 1970; divide milliseconds by 1000")
    try:
        return datetime.fromtimestamp(float(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"{name} {shown(seconds)} is no number of seconds since 1970") from None


def _names(message: Mapping[str, Any]) -> str:
    names = ", ".join(map(shown, list(message)[:8])) or "nothing"
    return f"{names}, ..." if len(message) > 8 else names
