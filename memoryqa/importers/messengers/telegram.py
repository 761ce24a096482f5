"""Telegram: `result.json` of Telegram Desktop, of one chat or of the whole account.

Structure: https://github.com/mlomb/chat-analytics (pipeline/parse/parsers/Telegram.d.ts), and tg-parser's
docs/TELEGRAM_FORMAT.md on PyPI. `date` is local time of the machine that exported, `date_unixtime` the same in UTC:
together they give the zone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import PurePosixPath
from typing import Any

from memoryqa.importers.fields import outline, record, records, seconds, text
from memoryqa.importers.format import Format
from memoryqa.importers.json_stream import JsonReader
from memoryqa.importers.message import Message
from memoryqa.importers.options import Options
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source

_CHAT_KEYS = {"name", "type", "id", "messages"}
_MESSAGE_KEYS = {"id", "type", "date"}
_SAVED = "Saved Messages"  # what the app calls the chat with oneself, which the export gives no name


def _documents(source: Source) -> list[str]:
    return [name for name in source.named("result.json") or source.named(".json")[:20] if _is_export(source, name)]


def _is_export(source: Source, name: str) -> bool:
    found = outline(source, name)
    if found.kind != "{":
        return False
    messages = found.inner.get("messages", set())
    is_chat = len(found.keys & _CHAT_KEYS) >= 3 and messages >= _MESSAGE_KEYS
    return (
        is_chat or ("chats" in found.keys and "Telegram" in source.head(name)) or "personal_information" in found.keys
    )


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The messages of every chat, chat by chat."""
    for name in _documents(source):
        with source.text(name) as file:
            reader = JsonReader(file, source.place(name))
            yield from _document(reader, options, report)
            reader.end()


def _document(reader: JsonReader, options: Options, report: ImportReport) -> Iterator[Message]:
    title, chat_id = "", ""
    for key in reader.fields():
        if key == "type" and reader.peek() == '"':
            title = title or _SAVED * (reader.value() == "saved_messages")
        elif key in ("name", "id") and reader.peek() not in "[{":
            title, chat_id = (text(reader.value()), chat_id) if key == "name" else (title, text(reader.value()))
        elif key == "messages" and reader.peek() == "[":
            for one in reader.items():
                yield from _message(record(one), title, chat_id, options, report)
        elif key in ("chats", "left_chats") and reader.peek() == "{":
            for inner in reader.fields():
                if inner == "list" and reader.peek() == "[":
                    for _ in reader.elements():
                        if reader.peek() == "{":
                            yield from _document(reader, options, report)


def _message(
    one: Mapping[str, Any], chat: str, chat_id: str, options: Options, report: ImportReport
) -> Iterator[Message]:
    if one.get("type") != "message":
        report.skip("service message" if one.get("type") == "service" else "record that is no message")
        return
    said, attachments = _text(one), _attachments(one)
    if not said and not attachments:
        report.skip("empty message")
        return
    answered = text(one.get("reply_to_message_id"))
    yield Message(
        speaker=text(one.get("from")) or "Deleted Account",
        text=said,
        time=_time(one, options),
        id=f"telegram:{chat_id}:{text(one.get('id'))}",
        reply_to=f"telegram:{chat_id}:{answered}" if answered else "",
        attachments=attachments,
        edited="edited" in one,
        author=text(one.get("from_id")),
        chat=chat,
        chat_id=chat_id,
    )


def _text(one: Mapping[str, Any]) -> str:
    said = _plain(one.get("text"))
    poll = record(one.get("poll"))
    if poll:
        answers = "".join(f"\n- {_plain(answer.get('text'))}" for answer in records(poll.get("answers")))
        said = f"{said}\n{_plain(poll.get('question'))}{answers}".strip()
    todo = record(one.get("todo_list"))
    if todo:
        entries = "".join(f"\n- {_plain(entry.get('text'))}" for entry in records(todo.get("items")))
        said = f"{said}\n{_plain(todo.get('title'))}{entries}".strip()
    source = text(one.get("forwarded_from"))
    return f"Forwarded from {source}: {said}" if source and said else said


def _plain(value: object) -> str:
    """Text, or a list of texts and of parts with a style; a link behind other words follows them."""
    if not isinstance(value, list):
        return text(value)
    parts = list[str]()
    for part in value:
        said = part if isinstance(part, str) else text(record(part).get("text"))
        link = text(record(part).get("href"))
        parts.append(f"{said} ({link})" if link and link != said else said)
    return "".join(parts)


def _attachments(one: Mapping[str, Any]) -> tuple[str, ...]:
    found = list[str]()
    if "photo" in one:
        found.append(_file(one.get("photo")) or "photo")
    if "sticker_emoji" in one or one.get("media_type") == "sticker":
        found.append(f"sticker {text(one.get('sticker_emoji'))}".strip())
    elif "file" in one or "media_type" in one:
        kind = text(one.get("media_type")).replace("_", " ")
        found.append(text(one.get("file_name")) or _file(one.get("file")) or kind or "file")
    for kind, title in (
        ("game", one.get("game_title")),
        ("invoice", record(one.get("invoice_information")).get("title")),
    ):
        if text(title):
            found.append(f"{kind} {text(title)}")
    contact = record(one.get("contact_information"))
    if contact:
        names = (text(contact.get(key)) for key in ("first_name", "last_name", "phone_number"))
        found.append("contact " + " ".join(name for name in names if name))
    place = record(one.get("location_information"))
    if place:
        name = text(one.get("place_name")) or f"{text(place.get('latitude'))}, {text(place.get('longitude'))}"
        found.append(f"location {name}")
    return tuple(found)


def _file(value: object) -> str:
    path = text(value)
    return "" if path.startswith("(") else PurePosixPath(path).name  # "(File not included. ...)"


def _time(one: Mapping[str, Any], options: Options) -> datetime | None:
    unix = seconds(one.get("date_unixtime"))
    local = options.iso(text(one.get("date"))) if unix is None else _local(text(one.get("date")))
    if unix is None:
        return local
    if options.zone is not None or local is None:
        return options.moment(unix)
    try:
        offset = local - datetime.fromtimestamp(unix, UTC).replace(tzinfo=None)
        return local.replace(tzinfo=timezone(timedelta(minutes=round(offset / timedelta(minutes=1)))))
    except (ValueError, OverflowError, OSError):  # more than a day apart: one of them is wrong
        return options.moment(unix)


def _local(written: str) -> datetime | None:
    try:
        return datetime.fromisoformat(written).replace(tzinfo=None)
    except ValueError:
        return None


TELEGRAM = Format("telegram", "Telegram", lambda source: bool(_documents(source)), read)
