"""Slack: the folder or zip of a workspace's export, with users.json and a file per channel and day.

Format: https://slack.com/help/articles/220556107 ("How to read Slack data exports") and
https://docs.slack.dev/messaging/formatting-message-text (`<@U1>`, `<https://..|words>`, `&amp;`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from memoryqa.importers.fields import items_of, record, records, seconds, text
from memoryqa.importers.format import Format
from memoryqa.importers.message import Message
from memoryqa.importers.options import Options
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source

_DAY = re.compile(r"\d{4}-\d\d-\d\d\.json")
_SAID = {"", "bot_message", "thread_broadcast", "file_share", "me_message", "file_comment", "reply_broadcast"}
_LINK = re.compile(r"<([^<>|\s]+)(?:\|([^<>]*))?>")
_CHANNELS = ("channels.json", "groups.json", "mpims.json", "dms.json")


def _days(source: Source) -> list[str]:
    return [name for name in source.names if _DAY.fullmatch(name.rpartition("/")[2])]


def recognises(source: Source) -> bool:
    """Whether there are files of days beside a list of users or of channels, or days with `ts` and `user`."""
    days = _days(source)
    listed = any(name.rpartition("/")[2] in ("users.json", *_CHANNELS) for name in source.names)
    return bool(days) and (listed or '"ts"' in source.head(days[0]))


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The messages of every channel, channel by channel and day by day."""
    if options.zone is None:
        report.note_utc()
    people = _People(source)
    for name in sorted(_days(source), key=lambda name: (PurePosixPath(name).parent, name)):
        channel = PurePosixPath(name).parent.name or source.title
        listed = sorted(map(record, items_of(source, name)), key=lambda one: seconds(one.get("ts")) or 0.0)
        for one in listed:
            yield from _message(one, channel, people, options, report)


class _People:
    """Names of users and conversations by their ids."""

    def __init__(self, source: Source) -> None:
        self._users: dict[str, str] = {}
        self._chats: dict[str, str] = {}
        for user in _listed(source, "users.json"):
            profile = record(user.get("profile"))
            names = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"), user.get("name"))
            self._users[text(user.get("id"))] = next((name for name in map(text, names) if name.strip()), "")
        for file in _CHANNELS:
            for chat in _listed(source, file):
                members = chat.get("members")
                people = [self.name(text(one)) for one in members] if isinstance(members, list) else []
                self._chats[text(chat.get("id"))] = text(chat.get("name")) or ", ".join(people)

    def name(self, user: str) -> str:
        return self._users.get(user) or user

    def chat(self, folder: str) -> str:
        return self._chats.get(folder) or folder


def _listed(source: Source, file: str) -> Iterator[Mapping[str, Any]]:
    for name in source.names:
        if PurePosixPath(name).name == file:
            yield from map(record, items_of(source, name))


def _message(
    one: Mapping[str, Any], channel: str, people: _People, options: Options, report: ImportReport
) -> Iterator[Message]:
    kind, ts = text(one.get("subtype")), text(one.get("ts"))
    is_deleted = kind == "tombstone"
    if one.get("type") != "message" or (kind not in _SAID and not is_deleted):
        report.skip(f"channel event ({kind})" if kind else "record that is no message")
        return
    said = "" if is_deleted else _text(one, people)
    there = (file for file in records(one.get("files")) if file.get("mode") != "tombstone")  # the others were deleted
    files = tuple(text(file.get("name")) or text(file.get("title")) or "file" for file in there)
    if not said.strip() and not files and not is_deleted:
        report.skip("empty message")
        return
    user = text(one.get("user")) or text(one.get("bot_id"))
    at, thread = seconds(ts), text(one.get("thread_ts"))
    profile = record(one.get("user_profile")) or record(one.get("bot_profile"))
    own = text(one.get("username")) or text(profile.get("display_name")) or text(profile.get("name"))
    known = people.name(user)
    yield Message(
        speaker=own if known == user and own else known,
        text=said,
        time=None if at is None else options.moment(at),
        id=f"slack:{channel}:{ts}",
        reply_to=f"slack:{channel}:{thread}" if thread and thread != ts else "",
        attachments=files,
        edited="edited" in one,
        deleted=is_deleted,
        author=user,
        chat=people.chat(channel),
    )


def _text(one: Mapping[str, Any], people: _People) -> str:
    shared = (text(part.get("text")) or text(part.get("fallback")) for part in records(one.get("attachments")))
    parts = [text(one.get("text"))]
    if not parts[0].strip():
        parts += shared
    if not any(part.strip() for part in parts):
        parts = list(_of_blocks(one.get("blocks")))
    return _plain("\n".join(part for part in parts if part), people)


def _of_blocks(value: object) -> Iterator[str]:
    """The texts of blocks, where an app wrote nothing else."""
    if isinstance(value, list):
        for one in value:
            yield from _of_blocks(one)
    elif isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["text"]
        for key in ("text", "fields", "elements"):
            yield from _of_blocks(value.get(key))


def _plain(written: str, people: _People) -> str:
    """Slack's markup as words: people by name, links with their address."""

    def words(match: re.Match[str]) -> str:
        target, label = match[1], match[2] or ""
        if target.startswith("@"):
            return f"@{people.name(target[1:]) if target[1:] in people._users else label or target[1:]}"
        if target.startswith("#"):
            return f"#{label or people.chat(target[1:])}"
        if target.startswith("!"):
            return label or f"@{target[1:].partition('^')[0]}"
        bare = target.removeprefix("mailto:")
        return bare if label in ("", bare) else f"{label} ({bare})"

    return _LINK.sub(words, written).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


SLACK = Format("slack", "Slack", recognises, read)
