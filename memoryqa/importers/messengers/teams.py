"""Microsoft Teams and Skype: `messages.json` of a personal account's export, and messages of Microsoft Graph.

Structure: https://github.com/siwen-r/skype-export-parser (src/types/SkypeExport.d.ts), and
https://learn.microsoft.com/graph/api/resources/chatmessage. Each conversation lists the newest message first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from memoryqa.importers.fields import items_of, outline, record, records, text
from memoryqa.importers.format import Format
from memoryqa.importers.markup import verbatim, words
from memoryqa.importers.message import ME, Message
from memoryqa.importers.options import Options
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source
from memoryqa.importers.spool import oldest_first

_SAID = ("Text", "RichText", "RichText/Html")
_FILES = {"RichText/UriObject": "image", "RichText/Media_GenericFile": "file", "RichText/Media_Video": "video"}
_QUOTE = re.compile(r"(?is)<quote\b.*?</quote>|<blockquote\b.*?</blockquote>|<e_m\b[^>]*>(?:</e_m>)?")
_OWNER = re.compile(r'"userId"\s*:\s*"([^"]+)"')
_NAME = re.compile(r'(?i)<OriginalName\b[^>]*?\bv="([^"]+)"')


def _kind(source: Source, name: str) -> str:
    found = outline(source, name)
    if found.kind == "{" and "conversations" in found.keys and "MessageList" in found.inner.get("conversations", set()):
        return "export"
    graph = {"createdDateTime", "from", "body"}
    if graph <= found.keys or graph <= found.inner.get("value", set()):
        return "graph list" if found.kind == "[" else "graph"
    return ""


def _documents(source: Source) -> list[tuple[str, str]]:
    kinds = ((name, _kind(source, name)) for name in source.named(".json"))
    return [(name, kind) for name, kind in kinds if kind]


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The messages of every conversation, the oldest conversation first."""
    if options.zone is None:
        report.note_utc()
    yield from oldest_first(_conversations(source, options, report))


def _conversations(source: Source, options: Options, report: ImportReport) -> Iterator[Iterator[Message]]:
    for name, kind in _documents(source):
        if kind == "export":
            match = _OWNER.search(source.head(name))
            for one in items_of(source, name, "conversations"):
                yield _conversation(record(one), match[1] if match else "", options, report)
        else:
            listed = items_of(source, name, *(() if kind == "graph list" else ("value",)))
            yield from (_from_graph(record(one), options, report) for one in listed)  # each finds its own place


def _conversation(chat: Mapping[str, Any], owner: str, options: Options, report: ImportReport) -> Iterator[Message]:
    topic = text(record(chat.get("threadProperties")).get("topic"))
    title = text(chat.get("displayName")) or topic or _bare(text(chat.get("id")))
    listed = sorted(records(chat.get("MessageList")), key=lambda one: text(one.get("originalarrivaltime")))
    for one in listed:
        kind, content = text(one.get("messagetype")), text(one.get("content"))
        properties = record(one.get("properties"))
        is_deleted = bool(properties.get("deletetime"))
        files = _named(content, _FILES[kind]) if kind in _FILES else ()
        said = _said(kind, content) if kind in _SAID and not is_deleted else ""
        if kind not in _SAID and kind not in _FILES:
            report.skip("call or event")
            continue
        if not said and not files and not is_deleted:
            report.skip("empty message")
            continue
        author = text(one.get("from"))
        is_mine = author != "" and author == owner
        other = title if author == text(chat.get("id")) else ""
        yield Message(
            speaker=text(one.get("displayName")) or ("Me" if is_mine else other) or _bare(author) or "Unknown",
            text=said,
            time=options.iso(text(one.get("originalarrivaltime"))),
            id=f"teams:{text(chat.get('id'))}:{text(one.get('id'))}",
            attachments=files,
            edited=bool(properties.get("edittime")) or "<e_m" in content,
            deleted=is_deleted,
            author=ME if is_mine else author,
            chat=title,
            chat_id=text(chat.get("id")),
        )


def _said(kind: str, content: str) -> str:
    """`Text` has no markup; `RichText`, which is Skype's, has some, and its line breaks are the writer's."""
    if kind == "Text":
        return content.replace("\r\n", "\n").strip()
    content = _QUOTE.sub(" ", content)
    return verbatim(content).strip() if kind == "RichText" else words(content)


def _bare(account: str) -> str:
    """`8:live:ana` as `ana`."""
    return account.partition(":")[2].removeprefix("live:") or account


def _named(content: str, kind: str) -> tuple[str, ...]:
    match = _NAME.search(content)
    return (match[1],) if match else (kind,)


def _from_graph(one: Mapping[str, Any], options: Options, report: ImportReport) -> Iterator[Message]:
    body, sender = record(one.get("body")), record(one.get("from"))
    person = record(sender.get("user")) or record(sender.get("application"))
    is_deleted = bool(one.get("deletedDateTime"))
    content = text(body.get("content"))
    said = words(_QUOTE.sub(" ", content)) if body.get("contentType") == "html" else content.strip()
    files = tuple(text(file.get("name")) for file in records(one.get("attachments")) if text(file.get("name")))
    if text(one.get("messageType")) not in ("", "message") or not (said or files or is_deleted):
        report.skip("call or event" if text(one.get("messageType")) not in ("", "message") else "empty message")
        return
    chat, answered = (
        text(one.get("chatId")) or text(record(one.get("channelIdentity")).get("channelId")),
        text(one.get("replyToId")),
    )
    yield Message(
        speaker=text(person.get("displayName")) or "Unknown",
        text="" if is_deleted else said,
        time=options.iso(text(one.get("createdDateTime"))),
        id=f"teams:{chat}:{text(one.get('id'))}",
        reply_to=f"teams:{chat}:{answered}" if answered else "",
        attachments=() if is_deleted else files,
        edited=bool(one.get("lastEditedDateTime")),
        deleted=is_deleted,
        author=text(person.get("id")),
        chat=chat,
        chat_id=chat,
    )


TEAMS = Format("teams", "Teams or Skype", lambda source: bool(_documents(source)), read)
