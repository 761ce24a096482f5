"""Google Chat: the folder "Google Chat" of Google Takeout, with `messages.json` and `group_info.json` per conversation.

Structure: Takeout's own files, as https://github.com/pinguin-frosch/google-chat-clone reads them. Dates are written out
in the account's language; those of fifteen languages are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from memoryqa.importers.fields import items_of, outline, record, records, text
from memoryqa.importers.format import Format
from memoryqa.importers.json_stream import JsonReader
from memoryqa.importers.message import Message, digest
from memoryqa.importers.options import Options
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source
from memoryqa.importers.spelled_times import spelled_time


def _documents(source: Source) -> list[str]:
    return [name for name in source.named("messages.json") if _is_export(source, name)]


def _is_export(source: Source, name: str) -> bool:
    return {"creator", "created_date"} <= outline(source, name).inner.get("messages", set())


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The messages of every conversation."""
    if options.zone is None:
        report.note_utc()
    for name in _documents(source):
        chat = _chat(source, name)
        for one in items_of(source, name, "messages"):
            yield from _message(record(one), chat, options, report)


def _chat(source: Source, name: str) -> str:
    info = str(PurePosixPath(name).with_name("group_info.json"))
    folder = PurePosixPath(name).parent.name
    if info not in source.names:
        return folder
    with source.text(info) as file:
        fields = record(JsonReader(file, source.place(info)).value())
    members = ", ".join(text(one.get("name")) for one in records(fields.get("members")))
    return text(fields.get("name")) or members or folder


def _message(one: Mapping[str, Any], chat: str, options: Options, report: ImportReport) -> Iterator[Message]:
    creator, written = record(one.get("creator")), text(one.get("created_date"))
    is_deleted = text(one.get("message_state")) == "DELETED" or "deletion_metadata" in one
    said = "" if is_deleted else text(one.get("text"))
    names = (
        text(file.get("original_name")) or text(file.get("export_name")) for file in records(one.get("attached_files"))
    )
    files = tuple(name for name in names if name)
    if not said and not files and not is_deleted:
        report.skip("empty message")
        return
    time = _time(written, options)
    if written and time is None:
        report.note(
            f"dates such as {written[:40]!r} cannot be read; set your Google account to English and export again"
        )
    author = text(creator.get("email"))
    quoted = text(record(record(one.get("quoted_message_metadata")).get("message_id")).get("message_id"))
    yield Message(
        speaker=text(creator.get("name")) or author or "Unknown",
        text=said,
        time=time,
        id=f"google-chat:{text(one.get('message_id')) or digest(chat, written, author, said)}",
        reply_to=f"google-chat:{quoted}" if quoted else "",
        attachments=() if is_deleted else files,
        edited=bool(one.get("previous_message_versions")) or "updated_date" in one,
        deleted=is_deleted,
        author=author,
        chat=chat,
    )


def _time(written: str, options: Options) -> datetime | None:
    time = spelled_time(written)
    return options.iso(written) if time is None else options.placed(time)


GOOGLE_CHAT = Format("google-chat", "Google Chat", lambda source: bool(_documents(source)), read)
