"""What the apps' own exports hold besides plain messages. The samples are short, and of our own words."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from exports import import_export, write_export
from samples_of_exports import as_json, as_jsonl, chatgpt_node, chatgpt_tree

from memoryqa.errors import UsageError
from memoryqa.importers import ImportReport, Message, read

Write = Callable[..., tuple[list[Message], ImportReport]]


@pytest.fixture
def imported(tmp_path: Path) -> Write:
    """Messages and report of an export of one file."""

    def write(name: str, content: Any) -> tuple[list[Message], ImportReport]:
        content = content if isinstance(content, str | bytes) else as_json(content)
        messages, found = import_export(write_export(tmp_path / name, content))
        return messages, found.report

    return write


def telegram_message(number: int, **more: Any) -> dict[str, Any]:
    times = {"date": "2024-05-13T10:15:00", "date_unixtime": "1715591700"}
    return {"id": number, "type": "message", **times, "from": "Rui", "from_id": "user2", "text": "", **more}


def test_telegram_s_lists_games_and_saved_messages(imported: Write) -> None:
    todo = {"title": "Shop", "items": [{"id": 1, "text": "milk"}, {"id": 2, "text": ["rye ", {"text": "bread"}]}]}
    listed = [
        {"name": "Rui", "type": "personal_chat", "id": 5, "messages": [telegram_message(1, todo_list=todo)]},
        {"type": "saved_messages", "id": 1, "messages": [telegram_message(2, text="buy rope")]},
        {"name": "Games", "type": "private_group", "id": 6, "messages": [telegram_message(3, game_title="Chess")]},
    ]
    messages, report = imported("result.json", {"about": "Telegram", "chats": {"list": listed}})
    assert [(one.chat, one.text, one.attachments) for one in messages] == [
        ("Rui", "Shop\n- milk\n- rye bread", ()),
        ("Saved Messages", "buy rope", ()),
        ("Games", "", ("game Chess",)),
    ]
    assert not report.skipped


def test_discord_s_forwards_and_cards(imported: Write) -> None:
    def said(number: int, content: str, **more: Any) -> dict[str, Any]:
        author = {"id": "7", "name": "ana", "nickname": "Ana"}
        time = "2024-05-13T10:15:00+00:00"
        return {"id": str(number), "type": "Default", "timestamp": time, "content": content, "author": author, **more}

    card = {"title": "Build 7", "url": "https://ci.example.org/7", "description": "passed", "fields": []}
    forwarded = {"content": "the ferry is late", "attachments": [{"fileName": "map.png"}]}
    listed = [
        said(1, "", forwardedMessage=forwarded),
        said(2, "", embeds=[card]),
        said(3, "look https://ci.example.org/7", embeds=[card]),  # the preview of a link that is there
    ]
    messages, _ = imported("c.json", {"guild": {"id": "1"}, "channel": {"id": "2", "name": "c"}, "messages": listed})
    assert [(one.text, one.attachments) for one in messages] == [
        ("Forwarded: the ferry is late", ("map.png",)),
        ("Build 7\npassed", ()),
        ("look https://ci.example.org/7", ()),
    ]


def test_slack_s_blocks_and_deleted_files(imported: Write) -> None:
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "Deployed <https://x.example|v2>"}}
    rich = {"type": "rich_text", "elements": [{"elements": [{"type": "text", "text": "by Ana"}]}]}
    listed = [
        {"type": "message", "user": "U1", "text": "", "blocks": [section, rich], "ts": "1715591700.0"},
        {"type": "message", "user": "U1", "text": "", "files": [{"mode": "tombstone"}], "ts": "1715591701.0"},
    ]
    messages, report = imported("2024-05-13.json", listed)
    assert [one.text for one in messages] == ["Deployed v2 (https://x.example)\nby Ana"]
    assert report.skipped == {"empty message": 1}


def test_what_messenger_reports_in_a_sender_s_name(imported: Write) -> None:
    said = [
        "Rui named the group Boats.",
        "You unsent a message",
        "Rui changed the theme to Love.",
        "Rui set your nickname to R.",
        "Rui named the boat after me.",
        "Ana left the group.",
    ]
    listed = [
        {"sender_name": "Rui", "timestamp_ms": 1715591700000 - number, "content": one}
        for number, one in enumerate(said)
    ]
    document = {"participants": [{"name": "Rui"}], "messages": listed, "title": "Rui", "thread_path": "inbox/rui_1"}
    messages, report = imported("message_1.json", document)
    assert [one.text for one in messages] == ["Ana left the group.", "Rui named the boat after me."]  # Rui wrote both
    assert report.skipped == {"event of the chat": 4}


def test_skype_knows_the_owner_and_the_other(imported: Write) -> None:
    def said(number: int, account: str, content: str) -> dict[str, Any]:
        time = f"2024-05-13T10:1{number}:00.1Z"
        kinds = {"messagetype": "RichText", "originalarrivaltime": time, "displayName": None}
        return {"id": str(number), "from": account, "content": content, **kinds}

    messages = [said(2, "8:live:ana", "at nine"), said(1, "8:live:rui", "when?"), said(0, "8:live:zoe", "hi")]
    chat = {"id": "8:live:rui", "displayName": "Rui Sá", "MessageList": messages}
    read, _ = imported("messages.json", {"userId": "8:live:ana", "conversations": [chat]})
    assert [(one.speaker, one.text) for one in read] == [("zoe", "hi"), ("Rui Sá", "when?"), ("Me", "at nine")]
    assert [one.author for one in read] == ["8:live:zoe", "8:live:rui", "me"]


def test_google_chat_in_the_language_of_the_account(imported: Write) -> None:
    creator = {"name": "Ana", "email": "ana@example.org"}
    written = "lunes, 13 de mayo de 2024, 22:15:00 UTC"
    messages, report = imported(
        "messages.json", {"messages": [{"creator": creator, "created_date": written, "text": "x"}]}
    )
    assert messages[0].time is not None
    assert messages[0].time.isoformat() == "2024-05-13T22:15:00+00:00"
    assert not report.undated


def test_documents_in_chatgpt_s_canvas_and_marks_of_sources(imported: Write) -> None:
    document = json.dumps({"name": "plan", "type": "document", "content": "Buy rope."})
    edit = json.dumps({"updates": [{"pattern": "rope", "replacement": "Buy two ropes."}]})
    nodes = [
        chatgpt_node("a", "root", "user", "Write a plan", time=1715600001.0),
        chatgpt_node("b", "a", "assistant", document, time=1715600002.0, recipient="canmore.create_textdoc"),
        chatgpt_node("c", "b", "assistant", edit, time=1715600003.0, recipient="canmore.update_textdoc"),
        chatgpt_node("d", "c", "assistant", '{"q": "rope"}', time=1715600004.0, recipient="web"),
        chatgpt_node("e", "d", "assistant", "Done \ue200cite\ue202turn0search0\ue201now.", time=1715600005.0),
    ]
    chat = {"title": "Plan", "conversation_id": "c", "current_node": "e", "mapping": chatgpt_tree(nodes)}
    messages, report = imported("conversations.json", [chat])
    assert [one.text for one in messages] == ["Write a plan", "plan\nBuy rope.", "Buy two ropes.", "Done now."]
    assert report.skipped == {"call of a tool": 1}


def test_artifacts_of_claude(imported: Write) -> None:
    call = {
        "type": "tool_use",
        "name": "artifacts",
        "input": {"command": "create", "title": "Plan", "content": "Buy rope."},
    }
    search = {"type": "tool_use", "name": "web_search", "input": {"query": "rope"}}
    content = [call, search, {"type": "text", "text": "Here it is."}]
    message = {"uuid": "m", "sender": "assistant", "content": content, "created_at": "2024-05-13T10:00:00Z"}
    messages, report = imported("conversations.json", [{"uuid": "k", "name": "Boat", "chat_messages": [message]}])
    assert [one.text for one in messages] == ["Plan\nBuy rope.\nHere it is."]
    assert report.skipped == {"call of a tool": 1}


def test_what_assistants_on_the_command_line_add_is_left_out(imported: Write) -> None:
    typed = [
        "fix the mast",
        "<command-message>init</command-message>",
        "[Request interrupted by user]",
        "<bash-input>ls",
    ]
    claude = [
        {"type": "user", "sessionId": "s", "uuid": str(number), "message": {"role": "user", "content": one}}
        for number, one in enumerate(typed)
    ]
    messages, report = imported("s.jsonl", as_jsonl(claude))
    assert [one.text for one in messages] == ["fix the mast"]
    assert report.skipped == {"context that the program added": 3}


def mail(
    subject: str, body: str, headers: str = "Date: Mon, 13 May 2024 10:15:00 +0100\n", charset: str = "utf-8"
) -> bytes:
    head = f"From: Rui <rui@example.org>\nSubject: {subject}\nMessage-ID: <1@example.org>\n{headers}"
    head += f"Content-Type: text/plain; charset={charset}\n\n"
    return head.encode() + body.encode("cp1252" if charset == "iso-8859-1" else "utf-8")


def test_outlook_s_quoted_mails_and_forwards(imported: Write) -> None:
    quoted = "At nine.\n\nVon: Ana <ana@example.org>\nGesendet: Montag, 13. Mai 2024 09:00\nAn: Rui\n\nWhen?\n"
    messages, report = imported("a.eml", mail("AW: Ferry", quoted))
    assert messages[0].text == "At nine."
    assert report.skipped["quoted line"] >= 5
    messages, _ = imported("b.eml", mail("WG: Ferry", quoted))
    assert messages[0].text.endswith("When?")


def test_mails_without_a_date_and_in_the_characters_of_windows(imported: Write) -> None:
    received = "Received: from a by b with ESMTP id 1;\n Mon, 13 May 2024 10:15:00 +0100\n"
    messages, _ = imported("a.eml", mail("Ferry", "It costs 9 €.", received, "iso-8859-1"))
    assert messages[0].text == "Ferry\nIt costs 9 €."
    assert messages[0].time is not None
    assert messages[0].time.isoformat() == "2024-05-13T10:15:00+01:00"


def test_whatsapp_s_documents_and_mentions(imported: Write) -> None:
    text = (
        "\u200e[13/05/2024, 21:15:30] Ana: plan.pdf • \u200e12 pages \u200edocument omitted\n"
        "[13/05/2024, 21:16:30] Ana: ask @\u2068Rui Sá\u2069 about it\n"
    )
    messages, _ = imported("_chat.txt", text)
    assert [(one.text, one.attachments) for one in messages] == [
        ("", ("plan.pdf (12 pages)",)),
        ("ask @Rui Sá about it", ()),
    ]


def test_what_ios_reports_in_the_name_of_who_did_it(imported: Write) -> None:
    text = (
        "[13/05/2024, 21:15:30] Ana: \u200eAna added Rui\n"
        "[13/05/2024, 21:15:31] Ana: Ana added salt\n"
        "[13/05/2024, 21:15:32] Rui: \u200ePOLL:\nWhen?\n\u200eOPTION: Monday (1 vote)\n"
    )
    messages, report = imported("_chat.txt", text)
    assert [(one.speaker, one.text) for one in messages] == [
        ("Ana", "Ana added salt"),
        ("Rui", "POLL:\nWhen?\nOPTION: Monday (1 vote)"),
    ]
    assert report.skipped == {"group event or notice": 1}


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("1403/2/24", datetime(2024, 5, 13)),
        ("1403/12/30", datetime(2025, 3, 20)),  # a leap year
        ("1402/12/29", datetime(2024, 3, 19)),
        ("1399/12/30", datetime(2021, 3, 20)),
        ("1404/9/8", datetime(2025, 11, 29)),
        ("۱۴۰۳/۲/۲۴", datetime(2024, 5, 13)),
    ],
)
def test_years_of_the_persian_calendar(written: str, day: datetime, imported: Write) -> None:
    messages, _ = imported("WhatsApp Chat with Ana.txt", f"{written}, 00:00 - Ana: salam\n")
    assert messages[0].time == day


def test_recordings_of_zoom_begin_when_their_name_says(imported: Write) -> None:
    text = "WEBVTT\n\n1\n00:01:00.000 --> 00:01:03.000\nAna Silva: We begin.\n"
    messages, _ = imported("GMT20240513-101500_Recording.transcript.vtt", text)
    assert messages[0].time is not None
    assert messages[0].time.isoformat() == "2024-05-13T10:16:00+00:00"


def test_an_empty_file_is_called_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the file is empty"):
        read(write_export(tmp_path / "WhatsApp Chat with Ana.txt", b""))


def test_a_line_of_a_mail_that_begins_as_an_envelope_does(imported: Write) -> None:
    text = "From a@x Mon May 13 10:15:00 2024\nFrom: a@x\nSubject: s\nDate: Mon, 13 May 2024 10:15:00 +0200\n\nHi\n\n"
    messages, _ = imported("a.mbox", text + "From now on we meet at nine.\n")
    assert [one.text for one in messages] == ["s\nHi\n\nFrom now on we meet at nine."]


def test_a_table_in_a_mail_keeps_its_cells_apart(imported: Write) -> None:
    head = "From: Ana <a@example.org>\nSubject: s\nDate: Mon, 13 May 2024 10:15:00 +0200\nMessage-ID: <1@x>\n"
    body = "<p>Prices</p><table><tr><td>rye</td><td>4</td></tr></table>"
    messages, _ = imported("a.eml", f"{head}Content-Type: text/html\n\n{body}")
    assert messages[0].text.split() == ["s", "Prices", "rye", "4"]


def test_both_sides_of_signal_cli_are_one_conversation(imported: Write) -> None:
    received = {"envelope": {"source": "+351", "sourceUuid": "u", "sourceName": "Rui", "timestamp": 1715591700000}}
    received["envelope"]["dataMessage"] = {"timestamp": 1715591700000, "message": "when?"}
    sent = {"destination": "+351", "destinationUuid": "u", "timestamp": 1715591760000, "message": "at nine"}
    sync = {"envelope": {"source": "+49", "sourceUuid": "v", "syncMessage": {"sentMessage": sent}}}
    messages, report = imported("s.jsonl", as_jsonl([received | {"account": "+49"}, sync | {"account": "+49"}]))
    assert [(one.speaker, one.chat, one.chat_id) for one in messages] == [("Rui", "Rui", "+351"), ("Me", "Rui", "+351")]
    assert len(report.conversations) == 1


def test_a_group_of_imessage_without_a_name_is_called_after_its_people(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    with sqlite3.connect(path) as database:
        database.executescript("""
            CREATE TABLE message (ROWID INTEGER PRIMARY KEY, guid, text, handle_id INTEGER, date INTEGER,
                is_from_me INTEGER);
            CREATE TABLE handle (ROWID INTEGER PRIMARY KEY, id TEXT);
            CREATE TABLE chat (ROWID INTEGER PRIMARY KEY, chat_identifier TEXT, display_name TEXT);
            CREATE TABLE chat_message_join (chat_id INTEGER, message_id INTEGER);
            CREATE TABLE chat_handle_join (chat_id INTEGER, handle_id INTEGER);
            INSERT INTO handle VALUES (1, '+351912345678'), (2, 'rui@example.org');
            INSERT INTO chat VALUES (7, 'chat99', '');
            INSERT INTO chat_handle_join VALUES (7, 1), (7, 2);
            INSERT INTO message VALUES (1, 'g1', 'hi', 2, 737288000000000000, 0);
            INSERT INTO chat_message_join VALUES (7, 1);
        """)
    database.close()
    messages, _ = import_export(path)
    assert [(one.chat, one.chat_id) for one in messages] == [("+351912345678, rui@example.org", "chat99")]
