"""As test_round_trips.py, for the database of iMessage, sessions on the command line, and Signal."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from exports import import_export, write_export
from hypothesis import given, settings
from hypothesis import strategies as st
from samples_of_exports import as_json, as_jsonl

from memoryqa.errors import UsageError


class Said(NamedTuple):
    """A message of a generated chat."""

    speaker: str
    text: str
    time: datetime


Chat = Sequence[Said]
Write = Callable[[Chat, Path], Path]
START = datetime(2024, 2, 28, 22, 0, tzinfo=UTC)
APPLE = datetime(2001, 1, 1, tzinfo=UTC)


def milliseconds(time: datetime) -> int:
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def zulu(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


# -- iMessage ----------------------------------------------------------------------------------------------------------

TABLES = """
    CREATE TABLE message (ROWID INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT UNIQUE NOT NULL, text TEXT,
        handle_id INTEGER DEFAULT 0, attributedBody BLOB, service TEXT, date INTEGER, date_read INTEGER,
        is_from_me INTEGER DEFAULT 0, item_type INTEGER DEFAULT 0, associated_message_type INTEGER DEFAULT 0);
    CREATE TABLE handle (ROWID INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, service TEXT NOT NULL,
        UNIQUE (id, service));
    CREATE TABLE chat (ROWID INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT, chat_identifier TEXT, display_name TEXT);
    CREATE TABLE chat_message_join (chat_id INTEGER, message_id INTEGER, message_date INTEGER,
        PRIMARY KEY (chat_id, message_id));
    CREATE TABLE chat_handle_join (chat_id INTEGER, handle_id INTEGER);
    INSERT INTO chat VALUES (1, 'iMessage;+;chat7', 'chat7', '');
"""
CLASSES = (
    b"\x04\x0bstreamtyped\x81\xe8\x03\x84\x01@\x84\x84\x84\x19NSMutableAttributedString\x00\x84\x84\x12"
    b"NSAttributedString\x00\x84\x84\x08NSObject\x00\x85\x92\x84\x84\x84\x0fNSMutableString\x01\x84\x84\x08"
    b"NSString\x01\x95\x84\x01+"
)


def attributed(text: str) -> bytes:
    """A typedstream of a text with one attribute, as Messages archives it."""
    content = text.encode()
    length = len(content)
    size = bytes([length]) if length < 0x80 else b"\x81" + length.to_bytes(2, "little")
    return CLASSES + size + content + b"\x86\x84\x02iI\x01\x05\x92\x84\x84\x84\x0cNSDictionary\x00\x95\x84\x01i\x00\x86"


def filled(database: sqlite3.Connection, chat: Chat, unit: timedelta, per_unit: int) -> None:
    handles = {speaker: number for number, speaker in enumerate(CONTACTS[1:], start=1)}
    database.executemany("INSERT INTO handle VALUES (?, ?, 'iMessage')", [(n, who) for who, n in handles.items()])
    database.executemany("INSERT INTO chat_handle_join VALUES (1, ?)", [(number,) for number in handles.values()])
    for number, one in enumerate(chat, start=1):
        is_archived = number % 2 == 0
        date = (one.time - APPLE) // unit * per_unit
        database.execute(
            "INSERT INTO message (ROWID, guid, text, handle_id, attributedBody, date, is_from_me)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                f"G-{number}",
                None if is_archived else one.text,
                handles.get(one.speaker, number % 2),  # of mine: nobody, or to whom it went
                attributed(one.text) if is_archived else None,
                date,
                int(one.speaker == "Me"),
            ),
        )
        database.execute("INSERT INTO chat_message_join VALUES (1, ?, ?)", (number, date))
    database.commit()


def imessage(chat: Chat, folder: Path) -> Path:
    with closing(sqlite3.connect(folder / "chat.db")) as database:
        database.executescript(TABLES)
        filled(database, chat, timedelta(microseconds=1), 1000)
    return folder / "chat.db"


def imessage_in_seconds(chat: Chat, folder: Path) -> Path:
    with closing(sqlite3.connect(folder / "chat.db")) as database:
        database.executescript(TABLES)
        filled(database, chat, timedelta(seconds=1), 1)
    return folder / "chat.db"


def imessage_copied_while_open(chat: Chat, folder: Path) -> Path:
    """The messages are not in chat.db yet, but in the file beside it."""
    live = folder / "live"
    live.mkdir()
    with closing(sqlite3.connect(live / "chat.db")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(TABLES)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        filled(database, chat, timedelta(microseconds=1), 1000)
        for name in ("chat.db", "chat.db-wal"):
            write_export(folder / "copy" / name, (live / name).read_bytes())
    return folder / "copy" / "chat.db"


# -- sessions ----------------------------------------------------------------------------------------------------------


def codex(chat: Chat, folder: Path) -> Path:
    lines: list[Any] = [
        {"timestamp": zulu(START), "type": "session_meta", "payload": {"id": "s", "base_instructions": {"text": ""}}},
        {"timestamp": zulu(START), "type": "turn_context", "payload": {"cwd": "/x", "model": "m"}},
    ]
    for one in chat:
        role, part = ("user", "input_text") if one.speaker == "User" else ("assistant", "output_text")
        event = {"type": "user_message" if role == "user" else "agent_message", "message": one.text}
        message = {"type": "message", "role": role, "content": [{"type": part, "text": one.text}]}
        lines.append({"timestamp": zulu(one.time), "type": "event_msg", "payload": event})
        lines.append({"timestamp": zulu(one.time), "type": "response_item", "payload": message})
        lines.append({"timestamp": zulu(one.time), "type": "response_item", "payload": {"type": "function_call"}})
    return write_export(folder / "rollout-2024-02-28T22-00-00-s.jsonl", as_jsonl(lines))


def codex_with_instructions(chat: Chat, folder: Path) -> Path:
    """The first line has all that the program tells its model: it is longer than what a format is told by."""
    path = codex(chat, folder)
    long = b'"base_instructions": {"text": "' + b"Be brief. \\n" * 3000 + b'"'
    return write_export(path, path.read_bytes().replace(b'"base_instructions": {"text": ""', long, 1))


def claude_code_with_a_long_text(chat: Chat, folder: Path) -> Path:
    lines: list[dict[str, Any]] = [
        {
            "parentUuid": None,
            "sessionId": "s",
            "type": one.speaker.lower(),
            "message": {"role": one.speaker.lower(), "content": [{"type": "text", "text": one.text}]},
            "uuid": str(number),
            "timestamp": zulu(one.time),
        }
        for number, one in enumerate(chat)
    ]
    lines[0]["message"]["content"].insert(0, {"type": "image", "source": {"data": "A" * 30_000}})
    return write_export(folder / "s.jsonl", as_jsonl(lines))


def gemini_messages(chat: Chat) -> list[dict[str, Any]]:
    """The last but one has a file that the program put in."""
    messages: list[dict[str, Any]] = [
        {
            "id": f"g{number}",
            "timestamp": zulu(one.time),
            "type": "user" if one.speaker == "User" else "gemini",
            "content": (one.text, [{"text": one.text}], {"text": one.text})[number % 3],
        }
        for number, one in enumerate(chat)
    ]
    files = [{"text": "--- Content from referenced files ---"}]
    messages[-2] |= {"displayContent": chat[-2].text, "content": [{"text": chat[-2].text}, *files]}
    return messages


def gemini_cli(chat: Chat, folder: Path) -> Path:
    session = {"sessionId": "s", "projectHash": "h", "startTime": zulu(START), "lastUpdated": zulu(START)}
    return write_export(folder / "session-1.json", as_json({**session, "messages": gemini_messages(chat)}))


def gemini_cli_lines(chat: Chat, folder: Path) -> Path:
    """The log that only grows: an answer is written again with its tokens, and a question is taken back."""
    lines: list[dict[str, Any]] = [
        {"sessionId": "s", "projectHash": "h", "startTime": zulu(START), "lastUpdated": zulu(START), "kind": "main"}
    ]
    for one in gemini_messages(chat):
        if one["type"] == "gemini":
            lines.append({**one, "content": "", "tokens": None})
        else:
            lines.append({**one, "id": "x", "content": "gone"})
            lines.append({"$rewindTo": "x"})
        lines.append({**one, "tokens": {"total": 3}})
        lines.append({"$set": {"lastUpdated": one["timestamp"]}})
    return write_export(folder / "session-1.jsonl", as_jsonl(lines))


def gemini_cli_prompts(chat: Chat, folder: Path) -> Path:
    prompts = [
        {"sessionId": "s", "messageId": number, "type": "user", "message": one.text, "timestamp": zulu(one.time)}
        for number, one in enumerate(chat)
    ]
    return write_export(folder / "logs.json", as_json(prompts))


# -- Signal ------------------------------------------------------------------------------------------------------------


def signal_backup(chat: Chat, folder: Path) -> Path:
    people: dict[str, dict[str, Any]] = {
        "Me": {"self": {}},
        "Ana": {"contact": {"username": "Ana", "e164": "351911"}},
        "Zoë Ålund": {"contact": {"profileGivenName": "Zoë", "profileFamilyName": "Ålund", "username": "z.1"}},
        "李小龍": {"contact": {"systemGivenName": "李小龍", "profileGivenName": "x"}},
        "O'Neil (work)": {"contact": {"nickname": {"given": "O'Neil", "family": "(work)"}, "systemGivenName": "x"}},
    }
    ids = {name: str(number) for number, name in enumerate(people, start=1)}
    lines: list[dict[str, Any]] = [
        {"version": "1", "backupTimeMs": str(milliseconds(START))},
        *({"recipient": {"id": ids[name], **fields}} for name, fields in people.items()),
        {"recipient": {"id": "9", "group": {"snapshot": {"title": {"title": "Regatta"}}}}},
        {"chat": {"id": "4", "recipientId": "9"}},
    ]
    for one in chat:
        item = {
            "chatId": "4",
            "authorId": ids[one.speaker],
            "dateSent": str(milliseconds(one.time)),
            "outgoing" if one.speaker == "Me" else "incoming": {},
            "standardMessage": {"text": {"body": one.text, "bodyRanges": []}, "reactions": []},
        }
        lines.append({"chatItem": item})
    return write_export(folder / "main.jsonl", as_jsonl(lines))


def desktop_rows(chat: Chat) -> list[dict[str, Any]]:
    return [
        {
            "id": f"r{number}",
            "type": "outgoing" if one.speaker == "Me" else "incoming",
            "body": one.text,
            "sent_at": milliseconds(one.time),
            "conversationId": "c",
            "source": None if one.speaker == "Me" else one.speaker,
            "sourceServiceId": f"service-{one.speaker}",
        }
        for number, one in enumerate(chat)
    ]


def signal_desktop(chat: Chat, folder: Path) -> Path:
    return write_export(folder / "messages.json", as_json(desktop_rows(chat)))


def signal_desktop_lines(chat: Chat, folder: Path) -> Path:
    return write_export(folder / "messages.jsonl", as_jsonl(desktop_rows(chat)))


def signal_cli(chat: Chat, folder: Path) -> Path:
    lines = list[dict[str, Any]]()
    for one in chat:
        at, is_mine = milliseconds(one.time), one.speaker == "Me"
        message = {"timestamp": at, "message": one.text, "groupInfo": {"groupId": "g=", "type": "DELIVER"}}
        envelope = {
            "source": f"+{1 + PEOPLE.index(one.speaker)}",
            "sourceUuid": f"u-{one.speaker}",
            "sourceName": "x" if is_mine else one.speaker,
            "timestamp": at,
            **({"syncMessage": {"sentMessage": message}} if is_mine else {"dataMessage": message}),
        }
        lines.append({"envelope": envelope, "account": "+1"})
        lines.append({"envelope": {"source": "+2", "timestamp": at, "receiptMessage": {}}, "account": "+1"})
    return write_export(folder / "received.jsonl", as_jsonl(lines))


PEOPLE = ["Me", "Ana", "Zoë Ålund", "李小龍", "O'Neil (work)"]
CONTACTS = ["Me", "+351912345678", "zoe@example.org"]
ASSISTED = ["User", "Assistant"]
PIECES = (
    "\n",
    "\r\n",
    "\t",
    "  ",
    "a",
    "Zoë: ",
    "**b**",
    "<i>&amp;</i>",
    '"\\',
    "{[",
    "שלום",
    "مرحبا",
    "\u200f",
    "\u202e",
)
MIXED = st.lists(st.sampled_from([*PIECES, "👩‍👩‍👧", "🙂", "\u2028", "é", "\x85", "漢" * 90]), min_size=1, max_size=30)
ANY_TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60), MIXED.map("".join)
).filter(lambda text: bool(text.strip()))
TYPED = ANY_TEXT.filter(lambda text: text.lstrip()[:1] not in "<#[")
STRIPPED = ANY_TEXT.map(lambda text: text.replace("\ufffc", "").strip()).filter(bool)
FORMATS: list[tuple[str, Write, list[str], st.SearchStrategy[str]]] = [
    ("imessage", imessage, CONTACTS, STRIPPED),
    ("imessage", imessage_in_seconds, CONTACTS, STRIPPED),
    ("imessage", imessage_copied_while_open, CONTACTS, STRIPPED),
    ("sessions", codex, ASSISTED, TYPED),
    ("sessions", codex_with_instructions, ASSISTED, TYPED),
    ("sessions", claude_code_with_a_long_text, ASSISTED, TYPED),
    ("sessions", gemini_cli, ASSISTED, TYPED),
    ("sessions", gemini_cli_lines, ASSISTED, TYPED),
    ("sessions", gemini_cli_prompts, ["User"], TYPED),
    ("signal", signal_backup, PEOPLE, ANY_TEXT),
    ("signal", signal_desktop, CONTACTS, ANY_TEXT),
    ("signal", signal_desktop_lines, CONTACTS, ANY_TEXT),
    ("signal", signal_cli, PEOPLE, ANY_TEXT),
]


@pytest.mark.slow
@pytest.mark.parametrize(("format", "write", "speakers", "texts"), FORMATS, ids=[one[1].__name__ for one in FORMATS])
def test_what_was_written_is_read(
    format: str,
    write: Write,
    speakers: list[str],
    texts: st.SearchStrategy[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    unit = timedelta(seconds=1) if write is imessage_in_seconds else timedelta(milliseconds=1)

    @given(st.lists(st.tuples(st.sampled_from(speakers), texts, st.integers(1, 90_000)), min_size=2, max_size=8))
    @settings(max_examples=30, deadline=None)
    def check(said: list[tuple[str, str, int]]) -> None:
        time, chat = START, list[Said]()
        for speaker, text, pause in said:
            time += pause * unit
            chat.append(Said(speaker, text, time))
        messages, found = import_export(write(chat, tmp_path_factory.mktemp("trip")), timezone="UTC")
        assert found.format == format
        assert [Said(one.speaker, one.text, one.time or START) for one in messages] == chat
        assert len({one.id for one in messages}) == len(messages)

    check()


def test_what_an_agent_was_told_is_not_read(tmp_path: Path) -> None:
    path = gemini_cli_lines([Said("User", "List the files", START)] * 2, tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"main"', b'"subagent"'))
    with pytest.raises(UsageError, match="message of the program to itself"):
        import_export(path)


def test_a_file_beside_the_database_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = imessage([Said("Me", "Start at two.", START)], tmp_path)
    write_export(tmp_path / "chat.db-wal", b"\x00" * 64)
    (tmp_path / "chat.db-shm").symlink_to(tmp_path / "missing" / "file")
    header = path.read_bytes()
    path.write_bytes(header[:18] + b"\x02\x02" + header[20:])  # the versions that mean a log beside it
    messages, found = import_export(path)
    assert [one.text for one in messages] == ["Start at two."]
    assert any("chat.db-wal" in note for note in found.report.notes)
