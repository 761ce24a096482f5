"""iMessage: `chat.db` of a Mac (~/Library/Messages), read with SQLite.

Structure: https://github.com/ReagentX/imessage-exporter (imessage-database/src/tables). Newer systems leave `text`
empty and keep the words in `attributedBody`, an archive of Apple's typedstream, of which only the string is taken.
Times count from 2001 in UTC, in seconds until 2017 and in nanoseconds since.
The newest messages may be in `chat.db-wal` beside it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from memoryqa.errors import UsageError
from memoryqa.importers.format import Format
from memoryqa.importers.message import ME, Message
from memoryqa.importers.options import Options
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source

_SQLITE = "SQLite format 3\0"
_2001 = datetime(2001, 1, 1, tzinfo=UTC).timestamp()
_NANOSECONDS_FROM = 1e11
_OBJECT = "\ufffc"  # where an attachment is in the text
_WANTED = (
    *("guid", "text", "attributedBody", "date", "is_from_me", "item_type", "associated_message_type"),
    *("thread_originator_guid", "date_edited", "date_retracted"),
)


def _databases(source: Source) -> list[str]:
    return [name for name in source.named(".db") if source.head(name).startswith(_SQLITE)]


def recognises(source: Source) -> bool:
    """Whether there is a database, and it is one of messages."""
    found = _databases(source)
    return any(name.endswith("chat.db") for name in found) or any(
        "chat_message_join" in source.head(name) for name in found
    )


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The messages of every chat, by time."""
    if source.is_zip:
        raise UsageError(f"{source.path}: a database in a zip cannot be read; unpack it and name chat.db")
    if options.zone is None:
        report.note_utc()
    for name in _databases(source):
        path = source.path / name if source.is_folder else source.path
        try:
            with closing(_opened(path, report)) as database:
                database.text_factory = lambda value: value.decode("utf-8", "replace")
                yield from _messages(database, options, report)
        except (sqlite3.Error, OverflowError) as error:
            raise UsageError(f"{path}: not a whole database of iMessage ({error}); copy chat.db again") from error


def _opened(path: Path, report: ImportReport) -> sqlite3.Connection:
    """The database, with the newest messages where the Mac still has them in the file beside it. SQLite makes its index
    of that file, `-shm`, where there is none."""
    address = f"file:{quote(str(path.resolve()))}?mode=ro"
    beside = path.with_name(f"{path.name}-wal")
    if beside.is_file() and beside.stat().st_size:
        database = sqlite3.connect(address, uri=True)
        try:
            database.execute("SELECT 1 FROM sqlite_master").fetchone()
            return database
        except sqlite3.Error:  # a folder that cannot be written to
            database.close()
            report.note(
                f"{beside.name}, with the newest messages, could not be read; copy both files to another folder"
            )
    return sqlite3.connect(f"{address}&immutable=1", uri=True)


def _messages(database: sqlite3.Connection, options: Options, report: ImportReport) -> Iterator[Message]:
    columns = {row[1] for row in database.execute("PRAGMA table_info(message)")}
    chosen = ", ".join(f"m.{one}" if one in columns else f"NULL AS {one}" for one in _WANTED)
    files, members = _attachments(database), _members(database)
    query = f"""
        SELECT m.ROWID, {chosen}, h.id, c.ROWID, c.chat_identifier, c.display_name
        FROM message m
        LEFT JOIN handle h ON h.ROWID = m.handle_id
        LEFT JOIN (SELECT message_id, MIN(chat_id) AS chat_id FROM chat_message_join GROUP BY message_id) j
            ON j.message_id = m.ROWID
        LEFT JOIN chat c ON c.ROWID = j.chat_id
        ORDER BY m.date, m.ROWID"""
    for row, *values, handle, number, chat, title in database.execute(query):
        fields = dict(zip(_WANTED, values, strict=True))
        if _number(fields["item_type"]):
            report.skip("event of the chat")
            continue
        if _number(fields["associated_message_type"]) >= 1000:
            report.skip("reaction")
            continue
        is_deleted = _number(fields["date_retracted"]) > 0
        said = "" if is_deleted else _said(fields).replace(_OBJECT, "").strip()
        attachments = tuple(files(row))
        if not said and not attachments and not is_deleted:
            report.skip("empty message")
            continue
        is_mine = _number(fields["is_from_me"]) == 1
        answered = _text(fields["thread_originator_guid"])
        yield Message(
            speaker="Me" if is_mine else _text(handle) or "Unknown",
            text=said,
            time=_time(fields["date"], options),
            id=f"imessage:{_text(fields['guid']) or row}",
            reply_to=f"imessage:{answered}" if answered else "",
            attachments=attachments,
            edited=_number(fields["date_edited"]) > 0 and not is_deleted,
            deleted=is_deleted,
            author=ME if is_mine else _text(handle),
            chat=_text(title) or members.get(number) or _text(chat),
            chat_id=_text(chat),
        )


def _members(database: sqlite3.Connection) -> dict[int, str]:
    """Who is in each chat: the title of a group that nobody named."""
    found: dict[int, list[str]] = {}
    query = "SELECT j.chat_id, h.id FROM chat_handle_join j JOIN handle h ON h.ROWID = j.handle_id ORDER BY h.ROWID"
    with suppress(sqlite3.Error):  # some copies have no such table
        for chat, handle in database.execute(query):
            found.setdefault(chat, []).append(_text(handle))
    return {chat: ", ".join(filter(None, handles)) for chat, handles in found.items()}


def _attachments(database: sqlite3.Connection) -> Any:
    try:
        database.execute("SELECT 1 FROM message_attachment_join LIMIT 1")
    except sqlite3.Error:
        return lambda row: ()
    query = """SELECT a.transfer_name, a.filename FROM message_attachment_join j JOIN attachment a
               ON a.ROWID = j.attachment_id WHERE j.message_id = ? ORDER BY a.ROWID"""
    return lambda row: [
        _text(name) or _text(path).rpartition("/")[2] or "file" for name, path in database.execute(query, (row,))
    ]


def _said(fields: dict[str, Any]) -> str:
    written = _text(fields["text"])
    body = fields["attributedBody"]
    return written or (string_of(body) if isinstance(body, bytes) else "")


def string_of(archive: bytes) -> str:
    """The string in a typedstream: after the name of its class, five bytes, a length of 1, 2 or 4 bytes, and UTF-8."""
    at = archive.find(b"NSString")
    if at < 0:
        return ""
    at += len(b"NSString") + 5
    width = {0x81: 2, 0x82: 4}.get(archive[at] if at < len(archive) else 0, 0)
    start = at + 1 + width
    length = (
        int.from_bytes(archive[at + 1 : start], "little") if width else int.from_bytes(archive[at : at + 1], "little")
    )
    return archive[start : start + length].decode("utf-8", "replace")


def _time(date: object, options: Options) -> datetime | None:
    number = _number(date)
    if not number:
        return None
    return options.moment(_2001 + (number / 1e9 if abs(number) > _NANOSECONDS_FROM else number))


def _number(value: object) -> float:
    return value if isinstance(value, int | float) else 0


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


IMESSAGE = Format("imessage", "iMessage", recognises, read)
