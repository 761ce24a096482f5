"""As test_round_trips.py, for messengers, mail and logs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from html import escape
from typing import NamedTuple

import pytest
from exports import import_export, write_export
from hypothesis import given, settings
from hypothesis import strategies as st
from samples_of_exports import as_json, as_jsonl

from memoryqa.turns import MONTHS


class Said(NamedTuple):
    """A message of a generated chat."""

    speaker: str
    text: str
    time: datetime


Chat = Sequence[Said]
Write = Callable[[Chat], tuple[str, bytes]]
START = datetime(2024, 2, 28, 22, 0, tzinfo=UTC)


def spelled_day(time: datetime) -> str:
    return f"{MONTHS[time.month - 1]} {time.day}"


def discord(chat: Chat) -> tuple[str, bytes]:
    messages = [
        {
            "id": str(number),
            "type": "Default",
            "timestamp": one.time.isoformat(),
            "timestampEdited": None,
            "content": one.text,
            "author": {"id": one.speaker, "name": "x", "nickname": one.speaker},
        }
        for number, one in enumerate(chat)
    ]
    return "c.json", as_json({"guild": {"id": "1"}, "channel": {"id": "2", "name": "c"}, "messages": messages})


def slack(chat: Chat) -> tuple[str, bytes]:
    def marked(text: str) -> str:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    messages = [
        {"type": "message", "username": one.speaker, "text": marked(one.text), "ts": f"{one.time.timestamp():.6f}"}
        for one in chat
    ]
    return "2024-02-28.json", as_json(
        [*messages, {"type": "message", "subtype": "channel_join", "ts": "1.0", "user": "U"}]
    )


def meta(chat: Chat) -> tuple[str, bytes]:
    def mangled(text: str) -> str:
        return text.encode().decode("latin-1")

    messages = [
        {
            "sender_name": mangled(one.speaker),
            "timestamp_ms": int(one.time.timestamp() * 1000),
            "content": mangled(one.text),
        }
        for one in reversed(chat)
    ]
    people = [{"name": "Ana"}]
    return "message_1.json", as_json({"participants": people, "messages": messages, "title": "c", "thread_path": "c"})


def signal_export(chat: Chat) -> tuple[str, bytes]:
    lines = [
        {
            "date": f"{one.time:%Y-%m-%d %H:%M:%S}",
            "sender": one.speaker,
            "body": one.text,
            "quote": "",
            "attachments": [],
        }
        for one in chat
    ]
    return "data.json", as_jsonl(lines)


def google_chat(chat: Chat) -> tuple[str, bytes]:
    messages = [
        {
            "creator": {"name": one.speaker, "email": f"{PEOPLE.index(one.speaker)}@example.org"},
            "created_date": f"{one.time:%A}, {spelled_day(one.time)}, {one.time:%Y at %I:%M:%S %p} UTC",
            "text": one.text,
            "message_id": f"g/t/{number}",
        }
        for number, one in enumerate(chat)
    ]
    return "messages.json", as_json({"messages": messages})


def teams(chat: Chat) -> tuple[str, bytes]:
    messages = [
        {
            "id": str(number),
            "messageType": "message",
            "createdDateTime": one.time.isoformat().replace("+00:00", "Z"),
            "from": {"user": {"id": one.speaker, "displayName": one.speaker}},
            "body": {"contentType": "html", "content": f"<p>{escape(one.text)}</p>"},
            "chatId": "c",
        }
        for number, one in enumerate(chat)
    ]
    return "messages.json", as_json({"value": messages})


def claude_code(chat: Chat) -> tuple[str, bytes]:
    kinds = {"User": "user", "Assistant": "assistant"}
    lines = [
        {
            "type": kinds[one.speaker],
            "sessionId": "s",
            "uuid": str(number),
            "timestamp": one.time.isoformat().replace("+00:00", "Z"),
            "message": {"role": kinds[one.speaker], "content": [{"type": "text", "text": one.text}]},
        }
        for number, one in enumerate(chat)
    ]
    return "s.jsonl", as_jsonl(lines)


def mail(chat: Chat) -> tuple[str, bytes]:
    mails = []
    for number, one in enumerate(chat):
        written = EmailMessage()
        written["From"] = f"{one.speaker} <{PEOPLE.index(one.speaker)}@example.org>"
        written["Subject"] = "Re: é boats"
        written["Date"] = one.time
        written["Message-ID"] = f"<{number}@example.org>"
        written.set_content(one.text)
        mails.append(b"From x@y " + f"{one.time:%a %b %d %H:%M:%S %Y}\n".encode() + bytes(written) + b"\n")
    return "all.mbox", b"".join(mails)


def irc(chat: Chat) -> tuple[str, bytes]:
    lines = [f"{one.time:%Y-%m-%d %H:%M:%S}\t@{one.speaker}\t{one.text}\n" for one in chat]
    return "boats.weechatlog", "".join(lines).encode()


def irssi(chat: Chat) -> tuple[str, bytes]:
    lines, day = list[str](), ""
    for one in chat:
        if f"{one.time:%j}" != day:
            day = f"{one.time:%j}"
            lines.append(f"--- Day changed {one.time:%a %b %d %Y}\n")
        lines.append(f"{one.time:%H:%M:%S} < {one.speaker}> {one.text}\n")
    return "boats.log", "".join(lines).encode()


def imessage_text(chat: Chat) -> tuple[str, bytes]:
    blocks = [
        f"{one.time:%b %d, %Y}  {one.time:%I:%M:%S %p}\n{one.speaker}\n{one.text}\n\n" for one in chat
    ]  # fmt: skip
    return "c.txt", "".join(blocks).encode()


def gemini_html(chat: Chat) -> tuple[str, bytes]:
    cells = [
        '<div class="outer-cell"><p class="mdl-typography--title">Gemini Apps</p><div class="content-cell '
        f'mdl-typography--body-1">Prompted {escape(one.text)}<br>{spelled_day(one.time)}, '
        f"{one.time:%Y, %I:%M:%S %p} UTC</div></div>"
        for one in reversed(chat)
    ]
    return "MyActivity.html", f"<html><body class='mdl-grid'>{''.join(cells)}</body></html>".encode()


PEOPLE = ["Ana", "Zoë Ålund", "李小龍", "O'Neil (work)"]
NICKS = ["ana", "rui_", "zoë|away", "[x]"]
WORDS = st.text("abc dé漢🙂,\"';&<-é", min_size=1, max_size=30).map(lambda text: " ".join(f"x{text}".split()))
ANY_TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=60).filter(
    lambda text: bool(text.strip())
)
FORMATS: list[tuple[Write, list[str], st.SearchStrategy[str]]] = [
    (discord, PEOPLE, ANY_TEXT),
    (slack, PEOPLE, ANY_TEXT),
    (meta, PEOPLE, ANY_TEXT),
    (signal_export, PEOPLE, ANY_TEXT.filter(lambda text: text == text.rstrip("\n"))),
    (google_chat, PEOPLE, ANY_TEXT),
    (teams, PEOPLE, WORDS),
    (claude_code, ["User", "Assistant"], ANY_TEXT.filter(lambda text: text.lstrip()[:1] not in "<#[")),
    (mail, PEOPLE[:2], WORDS),
    (irc, NICKS, WORDS),
    (irssi, NICKS, WORDS),
    (imessage_text, PEOPLE, WORDS),
    (gemini_html, ["User"], WORDS),
]


@pytest.mark.slow
@pytest.mark.parametrize(("write", "speakers", "texts"), FORMATS, ids=[one[0].__name__ for one in FORMATS])
def test_what_was_written_is_read(
    write: Write, speakers: list[str], texts: st.SearchStrategy[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    @given(st.lists(st.tuples(st.sampled_from(speakers), texts, st.integers(1, 90_000)), min_size=2, max_size=8))
    @settings(max_examples=30, deadline=None)
    def check(said: list[tuple[str, str, int]]) -> None:
        time, chat = START, list[Said]()
        for speaker, text, pause in said:
            time += timedelta(seconds=pause)
            chat.append(Said(speaker, text, time))
        name, content = write(chat)
        path = write_export(tmp_path_factory.mktemp("trip") / name, content)
        messages, found = import_export(path, timezone="UTC")
        assert found.format.replace("-", "_").startswith(FORMAT_OF.get(write.__name__, write.__name__))
        assert [Said(one.speaker, one.text, one.time or START) for one in messages] == chat
        assert len({one.id for one in messages}) == len(messages)

    check()


FORMAT_OF = {"irssi": "irc", "signal_export": "signal", "claude_code": "sessions"}
