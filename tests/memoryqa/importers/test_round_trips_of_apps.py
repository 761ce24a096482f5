"""As test_round_trips.py, for messengers, mail and logs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from html import escape
from typing import Any, NamedTuple

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
    return "MyActivity.html", gemini_page(
        [
            f"Prompted {escape(one.text)}<br>{spelled_day(one.time)}, {one.time:%Y, %I:%M:%S %p} UTC"
            for one in reversed(chat)
        ]
    )


def gemini_page(cells: list[str]) -> bytes:
    head = '<div class="outer-cell"><p class="mdl-typography--title">Gemini Apps</p>'
    body = "".join(f'{head}<div class="content-cell mdl-typography--body-1">{one}</div></div>' for one in cells)
    return f"<html><body class='mdl-grid'>{body}</body></html>".encode()


def telegram_html(chat: Chat) -> tuple[str, bytes]:
    def escaped(text: str) -> str:
        return escape(text).replace("&#x27;", "&apos;").replace("\n", "<br>")

    messages, before = list[str](), ""
    for number, one in enumerate(chat, start=2):
        local = one.time + timedelta(hours=1)
        name = f'<div class="from_name">\n{escaped(one.speaker)} \n       </div>\n' * (one.speaker != before)
        messages.append(
            f'<div class="message default clearfix{" joined" * (one.speaker == before)}" id="message{number}">\n'
            '      <div class="pull_left userpic_wrap"><div class="initials">\nA\n</div></div>\n'
            '      <div class="body">\n'
            f'       <div class="pull_right date details" title="{local:%d.%m.%Y %H:%M:%S} UTC+01:00">\n'
            f'{local:%H:%M}\n       </div>\n       {name}<div class="text">\n{escaped(one.text)}\n       </div>\n'
            "      </div>\n     </div>\n"
        )
        before = one.speaker
    header = '<div class="page_header"><div class="text bold">\nc\n</div></div>'
    history = f'<div class="page_body chat_page"><div class="history">{"".join(messages)}</div></div>'
    return "messages.html", f'<html><body><div class="page_wrap">{header}{history}</div></body></html>'.encode()


def discord_html(chat: Chat) -> tuple[str, bytes]:
    def escaped(text: str) -> str:
        signs = (f"&#{ord(one)};" if 160 <= ord(one) < 256 or ord(one) > 0xFFFF else one for one in escape(text))
        return "".join(signs).replace("&#128578;", '<img loading=lazy class=chatlog__emoji alt="🙂" src="e.svg">')

    groups, before = list[str](), ""
    for number, one in enumerate(chat):
        snowflake = (int(one.time.timestamp() * 1000) - 1_420_070_400_000) << 22 | number
        header = (
            '<div class=chatlog__header><span class=chatlog__author title="x" '
            f"data-user-id={EVERYONE.index(one.speaker)}>{escaped(one.speaker)}</span>"
            "<span class=chatlog__timestamp><a href=#x>28/02/2024</a></span></div>"
        )
        if one.speaker != before:
            groups.append(("</div>" * bool(groups)) + "<div class=chatlog__message-group>")
        groups.append(
            f'<div class="chatlog__message-container" data-message-id={snowflake}><div class=chatlog__message>'
            f"<div class=chatlog__message-primary>{header * (one.speaker != before)}"
            '<div class="chatlog__content chatlog__markdown"><span class="chatlog__markdown-preserve">'
            f"{escaped(one.text)}</span></div></div></div></div>"
        )
        before = one.speaker
    title = "<div class=preamble><div class=preamble__entry>c</div></div>"
    page = f"<!DOCTYPE html><html><body>{title}<div class=chatlog>{''.join(groups)}</div></div></body></html>"
    return "c.html", page.encode()


def skype(chat: Chat) -> tuple[str, bytes]:
    messages = [
        {
            "id": str(number),
            "displayName": one.speaker,
            "originalarrivaltime": f"{one.time:%Y-%m-%dT%H:%M:%S}.000Z",
            "messagetype": "RichText" if number % 2 else "Text",
            "content": escape(one.text).replace("&#x27;", "&apos;") if number % 2 else one.text,
            "from": f"8:live:{one.speaker}",
            "properties": None,
        }
        for number, one in enumerate(chat)
    ]
    talk = {"id": "19:c@thread.skype", "displayName": "c", "MessageList": messages[::-1]}
    return "messages.json", as_json({"userId": "8:live:Ana", "exportDate": "2024-06-01T00:00", "conversations": [talk]})


def gemini(chat: Chat) -> tuple[str, bytes]:
    return "MyActivity.json", as_json([activity(one.time, one.text, "") for one in reversed(chat)])


def activity(time: datetime, prompt: str, answer: str) -> dict[str, Any]:
    said = {"safeHtmlItem": [{"html": answer}]} if answer else {}
    written = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "header": "Gemini Apps",
        "title": f"Prompted {prompt}",
        "time": written,
        "products": ["Gemini Apps"],
        **said,
    }


PEOPLE = ["Ana", "Zoë Ålund", "李小龍", "O'Neil (work)"]
NICKS = ["ana", "rui_", "zoë|away", "[x]"]
WORDS = st.text("abc dé漢🙂,\"';&<-é", min_size=1, max_size=30).map(lambda text: " ".join(f"x{text}".split()))
ANY_TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=60).filter(
    lambda text: bool(text.strip())
)
LONG_TEXT = (  # of lines and spaces, as every app trims it
    st.text(
        st.one_of(
            st.sampled_from("\n\t &<>'\"*🙂é\u05d0\u0645\u200f"),
            st.characters(exclude_categories=("Cs", "Cc")),
        ),
        max_size=60,
    )
    .map(str.strip)
    .filter(bool)
)
LINES = st.lists(st.one_of(WORDS, st.sampled_from(["", "<b>", "&amp;", "שלום", "\u200fمرحبا!", "🙂"])), min_size=1).map(
    lambda lines: "\n".join(lines).strip() or "x"
)
EVERYONE = [*PEOPLE, "דנה", "مريم 🙂 <&>"]
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
    (telegram_html, EVERYONE, LINES),
    (discord_html, EVERYONE, LONG_TEXT),
    (skype, EVERYONE, LONG_TEXT),
    (gemini, ["User"], LONG_TEXT),
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


FORMAT_OF = {"irssi": "irc", "signal_export": "signal", "claude_code": "sessions", "skype": "teams"}


CODE = st.text('ab\n\t <&"é🙂', max_size=30).map(lambda code: f"x{code}x")
PARTS = st.lists(st.one_of(st.tuples(st.just("p"), WORDS), st.tuples(st.just("pre"), CODE)), min_size=1, max_size=5)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["json", "html"])
@given(st.lists(st.tuples(WORDS, PARTS), min_size=1, max_size=5))
@settings(max_examples=30, deadline=None)
def test_answers_of_gemini_keep_their_paragraphs_and_code(
    tmp_path_factory: pytest.TempPathFactory, ending: str, asked: list[tuple[str, list[tuple[str, str]]]]
) -> None:
    activities, cells, expected = list[dict[str, Any]](), list[str](), list[tuple[str, str]]()
    for number, (prompt, parts) in enumerate(asked):
        time = START + timedelta(minutes=number)
        answer = "\n".join(
            f"<p>{escape(part)}</p>" if kind == "p" else f"<pre><code>{escape(part)}\n</code></pre>"
            for kind, part in parts
        )
        activities.insert(0, activity(time, prompt, answer))
        when = f"{spelled_day(time)}, {time:%Y, %I:%M:%S %p} UTC"
        cells.insert(0, f"Prompted {escape(prompt)}<br>{when}<br>{answer}")
        expected += [("Me", prompt), ("Assistant", "\n".join(part for _, part in parts))]
    content = as_json(activities) if ending == "json" else gemini_page(cells)
    path = write_export(tmp_path_factory.mktemp("answers") / f"MyActivity.{ending}", content)
    assert [(one.speaker, one.text) for one in import_export(path, timezone="UTC", me="Me")[0]] == expected
