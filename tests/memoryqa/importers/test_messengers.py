from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from exports import import_export, messages_or_refusal, write_export, zipped
from hypothesis import given
from hypothesis import strategies as st
from samples_of_exports import META, SAMPLES, as_json

from memoryqa.errors import UsageError
from memoryqa.importers import Message, read
from memoryqa.importers.messengers.imessage import string_of
from memoryqa.importers.messengers.meta import mended


def sample(name: str, folder: Path, **options: Any) -> tuple[list[Message], dict[str, int]]:
    format, file_name, content = SAMPLES[name]
    messages, found = import_export(write_export(folder / file_name, content), **options)
    assert found.format == format
    return messages, dict(found.report.skipped)


def test_discord(tmp_path: Path) -> None:
    messages, skipped = sample("discord", tmp_path)
    assert [(one.speaker, one.text, one.attachments) for one in messages] == [
        ("Ana", "The mast is loose.", ("mast.jpg",)),
        ("Ana (78)", "I have a spare bolt: https://example.org/bolt", ()),
        ("bot", "Tides\nHigh at noon\nLow: 18:00", ("sticker wave",)),
    ]
    assert (messages[0].edited, messages[1].reply_to, messages[0].chat) == (True, messages[0].id, "Boats / repairs")
    assert skipped == {"service message": 1}


def test_messenger_is_put_in_order_and_its_text_put_right(tmp_path: Path) -> None:
    messages, skipped = sample("meta", tmp_path)
    assert [(one.speaker, one.text, one.attachments, one.deleted) for one in messages] == [
        ("Zoë", "Tomorrow 😀", (), False),
        ("Ana", "", ("1.jpg",), False),
        ("Ana", "A café\nhttps://example.org/p", (), False),
        ("Ana", "", (), True),
    ]
    assert skipped == {"reaction": 1, "call": 1}


def test_messenger_parts_are_read_from_the_oldest(tmp_path: Path) -> None:
    def part(*sent: int) -> bytes:
        said = [{"sender_name": "Ana", "timestamp_ms": at, "content": f"at {at}"} for at in sent]
        return as_json({**META, "messages": said})

    folder = "your_activity/messages/inbox/zoe_1"
    files = {
        f"{folder}/message_{number}.json": part(*sent)
        for number, sent in {1: (9000, 8000), 2: (7000,), 10: (2, 1)}.items()
    }
    messages, _ = import_export(zipped(tmp_path / "facebook.zip", files))
    assert [one.text for one in messages] == ["at 1", "at 2", "at 7000", "at 8000", "at 9000"]


def test_messenger_of_encrypted_chats(tmp_path: Path) -> None:
    said = [
        {
            "senderName": "Zoë",
            "timestamp": 1715595300000,
            "text": "né",
            "isUnsent": False,
            "media": [{"uri": "./media/a.jpg"}],
        },
        {"senderName": "Ana", "timestamp": 1715595200000, "text": "gone", "isUnsent": True, "media": []},
    ]
    document = {"participants": ["Ana", "Zoë"], "threadName": "Zoë_12", "messages": said}
    messages, _ = import_export(write_export(tmp_path / "Zoë_12.json", as_json(document)))
    assert [(one.speaker, one.text, one.attachments, one.deleted) for one in messages] == [
        ("Ana", "", (), True),
        ("Zoë", "né", ("a.jpg",), False),
    ]


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=20))
def test_latin_1_that_was_utf_8_is_put_right_and_other_text_is_left(text: str) -> None:
    assert mended(text.encode().decode("latin-1")) == text
    assert mended("é") == "é"
    assert mended("漢") == "漢"


SLACK = {
    "users.json": [
        {"id": "U1", "name": "ana", "profile": {"display_name": "Ana", "real_name": "Ana Sá"}},
        {"id": "U2", "name": "ana2", "profile": {"display_name": "", "real_name": "Ana"}},
    ],
    "channels.json": [{"id": "C1", "name": "general"}],
    "dms.json": [{"id": "D1", "members": ["U1", "U2"]}],
    "general/2024-05-14.json": [{"type": "message", "user": "U1", "text": "later", "ts": "1715680000.000100"}],
    "general/2024-05-13.json": [
        {"type": "message", "subtype": "channel_join", "user": "U1", "text": "joined", "ts": "1715590000.000100"},
        {
            "type": "message",
            "user": "U1",
            "text": "<@U2> see <https://example.org|the plan> &amp; <#C1|general> <!here> a &lt; b",
            "ts": "1715591000.000100",
            "thread_ts": "1715591000.000100",
            "edited": {"user": "U1", "ts": "1715591001.000000"},
        },
        {
            "type": "message",
            "user": "U2",
            "text": "",
            "files": [{"name": "plan.pdf"}],
            "ts": "1715591100.000200",
            "thread_ts": "1715591000.000100",
        },
        {"type": "message", "subtype": "tombstone", "user": "U2", "text": "gone", "ts": "1715591200.000200"},
        {"type": "message", "subtype": "bot_message", "username": "Tides", "text": "High", "ts": "1715591300.0"},
    ],
    "D1/2024-05-13.json": [{"type": "message", "user": "U2", "text": "just us", "ts": "1715592000.000100"}],
}


@pytest.mark.parametrize("packed", [False, True])
def test_slack(packed: bool, tmp_path: Path) -> None:
    files = {f"export/{name}": json.dumps(content) for name, content in SLACK.items()}
    if packed:
        path = zipped(tmp_path / "slack.zip", files)
    else:
        path = tmp_path / "slack"
        for name, content in files.items():
            write_export(path / name, content)
    messages, found = import_export(path)
    assert [(one.speaker, one.text, one.chat) for one in messages] == [
        ("Ana", "just us", "Ana, Ana"),
        ("Ana (U1)", "@Ana see the plan (https://example.org) & #general @here a < b", "general"),
        ("Ana", "", "general"),
        ("Ana", "", "general"),
        ("Tides", "High", "general"),
        ("Ana (U1)", "later", "general"),
    ]
    assert [one.attachments for one in messages][2] == ("plan.pdf",)
    assert (messages[2].reply_to, messages[1].reply_to) == (messages[1].id, "")
    assert (messages[1].edited, messages[3].deleted) == (True, True)
    assert found.report.skipped == {"channel event (channel_join)": 1}
    assert messages[1].time == datetime(2024, 5, 13, 9, 3, 20, 100, tzinfo=UTC)


def test_signals_own_export(tmp_path: Path) -> None:
    messages, skipped = sample("signal", tmp_path, me="Ines")
    assert [(one.speaker, one.text, one.attachments) for one in messages] == [
        ("Rui Sá", "Start at two.", ()),
        ("Ines", "Fine", ("map.png",)),
        ("Rui Sá (3)", "", ()),  # another one of this name
        ("Rui Sá (3)", "", ("sticker ⛵",)),
    ]
    assert (messages[1].reply_to, messages[1].edited, messages[2].deleted) == (messages[0].id, True, True)
    assert {one.chat for one in messages} == {"Regatta"}
    assert skipped == {"event of the chat": 1}


def test_what_others_export_of_signal(tmp_path: Path) -> None:
    sample("signal-export", tmp_path / "all" / "Rui")
    messages, _ = import_export(tmp_path / "all", me="Ines")
    assert [(one.speaker, one.text, one.chat) for one in messages] == [
        ("Rui", "Start at two.", "Rui"),
        ("Rui", "Or three", "Rui"),
        ("Ines", "", "Rui"),
    ]
    messages, skipped = sample("signal-cli", tmp_path)
    assert [(one.speaker, one.text) for one in messages] == [("Rui", "Start at two."), ("Me", "Fine")]
    assert skipped == {"receipt, reaction or event": 1}


def test_rows_of_signal_desktop(tmp_path: Path) -> None:
    rows = [
        {
            "id": "a",
            "conversationId": "c",
            "type": "incoming",
            "body": "Start at two.",
            "sent_at": 1715595200000,
            "source": "+351911",
        },
        {
            "id": "b",
            "conversationId": "c",
            "type": "outgoing",
            "body": "Fine",
            "sent_at": 1715595300000,
            "editHistory": [{}],
        },
        {
            "id": "d",
            "conversationId": "c",
            "type": "incoming",
            "body": "x",
            "sent_at": 1715595400000,
            "deletedForEveryone": 1,
        },
        {"id": "e", "conversationId": "c", "type": "timer-notification", "body": None, "sent_at": 1715595500000},
    ]
    messages, found = import_export(write_export(tmp_path / "messages.json", as_json(rows)))
    assert found.format == "signal"
    assert [(one.speaker, one.text, one.edited, one.deleted) for one in messages][:2] == [
        ("+351911", "Start at two.", False, False),
        ("Me", "Fine", True, False),
    ]
    assert messages[2].deleted
    assert found.report.skipped == {"event of the chat": 1}


# -- iMessage ----------------------------------------------------------------------------------------------------------


def archived(text: str) -> bytes:
    """`text` as a typedstream holds it."""
    content = text.encode()
    length = len(content)
    size = bytes([length]) if length < 0x80 else b"\x81" + length.to_bytes(2, "little")
    return (
        b"\x04\x0bstreamtyped\x81\xe8\x03\x84\x01@\x84\x84\x84\x08NSString\x01\x94\x84\x01+"
        + size
        + content
        + b"\x86\x84"
    )


def messages_database(path: Path, rows: Iterable[tuple[Any, ...]]) -> Path:
    with sqlite3.connect(path) as database:
        database.executescript("""
            CREATE TABLE message (ROWID INTEGER PRIMARY KEY, guid, text, attributedBody BLOB, handle_id INTEGER,
                date INTEGER, is_from_me INTEGER, item_type INTEGER, associated_message_type INTEGER,
                thread_originator_guid TEXT, date_edited INTEGER, date_retracted INTEGER);
            CREATE TABLE handle (ROWID INTEGER PRIMARY KEY, id TEXT);
            CREATE TABLE chat (ROWID INTEGER PRIMARY KEY, chat_identifier TEXT, display_name TEXT);
            CREATE TABLE chat_message_join (chat_id INTEGER, message_id INTEGER);
            CREATE TABLE attachment (ROWID INTEGER PRIMARY KEY, transfer_name TEXT, filename TEXT);
            CREATE TABLE message_attachment_join (message_id INTEGER, attachment_id INTEGER);
            INSERT INTO handle VALUES (1, '+351912345678');
            INSERT INTO chat VALUES (1, 'chat123', 'Regatta');
            INSERT INTO attachment VALUES (1, NULL, '~/Library/Messages/Attachments/a/map.heic');
            INSERT INTO message_attachment_join VALUES (3, 1);
        """)
        database.executemany("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        database.execute("INSERT INTO chat_message_join SELECT 1, ROWID FROM message")
    database.close()
    return path


NANO = 737_288_000_000_000_000  # 13 May 2024, since 2001
ROWS = [
    (1, "g1", "Start at two.", None, 1, NANO, 0, 0, 0, None, 0, 0),
    (2, "g2", None, archived("né " * 60), 0, NANO + 10**9, 1, 0, 0, "g1", NANO, 0),
    (3, "g3", "\ufffc", None, 1, NANO + 2 * 10**9, 0, 0, 0, None, 0, 0),
    (4, "g4", "Loved “Start”", None, 1, NANO + 3 * 10**9, 0, 0, 2000, None, 0, 0),
    (5, "g5", "gone", None, 1, NANO + 4 * 10**9, 0, 0, 0, None, 0, NANO),
    (6, "g6", None, None, 1, NANO + 5 * 10**9, 0, 1, 0, None, 0, 0),
    (7, "g7", "old", None, 1, 400_000_000, 0, 0, 0, None, 0, 0),
]


def test_imessage(tmp_path: Path) -> None:
    messages, found = import_export(messages_database(tmp_path / "chat.db", ROWS), same={"+351 912 345 678": "Rui"})
    assert [(one.speaker, one.text, one.attachments) for one in messages] == [
        ("Rui", "old", ()),
        ("Rui", "Start at two.", ()),
        ("Me", ("né " * 60).strip(), ()),
        ("Rui", "", ("map.heic",)),
        ("Rui", "", ()),
    ]
    assert messages[0].time == datetime(2013, 9, 4, 15, 6, 40, tzinfo=UTC)
    assert messages[1].time is not None
    assert messages[1].time.date().isoformat() == "2024-05-13"
    assert (messages[2].reply_to, messages[2].edited, messages[4].deleted) == (messages[1].id, True, True)
    assert {one.chat for one in messages} == {"Regatta"}
    assert found.report.skipped == {"reaction": 1, "event of the chat": 1}


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=400))
def test_strings_come_back_from_a_typedstream(text: str) -> None:
    assert string_of(archived(text)) == text


@given(st.binary(max_size=60))
def test_no_typedstream_fails(content: bytes) -> None:
    assert isinstance(string_of(b"NSString" + content), str)


def test_a_damaged_database_is_refused(tmp_path: Path) -> None:
    whole = messages_database(tmp_path / "chat.db", ROWS).read_bytes()
    for cut in range(100, len(whole), len(whole) // 25):
        messages_or_refusal(write_export(tmp_path / str(cut) / "chat.db", whole[:cut]))
        messages_or_refusal(
            write_export(tmp_path / f"x{cut}" / "chat.db", whole[:cut] + b"\xff" * 50 + whole[cut + 50 :])
        )
    with pytest.raises(UsageError, match=r"unpack it and name chat\.db"):
        read(zipped(tmp_path / "db.zip", {"chat.db": whole})).scan()


# -- pages, and what Google and Microsoft export -----------------------------------------------------------------------


def test_pages_of_telegram(tmp_path: Path) -> None:
    messages, skipped = sample("telegram-html", tmp_path)
    assert [(one.speaker, one.text, one.attachments) for one in messages] == [
        ("Ana", "The ferry & the pier\nsecond line", ()),
        ("Ana", "", ("photo_1.jpg",)),  # of the speaker before
        ("Rui", "Forwarded from Port office: No boats today.", ()),
    ]
    assert messages[1].reply_to == messages[0].id
    assert [str(one.time) for one in messages][::2] == ["2024-05-13 10:15:00+01:00", "2024-05-14 00:30:00+01:00"]
    assert {one.chat for one in messages} == {"Harbour walks"}
    assert skipped == {"service message": 1}


def test_pages_of_telegram_go_on_in_the_next(tmp_path: Path) -> None:
    page = SAMPLES["telegram-html"][2].decode()
    second = page.replace('id="message', 'id="message1000').replace('default clearfix"', 'default clearfix joined"')
    second = second.replace('<div class="from_name">\nAna\n  </div>', "")
    for number, content in {"": page, "2": second, "10": second.replace("1000", "2000")}.items():
        write_export(tmp_path / "chat" / f"messages{number}.html", content)
    messages, _ = import_export(tmp_path)
    assert [one.id.rpartition(":")[2] for one in messages] == [
        "2",
        "3",
        "4",
        "10002",
        "10003",
        "10004",
        "20002",
        "20003",
        "20004",
    ]
    assert messages[3].speaker == "Rui"  # who spoke last on the page before


def test_pages_of_discord_are_dated_by_their_ids(tmp_path: Path) -> None:
    messages, _ = sample("discord-html", tmp_path)
    assert [(one.speaker, one.text, one.attachments) for one in messages] == [
        ("Ana", "The mast is loose.", ("mast.jpg",)),
        ("Ana", "Who has bolts?", ()),
        ("Ana (78)", "I do.", ()),
    ]
    assert messages[0].time == datetime(2024, 5, 13, 9, 39, 32, 235000, tzinfo=UTC)
    assert (messages[0].edited, messages[2].reply_to) == (True, messages[0].id)


def test_google_chat(tmp_path: Path) -> None:
    info = {"name": "", "members": [{"name": "Ana"}, {"name": "Rui"}]}
    folder = "Takeout/Google Chat/Groups/DM 1"
    content = SAMPLES["google-chat"][2]
    path = zipped(
        tmp_path / "takeout.zip", {f"{folder}/messages.json": content, f"{folder}/group_info.json": as_json(info)}
    )
    messages, _ = import_export(path)
    assert [(one.speaker, one.text, one.attachments) for one in messages] == [
        ("Ana", "The key is under the mat.", ()),
        ("Ana (other@example.org)", "", ("plan.pdf",)),
        ("Ana", "", ()),
    ]
    assert [one.time for one in messages][:2] == [
        datetime(2024, 5, 13, 22, 15, tzinfo=UTC),
        datetime(2024, 5, 14, 0, 5, tzinfo=UTC),
    ]
    assert (messages[1].reply_to, messages[2].deleted, messages[0].chat) == (messages[0].id, True, "Ana, Rui")


def test_google_chat_in_another_language_says_so(tmp_path: Path) -> None:
    content = SAMPLES["google-chat"][2].decode().replace("Monday, May", "maanantai, toukokuun")
    messages, found = import_export(write_export(tmp_path / "messages.json", content))
    assert messages[0].time is None
    assert any("set your Google account to English" in note for note in found.report.notes)


def test_skype_and_teams(tmp_path: Path) -> None:
    messages, skipped = sample("skype", tmp_path)
    assert [(one.speaker, one.text, one.attachments, one.edited) for one in messages] == [
        ("Ana", "", ("mast.jpg",), False),
        ("Rui", "I do & you", (), True),
    ]
    assert skipped == {"call or event": 1}
    messages, skipped = sample("teams", tmp_path)
    assert [(one.speaker, one.text, one.attachments) for one in messages] == [
        ("Ana", "Who has bolts?", ("mast.jpg",)),
        ("Rui", "Yes\nI do", ()),
    ]
    assert (messages[1].reply_to, messages[1].edited) == (messages[0].id, True)
    assert skipped == {"call or event": 1}
