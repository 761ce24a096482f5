"""Facebook Messenger and Instagram: JSON of "Download your information", a folder per conversation.

Structure: https://github.com/mlomb/chat-analytics (pipeline/parse/parsers/Messenger.d.ts). Files hold the newest
message first, and `message_1.json` the newest part. Text is UTF-8 that was written as if it were Latin-1 ("Ã©" for
"é"): it is put right. Exports of encrypted chats (`senderName`, `timestamp`) are in UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from memoryqa.importers.fields import outline, record, records, seconds, text
from memoryqa.importers.format import Format
from memoryqa.importers.json_stream import JsonReader
from memoryqa.importers.message import Message, digest
from memoryqa.importers.moments import Moments
from memoryqa.importers.options import Options
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source

_FILES = ("photos", "videos", "audio_files", "files", "gifs", "media")
_NUMBER = re.compile(r"(\d+)\.json$")
_PLACEHOLDER = re.compile(r".{0,80} sent an? (?:attachment|photo|video|voice message|GIF|sticker|link)\.")
_REACTION = re.compile(
    r"(?:Reacted .{1,12} to your message|.{0,60} reacted .{1,12} to your message|Liked a message)\s*"
)

# What the app reports in the sender's name, behind it or "You".
_EVENT = re.compile(
    r" (?:named the group .*|set (?:the|your|his|her|their|own|\S+(?: \S+)?'s) (?:nickname|emoji|quick reaction).*|"
    r"(?:changed|set) the (?:chat |group )?(?:theme|photo|emoji|background).*|cleared .*nickname.*|left the group\.|"
    r"added .* to the group\.|removed .* from the group\.|created (?:the|this) group\.|unsent a message\.?|"
    r"turned (?:on|off) .*|pinned a message\.|unpinned a message\.|joined the (?:video |audio )?(?:call|chat)\.|"
    r"(?:started|missed) an? (?:video |audio |group )*(?:call|chat).*|missed your (?:video )?call\.|called you\.|"
    r"created a poll.*|voted for .*|liked a message\s*)"
)


def _documents(source: Source) -> list[str]:
    found = [name for name in source.named(".json") if _is_export(source, name)]
    return sorted(found, key=lambda name: (PurePosixPath(name).parent, -_number(name), name))


def _number(name: str) -> int:
    match = _NUMBER.search(name)
    return int(match[1][-9:]) if match else 0


def _is_export(source: Source, name: str) -> bool:
    if "messages" not in source.head(name):
        return False
    found = outline(source, name)
    keys = found.inner.get("messages", set())
    return "participants" in found.keys and (
        {"sender_name", "timestamp_ms"} <= keys or {"senderName", "timestamp"} <= keys
    )


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The messages of every conversation, the oldest first."""
    if options.zone is None:
        report.note_utc()
    moments = Moments()
    for name in _documents(source):
        with source.text(name) as file:
            reader = JsonReader(file, source.place(name))
            document = record(reader.value())  # of 10,000 messages at most
            reader.end()
        chat = mended(text(document.get("title")) or text(document.get("threadName")))
        thread = (
            text(document.get("thread_path")) or text(document.get("threadName")) or str(PurePosixPath(name).parent)
        )
        listed = [one for one in records(document.get("messages")) if _sent(one) is not None]
        undated = len(records(document.get("messages"))) - len(listed)
        if undated:
            report.skip("record without a time", undated)
        listed.reverse()  # what came in the same moment, too
        for one in sorted(listed, key=lambda one: _sent(one) or 0.0):
            yield from _message(one, chat, thread, moments, options, report)


def _sent(one: Mapping[str, Any]) -> float | None:
    return seconds(one.get("timestamp_ms", one.get("timestamp")))


def _message(
    one: Mapping[str, Any],
    chat: str,
    thread: str,
    moments: Moments,
    options: Options,
    report: ImportReport,
) -> Iterator[Message]:
    speaker = mended(text(one.get("sender_name")) or text(one.get("senderName")))
    said, attachments = mended(text(one.get("content")) or text(one.get("text"))), _attachments(one)
    share = record(one.get("share"))
    shared = [mended(text(share.get(key))) for key in ("share_text", "link")]
    sent = _sent(one) or 0.0
    number = moments.number(thread, sent, speaker)
    is_deleted = one.get("is_unsent") is True or one.get("isUnsent") is True
    if (attachments or any(shared)) and _PLACEHOLDER.fullmatch(said):
        said = ""
    if _REACTION.fullmatch(said):
        report.skip("reaction")
        return
    if not attachments and not any(shared) and _is_event(said, speaker):
        report.skip("event of the chat")
        return
    if one.get("type") == "Call" or "call_duration" in one:
        report.skip("call")
        return
    said = "\n".join(dict.fromkeys(part for part in (said, *shared) if part))
    if not said and not attachments and not is_deleted:
        report.skip("empty message")
        return
    yield Message(
        speaker=speaker or "Unknown",
        text="" if is_deleted else said,
        time=options.moment(sent / 1000),
        id=f"meta:{digest(thread, str(sent), speaker, number)}",
        attachments=() if is_deleted else attachments,
        deleted=is_deleted,
        chat=chat,
        chat_id=thread,
    )


def _is_event(said: str, speaker: str) -> bool:
    begun = next((name for name in (speaker, "You") if name and said.startswith(f"{name} ")), "")
    return bool(begun) and _EVENT.fullmatch(said, len(begun)) is not None


def _attachments(one: Mapping[str, Any]) -> tuple[str, ...]:
    found = list[str]()
    for key in _FILES:
        found += [PurePosixPath(mended(text(file.get("uri")))).name or key for file in records(one.get(key))]
    if "sticker" in one:
        found.append("sticker")
    return tuple(found)


def mended(written: str) -> str:
    """Text whose bytes were taken for Latin-1, as it was; any other text unchanged."""
    if written.isascii():
        return written
    try:
        return written.encode("latin-1").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return written


META = Format("meta", "Messenger or Instagram", lambda source: bool(_documents(source)), read)
