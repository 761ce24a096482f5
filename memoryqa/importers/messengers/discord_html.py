"""Discord: HTML of DiscordChatExporter.

Structure: https://github.com/Tyrrrz/DiscordChatExporter (MessageGroupTemplate.cshtml): `div.chatlog__message-container`
with `data-message-id`. The id is a snowflake, which holds the time in UTC (https://docs.discord.com/developers/reference):
so no date in any locale has to be read. Only the first message of a group names its author.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import PurePosixPath

from memoryqa.importers.format import Format
from memoryqa.importers.markup import Attributes, Block, blocks
from memoryqa.importers.message import Message
from memoryqa.importers.options import Options
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source

_EPOCH_MS = 1_420_070_400_000
_MOST_DIGITS = 20
_ATTACHED = ("chatlog__attachment-media", "chatlog__attachment-generic-name", "chatlog__attachment")


def _pages(source: Source) -> list[str]:
    return [name for name in source.named(".html", ".htm") if _is_page(source.head(name))]


def _is_page(head: str) -> bool:
    return "chatlog__" in head and ("DiscordChatExporter" in head or "preamble__" in head)


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The messages of every page."""
    if options.zone is None:
        report.note_utc()
    for name in _pages(source):
        channel, speaker, author = "", "", ""
        with source.text(name) as file:
            for block in blocks(file, source.place(name), _starts, _region, _note):
                if block.id == "title":
                    channel = " / ".join(block.texts.get("channel", ()))
                    continue
                if "system" in block.texts:
                    report.skip("service message")
                    continue
                speaker = block.text("author") or speaker
                author = block.text("author id") or ("" if block.text("author") else author)
                yield from _message(block, speaker, author, channel, options, report)


def _starts(tag: str, classes: frozenset[str], attributes: Attributes) -> str:
    if tag == "div" and "chatlog__message-container" in classes:
        return attributes.get("data-message-id", "") or "0"
    return "title" if "preamble" in classes else ""


def _region(classes: frozenset[str], around: frozenset[str]) -> str:
    quoted = any(name.startswith(("chatlog__reply", "chatlog__embed")) for name in around)
    if quoted or "chatlog__edited-timestamp" in classes:
        return ""
    if "chatlog__author" in classes or "chatlog__author-name" in classes:
        return "author"
    if "chatlog__markdown-preserve" in classes or "chatlog__content" in classes:
        return "text"
    if "chatlog__attachment-generic-name" in classes:
        return "file"
    return "channel" if "preamble__entry" in classes else ""


def _note(classes: frozenset[str], attributes: Attributes, block: Block, around: frozenset[str]) -> None:
    if "chatlog__system-notification-content" in classes:
        block.texts["system"] = [""]
    if any(name.startswith("chatlog__reply") for name in classes | around):
        answered = "".join(sign for sign in attributes.get("onclick", "") if sign.isdigit())
        if answered:
            block.texts.setdefault("reply", []).append(answered)
        return
    if attributes.get("data-user-id") and ("chatlog__author" in classes or "chatlog__author-name" in classes):
        block.texts.setdefault("author id", []).append(attributes["data-user-id"])
    if "chatlog__edited-timestamp" in classes:
        block.texts["edited"] = [""]
    if "chatlog__attachment-media" in classes and attributes.get("src"):
        block.texts.setdefault("file", []).append(PurePosixPath(attributes["src"].partition("?")[0]).name)


def _message(
    block: Block, speaker: str, author: str, channel: str, options: Options, report: ImportReport
) -> Iterator[Message]:
    said = block.text("text")
    files = tuple(dict.fromkeys(name for name in block.texts.get("file", ()) if name))
    if not said and not files:
        report.skip("empty message")
        return
    answered = block.text("reply").partition("\n")[0]
    yield Message(
        speaker=speaker or "Unknown",
        text=said,
        time=_time(block.id, options),
        id=f"discord:{block.id}",
        reply_to=f"discord:{answered}" if answered else "",
        attachments=files,
        edited="edited" in block.texts,
        author=author,
        chat=channel,
    )


def _time(snowflake: str, options: Options) -> datetime | None:
    if not (snowflake.isascii() and snowflake.isdigit()) or len(snowflake) > _MOST_DIGITS or int(snowflake) < 1 << 22:
        return None
    return options.moment(((int(snowflake) >> 22) + _EPOCH_MS) / 1000)


DISCORD_HTML = Format("discord-html", "Discord (HTML)", lambda source: bool(_pages(source)), read)
