"""Signal: JSON and JSONL that its users make of their messages.

main.jsonl        Signal's own export of chats, a frame per line: recipient, chat, chatItem
                  (https://github.com/signalapp/Signal-Android, Backup.proto)
data.json         signal-export, a message per line: date, sender, body
                  (https://github.com/carderne/signal-export)
*.jsonl           signal-cli's `receive --output=json`: envelope (https://github.com/AsamK/signal-cli)
*.json            rows of Signal Desktop's database: sent_at, type, body, conversationId
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from memoryqa.importers.fields import begun, outline, record, records, seconds, text
from memoryqa.importers.format import Format
from memoryqa.importers.message import ME, Message, digest
from memoryqa.importers.moments import Moments
from memoryqa.importers.options import Options
from memoryqa.importers.plain.tables import rows
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source

_ROW = {"sent_at", "type", "body"}


def _kind(source: Source, name: str) -> str:
    found = outline(source, name)
    if (_ROW | {"conversationId"}) <= found.keys or found.inner.get("messages", set()) >= _ROW:
        return "rows"
    for line in source.head(name).split("\n")[:40]:
        one = begun(line)
        if "envelope" in one and ("account" in one or "timestamp" in record(one["envelope"])):
            return "cli"
        if {"date", "sender", "body", "quote"} <= one.keys():
            return "export"
        if "chatItem" in one or ("recipient" in one and "id" in record(one["recipient"])):
            return "frames"
    return ""


def _documents(source: Source) -> list[tuple[str, str]]:
    kinds = ((name, _kind(source, name)) for name in source.named(".jsonl", ".json"))
    return [(name, kind) for name, kind in kinds if kind]


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The messages of every file."""
    readers: Mapping[str, Callable[[Source, str, Options, ImportReport], Iterator[Message]]] = {
        "frames": _frames, "export": _exported, "cli": _enveloped, "rows": _rows,
    }  # fmt: skip
    for name, kind in _documents(source):
        if kind != "export" and options.zone is None:
            report.note_utc()
        yield from readers[kind](source, name, options, report)


# -- Signal's own export -----------------------------------------------------------------------------------------------


def _frames(source: Source, name: str, options: Options, report: ImportReport) -> Iterator[Message]:
    people: dict[str, tuple[str, str]] = {}  # recipient -> name, author
    chats: dict[str, str] = {}
    for _, one in rows(source, name):
        frame = record(one)
        recipient, chat, item = (record(frame.get(key)) for key in ("recipient", "chat", "chatItem"))
        if recipient:
            key = text(recipient.get("id"))
            people[key] = ("Me", ME) if "self" in recipient else (_called(recipient) or f"Recipient {key}", key)
        elif chat:
            chats[text(chat.get("id"))] = people.get(text(chat.get("recipientId")), ("", ""))[0]
        elif item:
            yield from _item(item, people, chats, options, report)


def _called(recipient: Mapping[str, Any]) -> str:
    contact, group = record(recipient.get("contact")), record(recipient.get("group"))
    title = record(record(group.get("snapshot")).get("title"))
    nickname = record(contact.get("nickname"))
    pairs = (
        (nickname.get("given"), nickname.get("family")),
        (contact.get("systemGivenName"), contact.get("systemFamilyName")),
        (contact.get("profileGivenName"), contact.get("profileFamilyName")),
        (contact.get("username"), None),
        (contact.get("e164"), None),
        (title.get("title"), None),
    )
    names = (" ".join(part for part in map(text, pair) if part) for pair in pairs)
    return next((name for name in names if name), "")


def _item(
    item: Mapping[str, Any],
    people: Mapping[str, tuple[str, str]],
    chats: Mapping[str, str],
    options: Options,
    report: ImportReport,
) -> Iterator[Message]:
    standard = record(item.get("standardMessage"))
    sticker = record(record(item.get("stickerMessage")).get("sticker"))
    is_deleted = "remoteDeletedMessage" in item
    said = text(record(standard.get("text")).get("body"))
    pointers = (record(one.get("pointer")) for one in records(standard.get("attachments")))
    attachments = tuple(text(one.get("fileName")) or text(one.get("contentType")) or "file" for one in pointers)
    if "stickerMessage" in item:
        attachments = (f"sticker {text(sticker.get('emoji'))}".strip(),)
    if not said and not attachments and not is_deleted:
        report.skip("event of the chat" if "updateMessage" in item else "empty or view-once message")
        return
    chat, author, sent = (text(item.get(key)) for key in ("chatId", "authorId", "dateSent"))
    quote = record(standard.get("quote"))
    answered = text(quote.get("targetSentTimestamp"))
    at = seconds(sent)
    name, who = people.get(author, (f"Recipient {author}", author))
    yield Message(
        speaker=name,
        text=said,
        time=None if at is None else options.moment(at / 1000),
        id=f"signal:{chat}:{sent}:{author}",
        reply_to=f"signal:{chat}:{answered}:{text(quote.get('authorId'))}" if answered else "",
        attachments=attachments,
        edited=bool(records(item.get("revisions"))),
        deleted=is_deleted,
        author=who,
        chat=chats.get(chat, ""),
    )


# -- what others make --------------------------------------------------------------------------------------------------


def _exported(source: Source, name: str, options: Options, report: ImportReport) -> Iterator[Message]:
    chat, moments = PurePosixPath(name).parent.name, Moments()
    for _, one in rows(source, name):
        fields = record(one)
        said, speaker = text(fields.get("body")).rstrip("\n"), text(fields.get("sender"))
        attachments = tuple(text(file.get("name")) or "file" for file in records(fields.get("attachments")))
        if not said and not attachments:
            report.skip("empty message")
            continue
        date = text(fields.get("date"))
        local = digest(date, speaker, moments.number(date, speaker))
        yield Message(
            speaker=speaker,
            text=said,
            time=options.iso(date),
            id=f"signal:{digest(chat, local)}",
            attachments=attachments,
            author=ME if speaker == "Me" else "",
            chat=chat,
            local=local,
        )


def _enveloped(source: Source, name: str, options: Options, report: ImportReport) -> Iterator[Message]:
    names: dict[str, str] = {}  # of people by their ids
    for _, one in rows(source, name):
        envelope = record(record(one).get("envelope"))
        sent = record(record(envelope.get("syncMessage")).get("sentMessage"))
        message = sent or record(envelope.get("dataMessage"))
        said = text(message.get("message"))
        files = records(message.get("attachments"))
        attachments = tuple(text(file.get("filename")) or text(file.get("contentType")) or "file" for file in files)
        if not said and not attachments:
            report.skip("receipt, reaction or event")
            continue
        number = text(envelope.get("sourceUuid")) or text(envelope.get("source"))
        other = text((sent or envelope).get("destination" if sent else "source")) or number
        if not sent and text(envelope.get("sourceName")):
            names[other] = text(envelope.get("sourceName"))
        at = seconds(message.get("timestamp")) or seconds(envelope.get("timestamp"))
        group = text(record(message.get("groupInfo")).get("groupId"))
        yield Message(
            speaker="Me" if sent else text(envelope.get("sourceName")) or text(envelope.get("source")),
            text=said,
            time=None if at is None else options.moment(at / 1000),
            id=f"signal:{group}:{at}:{number}",
            attachments=attachments,
            author=ME if sent else number,
            chat=group or names.get(other, other),
            chat_id=group or other,
        )


def _rows(source: Source, name: str, options: Options, report: ImportReport) -> Iterator[Message]:
    for _, one in rows(source, name):
        fields = record(one)
        kind, said = text(fields.get("type")), text(fields.get("body"))
        is_deleted = bool(fields.get("deletedForEveryone"))
        files = records(fields.get("attachments"))
        attachments = tuple(text(file.get("fileName")) or text(file.get("contentType")) or "file" for file in files)
        if kind not in ("incoming", "outgoing") or not (said or attachments or is_deleted):
            report.skip("event of the chat" if kind not in ("incoming", "outgoing") else "empty message")
            continue
        who = text(fields.get("sourceServiceId")) or text(fields.get("sourceUuid")) or text(fields.get("source"))
        at = seconds(fields.get("sent_at"))
        yield Message(
            speaker="Me"
            if kind == "outgoing"
            else text(fields.get("profileName")) or text(fields.get("source")) or who,
            text="" if is_deleted else said,
            time=None if at is None else options.moment(at / 1000),
            id=f"signal:{text(fields.get('id')) or digest(str(at), who, kind)}",
            attachments=attachments,
            edited=bool(records(fields.get("editHistory"))),
            deleted=is_deleted,
            author=ME if kind == "outgoing" else who,
            chat=text(fields.get("conversationId")),
        )


SIGNAL = Format("signal", "Signal", lambda source: bool(_documents(source)), read)
