"""Discord: JSON of DiscordChatExporter, one file a channel.

Structure: https://github.com/Tyrrrz/DiscordChatExporter (JsonMessageWriter.cs) and
https://github.com/mlomb/chat-analytics (pipeline/parse/parsers/Discord.d.ts). Times are in UTC unless the exporter was
asked for local ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from memoryqa.importers.fields import outline, record, records, text
from memoryqa.importers.format import Format
from memoryqa.importers.json_stream import JsonReader
from memoryqa.importers.message import Message
from memoryqa.importers.options import Options
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source

_SAID = {
    "Default",
    "Reply",
    "ThreadStarterMessage",
    "ChatInputCommand",
    "ContextMenuCommand",
    "0",
    "19",
    "20",
    "21",
    "23",
}


def _documents(source: Source) -> list[str]:
    return [name for name in source.named(".json") if _is_export(source, name)]


def _is_export(source: Source, name: str) -> bool:
    found = outline(source, name)
    return found.kind == "{" and {"guild", "channel"} <= found.keys


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The messages of every channel."""
    for name in _documents(source):
        with source.text(name) as file:
            reader = JsonReader(file, source.place(name))
            channel = ""
            for key in reader.fields():
                if key == "channel":
                    fields = record(reader.value())
                    channel = " / ".join(
                        part for part in map(text, (fields.get("category"), fields.get("name"))) if part
                    )
                elif key == "messages" and reader.peek() == "[":
                    for one in reader.items():
                        yield from _message(record(one), channel, options, report)
            reader.end()


def _message(one: Mapping[str, Any], channel: str, options: Options, report: ImportReport) -> Iterator[Message]:
    if text(one.get("type")) not in _SAID:
        report.skip("service message")
        return
    said, attachments = _said(one), _attachments(one)
    forwarded = record(one.get("forwardedMessage"))
    if forwarded:
        said = "\n".join(part for part in (said, f"Forwarded: {_said(forwarded)}".removesuffix(": ")) if part)
        attachments += _attachments(forwarded)
    if not said and not attachments:
        report.skip("empty message")
        return
    author, answered = record(one.get("author")), text(record(one.get("reference")).get("messageId"))
    yield Message(
        speaker=text(author.get("nickname")) or text(author.get("name")),
        text=said,
        time=options.iso(text(one.get("timestamp"))),
        id=f"discord:{text(one.get('id'))}",
        reply_to=f"discord:{answered}" if answered and text(one.get("type")) in ("Reply", "19") else "",
        attachments=attachments,
        edited=one.get("timestampEdited") is not None,
        author=text(author.get("id")),
        chat=channel,
    )


def _said(one: Mapping[str, Any]) -> str:
    written = text(one.get("content"))
    cards = (_embedded(card, written) for card in records(one.get("embeds")))
    return "\n".join(part for part in (written, *cards) if part.strip())


def _attachments(one: Mapping[str, Any]) -> tuple[str, ...]:
    files = [text(file.get("fileName")) or "file" for file in records(one.get("attachments"))]
    return (*files, *(f"sticker {text(sticker.get('name'))}".strip() for sticker in records(one.get("stickers"))))


def _embedded(embed: Mapping[str, Any], written: str) -> str:
    """What a bot's card says; the preview of a link that was `written`, which Discord made, is left out."""
    if text(embed.get("url")) and not records(embed.get("fields")) and "://" in written:
        return ""
    fields = (f"{text(one.get('name'))}: {text(one.get('value'))}" for one in records(embed.get("fields")))
    return "\n".join(part for part in (text(embed.get("title")), text(embed.get("description")), *fields) if part)


DISCORD = Format("discord", "Discord", lambda source: bool(_documents(source)), read)
