"""Discord: the package of Settings > Data & Privacy > Request all of my data. It has one's own messages alone.

Structure: https://support.discord.com/hc/en-us/articles/360004957991 and
https://github.com/purarue/discord_data (a folder a channel; the names of folders are in the account's language):
    Messages/index.json             {"464051583559139340": "general in Boats", ...}
    Messages/c464051583559139340/channel.json    {"id", "type", "name", "guild": {"name"}, "recipients"}
    Messages/c464051583559139340/messages.json   [{"ID", "Timestamp", "Contents", "Attachments"}, ...], the newest first
    Messages/c464051583559139340/messages.csv    the same, in packages of before 2024
    Account/user.json               {"username", "global_name"}
Times are in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from memoryqa.importers.fields import outline, record, text
from memoryqa.importers.format import Format
from memoryqa.importers.json_stream import JsonReader
from memoryqa.importers.message import ME, Message
from memoryqa.importers.options import Options
from memoryqa.importers.plain.tables import kind_of, rows
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source
from memoryqa.importers.spool import oldest_first

_FIELDS = {"ID", "Timestamp", "Contents"}
_CHANNEL = re.compile(r"c?(\d{5,})")
_EMOJI = re.compile(r"<a?(:\w{1,40}:)\d+>")
_DIRECT = "Direct Message with "


def _documents(source: Source) -> list[str]:
    named = source.named("messages.json") + source.named("messages.csv")
    return [name for name in dict.fromkeys(named) if _is_export(source, name)]


def _is_export(source: Source, name: str) -> bool:
    kind = kind_of(source, name)
    if kind == "csv":
        return set(source.head(name).partition("\n")[0].strip("\r").split(",")) >= _FIELDS
    return kind == "json" and outline(source, name).kind == "[" and outline(source, name).keys >= _FIELDS


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """One's own messages, channel by channel, the oldest first."""
    report.note("Discord's package has your own messages alone; DiscordChatExporter writes those of others, too")
    if options.zone is None:
        report.note_utc()
    documents = _documents(source)
    user = next(filter(None, (_object(source, name) for name in _beside(source, documents, "user.json"))), {})
    me = text(user.get("global_name")) or text(user.get("username")) or "Me"
    titles = next(filter(None, (_object(source, name) for name in _beside(source, documents, "index.json"))), {})
    for name in documents:
        key, title = _channel(source, name, titles)
        listed = (record(one) for _, one in rows(source, name))
        yield from oldest_first(_message(one, me, key, title, options, report) for one in listed)


def _beside(source: Source, documents: list[str], ending: str) -> list[str]:
    """The files of the package that are called so, those nearest to the root first."""
    found = [name for name in source.names if name.rpartition("/")[2].lower() == ending and name not in documents]
    return sorted(found, key=lambda name: name.count("/"))


def _object(source: Source, name: str) -> Mapping[str, Any]:
    with source.text(name) as file:
        reader = JsonReader(file, source.place(name))
        return record(reader.value()) if reader.peek() == "{" else {}


def _channel(source: Source, name: str, titles: Mapping[str, Any]) -> tuple[str, str]:
    """Id and title of the channel that a file of messages is of."""
    folder = PurePosixPath(name).parent
    beside = str(folder / "channel.json")
    fields = _object(source, beside) if beside in source.names else {}
    match = _CHANNEL.fullmatch(folder.name)
    key = text(fields.get("id")) or (match[1] if match else folder.name)
    server, called = text(record(fields.get("guild")).get("name")), text(fields.get("name"))
    own = f"{called} in {server}" if called and server else called
    return key, (text(titles.get(key)) or own or key).removeprefix(_DIRECT)


def _message(
    one: Mapping[str, Any], me: str, key: str, title: str, options: Options, report: ImportReport
) -> Iterator[Message]:
    said = _EMOJI.sub(r"\1", text(one.get("Contents")))
    attachments = tuple(_file(link) for link in text(one.get("Attachments")).split())
    if not said.strip() and not attachments:
        report.skip("empty message")
        return
    yield Message(
        speaker=me,
        text=said,
        time=_time(text(one.get("Timestamp")), options),
        id=f"discord:{text(one.get('ID'))}",
        attachments=attachments,
        author=ME,
        chat=title,
        chat_id=key,
    )


def _file(link: str) -> str:
    return link.partition("?")[0].rpartition("/")[2] or link


def _time(written: str, options: Options) -> datetime | None:
    try:
        time = datetime.fromisoformat(written.strip())
        return options.placed(time if time.tzinfo else time.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


DISCORD_PACKAGE = Format("discord-package", "Discord's package", lambda source: bool(_documents(source)), read)
