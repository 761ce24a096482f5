"""A small export of each format that is a single file, for tests of what all formats share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import samples_of_logs as logs
import samples_of_texts as texts

_WHATSAPP = """\
31/12/2023, 21:05 - Messages and calls are end-to-end encrypted.
31/12/2023, 21:06 - Ana: The kettle is on.
Two lines
31/12/2023, 21:07 - Rui: <Media omitted>
01/01/2024, 00:01 - Ana: IMG-20240101-WA0003.jpg (file attached)
01/01/2024, 00:02 - Rui: This message was deleted
01/01/2024, 00:02 - Rui: Gate four <This message was edited>
"""
_WHATSAPP_IOS = """\
\u200e[12/31/23, 9:05:33\u202fPM] Ana: \u200eMessages and calls are end-to-end encrypted.
[12/31/23, 9:06:34\u202fPM] Ana: The kettle is on.
\u200e[12/31/23, 9:06:35\u202fPM] Rui: \u200eimage omitted
\u200e[12/31/23, 9:06:36\u202fPM] Rui: look \u200e<attached: 00000012-PHOTO-2023-12-31-21-06-36.jpg>
"""
TELEGRAM: Mapping[str, Any] = {
    "name": "Harbour walks",
    "type": "private_group",
    "id": 900100,
    "messages": [
        {
            "id": 1,
            "type": "service",
            "date": "2024-05-13T09:00:00",
            "actor": "Ana",
            "action": "create_group",
            "text": "",
        },
        {
            "id": 2,
            "type": "message",
            "date": "2024-05-13T10:15:00",
            "date_unixtime": "1715591700",
            "from": "Ana",
            "from_id": "user11",
            "text": ["The ferry: ", {"type": "text_link", "text": "timetable", "href": "https://example.org/t"}, "."],
        },
        {
            "id": 3,
            "type": "message",
            "date": "2024-05-13T10:16:00",
            "date_unixtime": "1715591760",
            "edited": "2024-05-13T10:17:00",
            "from": "Ana",
            "from_id": "user12",
            "reply_to_message_id": 2,
            "photo": "photos/photo_1.jpg",
            "text": "the pier",
        },
        {
            "id": 4,
            "type": "message",
            "date": "2024-05-14T00:30:00",
            "date_unixtime": "1715643000",
            "from": None,
            "from_id": "user13",
            "forwarded_from": "Port office",
            "text": "No boats today.",
        },
        {
            "id": 5,
            "type": "message",
            "date": "2024-05-14T00:31:00",
            "date_unixtime": "1715643060",
            "from": "Ana",
            "from_id": "user11",
            "media_type": "sticker",
            "sticker_emoji": "⛵",
            "file": "(File not included. Change data exporting settings to download.)",
            "text": "",
        },
    ],
}


def chatgpt_node(key: str, parent: str | None, role: str, *parts: Any, time: float | None = None, **more: Any) -> Any:
    """A node of a conversation's tree."""
    content = {"content_type": more.pop("kind", "text"), "parts": list(parts)}
    message = {"id": key, "author": {"role": role}, "create_time": time, "content": content, "recipient": "all", **more}
    return {"id": key, "message": message, "parent": parent, "children": []}


def chatgpt_tree(nodes: Iterable[Any]) -> dict[str, Any]:
    """The nodes by their ids, with an empty root."""
    return {"root": {"id": "root", "message": None, "parent": None, "children": []}} | {one["id"]: one for one in nodes}


CHATGPT: list[Any] = [
    {
        "title": "Bread",
        "create_time": 1715700000.5,
        "conversation_id": "c2",
        "current_node": "b2",
        "mapping": chatgpt_tree(
            [
                chatgpt_node("b1", "root", "user", "How long does rye rise?", time=1715700001.0),
                chatgpt_node("b2", "b1", "assistant", "Twelve hours.", time=1715700009.0),
            ]
        ),
    },
    {
        "title": "Boat",
        "create_time": 1715600000.5,
        "conversation_id": "c1",
        "current_node": "a5",
        "mapping": chatgpt_tree(
            [
                chatgpt_node("a0", "root", "system", ""),
                chatgpt_node("a1", "a0", "user", "Draw a boat", time=1715600001.0),
                chatgpt_node("a2", "a1", "assistant", "An answer that was thrown away", time=1715600002.0),
                chatgpt_node(
                    "a3", "a1", "assistant", "draw()", time=1715600003.0, kind="code", recipient="dalle.text2im"
                ),
                chatgpt_node(
                    "a4",
                    "a3",
                    "tool",
                    {"content_type": "image_asset_pointer", "metadata": {"dalle": {"prompt": "a red boat"}}},
                    time=1715600004.0,
                    kind="multimodal_text",
                ),
                chatgpt_node("a5", "a4", "assistant", "Here it is.", time=None),
            ]
        ),
    },
]
CLAUDE: list[Any] = [
    {
        "uuid": "k1",
        "name": "Garden",
        "created_at": "2024-05-13T10:00:00.000000Z",
        "chat_messages": [
            {
                "uuid": "m1",
                "sender": "human",
                "text": "What grows in shade?",
                "content": [{"type": "text", "text": "What grows in shade?"}],
                "created_at": "2024-05-13T10:00:01.000000Z",
                "attachments": [{"file_name": "", "extracted_content": "north wall, clay"}],
                "files": [{"file_name": "plan.png"}],
            },
            {
                "uuid": "m2",
                "sender": "assistant",
                "text": "",
                "content": [
                    {"type": "thinking", "thinking": "hm"},
                    {"type": "tool_use", "name": "search", "input": {}},
                    {"type": "text", "text": "Ferns."},
                ],
                "created_at": "2024-05-13T10:00:09.000000Z",
                "attachments": [],
                "files": [],
            },
        ],
    }
]
ROLES: list[Any] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Where is the key?", "timestamp": 1715600000},
    {"role": "assistant", "content": None, "tool_calls": [{"id": "t"}]},
    {"role": "tool", "content": "drawer"},
    {"role": "assistant", "content": [{"type": "text", "text": "In the drawer."}]},
]
RECORDS: list[Any] = [
    {
        "from": {"name": "Ana", "id": 7},
        "body": "The key is under the mat.",
        "sent": "2024-05-13T10:15:00+01:00",
        "uuid": "x1",
    },
    {"from": {"name": "Rui", "id": 8}, "body": "Found it.", "sent": 1715600000000, "uuid": "x2", "parent_id": "x1"},
]
_CSV = """\
Date;Sender;Message
13.05.2024 10:15;Ana;"The key is under the mat,
or in the pot"
14.05.2024 09:00;Rui;Found it
"""
_LINES = """\
Notes of Monday

Ana: The key is under the mat.
Rui: Thank you.
  And the bread?
Ana: In the tin.
"""
_DATED_LINES = """\
2024-05-13 10:15 Ana: The key is under the mat.
2024-05-13 10:16 Rui: Thank you.
2024-05-14 08:00 Ana: And now?
"""
_VTT = """\
WEBVTT

NOTE made by hand

00:00:01.000 --> 00:00:04.000
<v Ana>Welcome &amp; thanks.

00:00:04.500 --> 00:00:06.000
<v Ana>We begin.

2
00:00:07.000 --> 00:00:09.000
<v.loud Rui Sá>One question.
"""
_SRT = """\
1
00:00:01,000 --> 00:00:04,000
Ana: Welcome,
everybody.

2
00:00:04,500 --> 00:00:06,000
<i>We begin.</i>

3
00:05:07,000 --> 00:05:09,000
RUI: One question.
"""


DISCORD: Mapping[str, Any] = {
    "guild": {"id": "1", "name": "Harbour"},
    "channel": {"id": "2", "type": "GuildTextChat", "category": "Boats", "name": "repairs"},
    "dateRange": {"after": None, "before": None},
    "messages": [
        {
            "id": "10",
            "type": "Default",
            "timestamp": "2024-05-13T10:15:00.123+00:00",
            "timestampEdited": "2024-05-13T10:16:00+00:00",
            "content": "The mast is loose.",
            "author": {"id": "77", "name": "ana_b", "nickname": "Ana"},
            "attachments": [{"id": "a", "fileName": "mast.jpg"}],
            "embeds": [],
        },
        {
            "id": "11",
            "type": "Reply",
            "timestamp": "2024-05-13T10:17:00+00:00",
            "timestampEdited": None,
            "content": "I have a spare bolt: https://example.org/bolt",
            "author": {"id": "78", "name": "ana_b", "nickname": "Ana"},
            "attachments": [],
            "embeds": [{"url": "https://example.org/bolt", "title": "A bolt", "fields": []}],
            "reference": {"messageId": "10"},
        },
        {
            "id": "12",
            "type": "GuildMemberJoin",
            "timestamp": "2024-05-13T10:18:00+00:00",
            "content": "Joined the server.",
            "author": {"id": "79", "name": "rui"},
        },
        {
            "id": "13",
            "type": "Default",
            "timestamp": "2024-05-13T10:19:00+00:00",
            "content": "",
            "author": {"id": "80", "name": "bot", "isBot": True},
            "embeds": [
                {"title": "Tides", "description": "High at noon", "fields": [{"name": "Low", "value": "18:00"}]}
            ],
            "stickers": [{"name": "wave"}],
        },
    ],
    "messageCount": 4,
}
META: Mapping[str, Any] = {
    "participants": [{"name": "Ana"}, {"name": "Zo\u00c3\u00ab"}],
    "messages": [
        {"sender_name": "Ana", "timestamp_ms": 1715595700000, "call_duration": 5, "type": "Call"},
        {"sender_name": "Ana", "timestamp_ms": 1715595600000, "content": "Liked a message"},
        {"sender_name": "Ana", "timestamp_ms": 1715595500000, "is_unsent": True},
        {
            "sender_name": "Ana",
            "timestamp_ms": 1715595400000,
            "content": "Ana sent an attachment.",
            "share": {"link": "https://example.org/p", "share_text": "A caf\u00c3\u00a9"},
        },
        {"sender_name": "Ana", "timestamp_ms": 1715595300000, "photos": [{"uri": "inbox/x/photos/1.jpg"}]},
        {
            "sender_name": "Zo\u00c3\u00ab",
            "timestamp_ms": 1715595200000,
            "content": "Tomorrow \u00f0\u009f\u0098\u0080",
        },
    ],
    "title": "Zo\u00c3\u00ab",
    "thread_path": "inbox/zoe_1",
}
CLAUDE_CODE: list[Any] = [
    {"type": "summary", "summary": "x", "leafUuid": "u4"},
    {
        "type": "user",
        "message": {"role": "user", "content": "Rename the function"},
        "uuid": "u1",
        "timestamp": "2024-05-13T10:00:00.000Z",
        "sessionId": "s",
    },
    {
        "type": "assistant",
        "message": {"role": "assistant", "content": [{"type": "thinking"}, {"type": "text", "text": "Done."}]},
        "uuid": "u2",
        "timestamp": "2024-05-13T10:00:05.000Z",
        "sessionId": "s",
    },
    {
        "type": "user",
        "message": {"role": "user", "content": [{"type": "tool_result", "content": "ok"}]},
        "uuid": "u3",
        "timestamp": "2024-05-13T10:00:06.000Z",
        "sessionId": "s",
    },
    {
        "type": "user",
        "isMeta": True,
        "message": {"role": "user", "content": "Caveat"},
        "uuid": "u4",
        "timestamp": "2024-05-13T10:00:07.000Z",
        "sessionId": "s",
    },
]
CODEX: list[Any] = [
    {"timestamp": "2024-05-13T10:00:00Z", "type": "session_meta", "payload": {"id": "s", "cwd": "/x"}},
    *(
        {"timestamp": f"2024-05-13T10:00:0{second}Z", "type": "response_item", "payload": payload}
        for second, payload in enumerate(
            [
                {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "<environment_context>x</environment_context>"}],
                },
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Add a test"}]},
                {"type": "reasoning", "summary": []},
                {"type": "function_call", "name": "shell", "arguments": "{}"},
                {"type": "function_call_output", "output": "ok"},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Added."}]},
            ]
        )
    ),
]
GEMINI_CLI: Mapping[str, Any] = {
    "sessionId": "s",
    "projectHash": "h",
    "messages": [
        {"id": "g1", "timestamp": "2024-05-13T10:00:00.000Z", "type": "user", "content": "List the files"},
        {
            "id": "g2",
            "timestamp": "2024-05-13T10:00:03.000Z",
            "type": "gemini",
            "content": "Two files.",
            "toolCalls": [{"name": "ls"}],
            "thoughts": [],
        },
        {"id": "g3", "timestamp": "2024-05-13T10:00:04.000Z", "type": "info", "content": "Update available"},
    ],
}
SIGNAL_FRAMES: list[Any] = [
    {"version": 1},
    {"account": {"givenName": "Ines"}},
    {"recipient": {"id": "1", "self": {}}},
    {"recipient": {"id": "2", "contact": {"profileGivenName": "Rui", "profileFamilyName": "S\u00e1"}}},
    {"recipient": {"id": "3", "contact": {"profileGivenName": "Rui", "profileFamilyName": "S\u00e1"}}},
    {"recipient": {"id": "4", "group": {"snapshot": {"title": {"title": "Regatta"}}}}},
    {"chat": {"id": "9", "recipientId": "4"}},
    *(
        {"chatItem": {"chatId": "9", **item}}
        for item in [
            {"authorId": "2", "dateSent": "1715595200000", "standardMessage": {"text": {"body": "Start at two."}}},
            {
                "authorId": "1",
                "dateSent": "1715595300000",
                "outgoing": {},
                "standardMessage": {
                    "text": {"body": "Fine"},
                    "quote": {"targetSentTimestamp": "1715595200000", "authorId": "2"},
                    "attachments": [{"pointer": {"fileName": "map.png"}}],
                },
                "revisions": [{"chatId": "9"}],
            },
            {"authorId": "3", "dateSent": "1715595400000", "remoteDeletedMessage": {}},
            {"authorId": "3", "dateSent": "1715595500000", "stickerMessage": {"sticker": {"emoji": "\u26f5"}}},
            {"authorId": "2", "dateSent": "1715595600000", "updateMessage": {"simpleUpdate": {}}},
        ]
    ),
]
_SIGNAL_EXPORT = [
    {"date": "2024-05-13 10:15:00", "sender": "Rui", "body": "Start at two.\n\n", "quote": "", "attachments": []},
    {"date": "2024-05-13 10:15:00", "sender": "Rui", "body": "Or three", "quote": "", "attachments": []},
    {"date": "2024-05-13 10:16:00", "sender": "Me", "body": "", "quote": "", "attachments": [{"name": "map.png"}]},
]
_SIGNAL_CLI = [
    {
        "envelope": {
            "source": "+351911",
            "sourceUuid": "u",
            "sourceName": "Rui",
            "timestamp": 1715595200000,
            "dataMessage": {"timestamp": 1715595200000, "message": "Start at two."},
        },
        "account": "+351912",
    },
    {
        "envelope": {
            "source": "+351912",
            "sourceUuid": "v",
            "timestamp": 1715595300000,
            "syncMessage": {"sentMessage": {"destination": "+351911", "timestamp": 1715595300000, "message": "Fine"}},
        },
        "account": "+351912",
    },
    {"envelope": {"source": "+351911", "timestamp": 1, "receiptMessage": {}}, "account": "+351912"},
]
MBOX = b"""\
From 123@xxx Mon May 13 10:15:00 2024
From: =?utf-8?b?Wm/DqyDDhWx1bmQ=?= <Zoe@Example.org>
To: rui@example.org
Subject: Re: Boat shed
Date: Tue, 14 May 2024 09:00:00 +0200
Message-ID: <2@example.org>
In-Reply-To: <1@example.org>
Content-Type: text/plain; charset="iso-8859-1"
Content-Transfer-Encoding: quoted-printable

The key is at the caf=E9.

On Mon, 13 May 2024 at 10:15, Rui <rui@example.org>
wrote:
> Where is the key?
> Rui

>From there it is a short walk.
--=20
Zoe
Harbour office

From 124@xxx Mon May 13 10:15:00 2024
From: Rui <rui@example.org>
Subject: Boat shed
Date: Mon, 13 May 2024 10:15:00 +0100
Message-ID: <1@example.org>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: text/html; charset=utf-8

<html><head><style>p {}</style></head><body><p>Where is<br>the key?</p><div>R&amp;B</div></body></html>
--b
Content-Type: application/pdf
Content-Disposition: attachment; filename="plan.pdf"
Content-Transfer-Encoding: base64

JVBERg==
--b--

From 125@xxx Mon May 13 10:15:00 2024
From: Shop <shop@example.org>
Subject: Win
Date: Mon, 13 May 2024 10:15:00 +0100
Message-ID: <3@example.org>
X-Gmail-Labels: Spam

Buy
"""


_TELEGRAM_HTML = """\
<!DOCTYPE html>
<html><head><title>Exported Data</title></head><body><div class="page_wrap">
<div class="page_header"><div class="content"><div class="text bold">
Harbour walks
</div></div></div>
<div class="page_body chat_page"><div class="history">
<div class="message service" id="message-1"><div class="body details">13 May 2024</div></div>
<div class="message default clearfix" id="message2">
 <div class="pull_left userpic_wrap"><div class="userpic userpic1"><div class="initials">A</div></div></div>
 <div class="body">
  <div class="pull_right date details" title="13.05.2024 10:15:00 UTC+01:00">10:15</div>
  <div class="from_name">
Ana
  </div>
  <div class="text">
The <strong>ferry</strong> &amp; the pier<br>second line
  </div>
 </div>
</div>
<div class="message default clearfix joined" id="message3">
 <div class="body">
  <div class="pull_right date details" title="13.05.2024 10:16:00 UTC+01:00">10:16</div>
  <div class="reply_to details">In reply to <a href="#go_to_message2" onclick="return">this message</a></div>
  <div class="media_wrap clearfix"><a class="photo_wrap clearfix pull_left" href="photos/photo_1.jpg">
   <img class="photo"></a></div>
 </div>
</div>
<div class="message default clearfix" id="message4">
 <div class="body">
  <div class="pull_right date details" title="14.05.2024 00:30:00 UTC+01:00">00:30</div>
  <div class="from_name">Rui </div>
  <div class="forwarded body"><div class="from_name">Port office<span class="date" title="x"> 1.5.24</span></div>
   <div class="text">No boats today.</div></div>
 </div>
</div>
</div></div></div></body></html>
"""
_DISCORD_HTML = """\
<!DOCTYPE html><html><head><title>Harbour</title><style>.chatlog__message {}</style></head><body>
<!-- DiscordChatExporter -->
<div class="preamble"><div class="preamble__entries-container"><div class="preamble__entry">Harbour</div>
<div class="preamble__entry">Boats / repairs</div></div></div>
<div class=chatlog>
<div class=chatlog__message-group>
<div id=chatlog__message-container-1239512345678901248
 class="chatlog__message-container" data-message-id=1239512345678901248>
<div class=chatlog__message><div class=chatlog__message-primary>
<div class=chatlog__header><span class=chatlog__author title=ana_b data-user-id=77>Ana</span>
<span class=chatlog__timestamp title="Monday, 13 May 2024 10:15"><a href="#x">13/05/2024 10:15</a></span></div>
<div class="chatlog__content chatlog__markdown">
<span class=chatlog__markdown-preserve>The mast is <strong>loose</strong>.</span>
<span class=chatlog__edited-timestamp title="x">(edited)</span></div>
<div class=chatlog__attachment><a href="https://cdn/x/mast.jpg?ex=1">
<img class=chatlog__attachment-media src="https://cdn/x/mast.jpg?ex=1"></a></div>
</div></div></div>
<div class="chatlog__message-container" data-message-id=1239512345678901999>
<div class=chatlog__message><div class=chatlog__message-primary>
<div class=chatlog__content><span class=chatlog__markdown-preserve>Who has bolts?</span></div></div></div></div></div>
<div class=chatlog__message-group>
<div class="chatlog__message-container" data-message-id=1239512999999901248>
<div class=chatlog__message><div class=chatlog__message-primary>
<div class=chatlog__reply><div class=chatlog__reply-author>Ana</div><div class=chatlog__reply-content>
<span class=chatlog__reply-link onclick="scrollToMessage(event, '1239512345678901248')">The mast</span></div></div>
<div class=chatlog__header><span class=chatlog__author data-user-id=78>Ana</span></div>
<div class=chatlog__content><span class=chatlog__markdown-preserve>I do.</span></div></div></div></div></div>
</div></body></html>
"""
GOOGLE_CHAT: Mapping[str, Any] = {
    "messages": [
        {
            "creator": {"name": "Ana", "email": "ana@example.org", "user_type": "Human"},
            "created_date": "Monday, May 13, 2024 at 10:15:00\u202fPM UTC",
            "text": "The key is under the mat.",
            "topic_id": "t",
            "message_id": "g/t/1",
        },
        {
            "creator": {"name": "Ana", "email": "other@example.org", "user_type": "Human"},
            "created_date": "Tuesday, May 14, 2024 at 12:05:00 AM UTC",
            "attached_files": [{"original_name": "plan.pdf", "export_name": "File-plan.pdf"}],
            "message_id": "g/t/2",
            "quoted_message_metadata": {"message_id": {"message_id": "g/t/1"}},
        },
        {
            "creator": {"name": "Ana", "email": "ana@example.org"},
            "created_date": "Tuesday, May 14, 2024 at 12:06:00 AM UTC",
            "message_state": "DELETED",
            "message_id": "g/t/3",
        },
    ]
}
SKYPE: Mapping[str, Any] = {
    "userId": "8:ana",
    "exportDate": "2024-06-01T00:00",
    "conversations": [
        {
            "id": "19:x@thread",
            "displayName": "Boats",
            "MessageList": [
                {
                    "id": "3",
                    "displayName": "Rui",
                    "originalarrivaltime": "2024-05-13T10:17:00.000Z",
                    "messagetype": "Event/Call",
                    "content": "<partlist/>",
                    "from": "8:rui",
                },
                {
                    "id": "2",
                    "displayName": "Rui",
                    "originalarrivaltime": "2024-05-13T10:16:00.000Z",
                    "messagetype": "RichText",
                    "content": '<quote author="ana">The mast</quote><b>I</b> do &amp; you',
                    "from": "8:rui",
                    "properties": {"edittime": "1"},
                },
                {
                    "id": "1",
                    "displayName": "Ana",
                    "originalarrivaltime": "2024-05-13T10:15:00.000Z",
                    "messagetype": "RichText/UriObject",
                    "content": '<URIObject><OriginalName v="mast.jpg"></OriginalName></URIObject>',
                    "from": "8:ana",
                },
            ],
        }
    ],
}
TEAMS: Mapping[str, Any] = {
    "value": [
        {
            "id": "2",
            "messageType": "message",
            "createdDateTime": "2024-05-13T10:16:00Z",
            "lastEditedDateTime": "2024-05-13T10:17:00Z",
            "chatId": "c",
            "from": {"user": {"id": "u2", "displayName": "Rui"}},
            "body": {"contentType": "html", "content": "<div>Yes<br>I do</div>"},
            "replyToId": "1",
        },
        {
            "id": "1",
            "messageType": "message",
            "createdDateTime": "2024-05-13T10:15:00Z",
            "chatId": "c",
            "from": {"user": {"id": "u1", "displayName": "Ana"}},
            "body": {"contentType": "text", "content": "Who has bolts?"},
            "attachments": [{"name": "mast.jpg"}],
        },
        {
            "id": "0",
            "messageType": "systemEventMessage",
            "createdDateTime": "2024-05-13T10:14:00Z",
            "from": None,
            "body": {},
        },
    ]
}
GEMINI: list[Any] = [
    {
        "header": "Gemini Apps",
        "title": "Prompted How long does rye rise?",
        "time": "2024-05-14T10:15:00.000Z",
        "products": ["Gemini Apps"],
        "safeHtmlItem": [{"html": "<p>Twelve <b>hours</b>.</p><ul><li>or more</li></ul>"}],
    },
    {"header": "Gemini Apps", "title": "Used an Assistant feature", "time": "2024-05-13T11:00:00.000Z"},
    {
        "header": "Gemini Apps",
        "title": "Prompted Draw a boat",
        "time": "2024-05-13T10:15:00.000Z",
        "attachedFiles": ["a.png"],
    },
]


def as_json(document: object) -> bytes:
    """`document` as a file."""
    return json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")


def as_jsonl(documents: Iterable[object]) -> bytes:
    """A line for each."""
    return b"".join(json.dumps(one, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n" for one in documents)


# name -> format, name of the file, content
SAMPLES: dict[str, tuple[str, str, bytes]] = {
    "whatsapp": ("whatsapp", "WhatsApp Chat with Ana.txt", _WHATSAPP.encode()),
    "whatsapp-ios": ("whatsapp", "_chat.txt", _WHATSAPP_IOS.encode()),
    "telegram": ("telegram", "result.json", as_json(TELEGRAM)),
    "chatgpt": ("chatgpt", "conversations.json", as_json(CHATGPT)),
    "claude": ("claude", "conversations.json", as_json(CLAUDE)),
    "roles": ("roles", "log.json", as_json(ROLES)),
    "roles-jsonl": ("roles", "log.jsonl", as_jsonl(ROLES)),
    "records": ("records", "chat.json", as_json(RECORDS)),
    "records-jsonl": ("records", "chat.jsonl", as_jsonl(RECORDS)),
    "records-csv": ("records", "chat.csv", _CSV.encode()),
    "lines": ("lines", "notes.txt", _LINES.encode()),
    "lines-dated": ("lines", "notes.txt", _DATED_LINES.encode()),
    "subtitles-vtt": ("subtitles", "2024-05-13 10-00 meeting.vtt", _VTT.encode()),
    "subtitles-srt": ("subtitles", "meeting.srt", _SRT.encode()),
    "discord": ("discord", "Harbour - repairs.json", as_json(DISCORD)),
    "meta": ("meta", "message_1.json", as_json(META)),
    "mail": ("mail", "All mail.mbox", MBOX),
    "mail-crlf": ("mail", "one.eml", MBOX.partition(b"\n")[2].partition(b"\nFrom 124")[0].replace(b"\n", b"\r\n")),
    "signal": ("signal", "main.jsonl", as_jsonl(SIGNAL_FRAMES)),
    "signal-export": ("signal", "data.json", as_jsonl(_SIGNAL_EXPORT)),
    "signal-cli": ("signal", "received.jsonl", as_jsonl(_SIGNAL_CLI)),
    "claude-code": ("sessions", "s.jsonl", as_jsonl(CLAUDE_CODE)),
    "codex": ("sessions", "rollout-1.jsonl", as_jsonl(CODEX)),
    "gemini-cli": ("sessions", "session-1.json", as_json(GEMINI_CLI)),
    "telegram-html": ("telegram-html", "messages.html", _TELEGRAM_HTML.encode()),
    "discord-html": ("discord-html", "Harbour.html", _DISCORD_HTML.encode()),
    "google-chat": ("google-chat", "messages.json", as_json(GOOGLE_CHAT)),
    "skype": ("teams", "messages.json", as_json(SKYPE)),
    "teams": ("teams", "chat.json", as_json(TEAMS)),
    "gemini": ("gemini", "MyActivity.json", as_json(GEMINI)),
    "gemini-html": ("gemini-html", "MyActivity.html", logs.GEMINI_HTML.encode()),
    "irc-weechat": ("irc", "irc.libera.#boats.weechatlog", logs.WEECHAT.encode()),
    "irc-irssi": ("irc", "#boats.log", logs.IRSSI.encode()),
    "irc-znc": ("irc", "2024-05-13.log", logs.ZNC.encode()),
    "imessage-text": ("imessage-text", "+351912345678.txt", logs.IMESSAGE_TEXT.encode()),
    "lines-clocks": ("lines", "2024-05-13 mat.txt", logs.CLOCKS.encode()),
    "lines-markdown": ("lines", "mat.md", logs.MARKDOWN.encode()),
    "kakaotalk-windows": ("kakaotalk", "KakaoTalk_20240514_2231_05_123_group.txt", texts.KAKAO_WINDOWS.encode()),
    "kakaotalk-windows-en": ("kakaotalk", "KakaoTalk_20240514.txt", texts.KAKAO_WINDOWS_EN.encode()),
    "kakaotalk-android": ("kakaotalk", "KakaoTalkChats.txt", texts.KAKAO_ANDROID.encode()),
    "kakaotalk-android-en": ("kakaotalk", "KakaoTalkChats.txt", texts.KAKAO_ANDROID_EN.encode()),
    "kakaotalk-ios": ("kakaotalk", "Talk_2024.5.14 22:31-1.txt", texts.KAKAO_IOS.encode()),
    "line-ja": ("line", "[LINE] 釣り仲間.txt", texts.LINE_JA.encode()),
    "line-en": ("line", "[LINE] Chat with Ana Silva.txt", texts.LINE_EN.encode()),
    "line-zh": ("line", "[LINE] Ana.txt", texts.LINE_ZH.encode()),
    "line-desktop": ("line", "[LINE]Boats.txt", texts.LINE_DESKTOP.encode()),
    "sharegpt": ("datasets", "sharegpt.json", as_json(texts.SHAREGPT)),
    "sharegpt-jsonl": ("datasets", "train.jsonl", as_jsonl(texts.SHAREGPT)),
    "alpaca": ("datasets", "alpaca.json", as_json(texts.ALPACA)),
    "preferences": ("datasets", "dpo.jsonl", as_jsonl(texts.PREFERENCES)),
    "discord-package": ("discord-package", "messages.json", as_json(texts.DISCORD_OWN)),
    "discord-package-csv": ("discord-package", "messages.csv", texts.DISCORD_OWN_CSV.encode()),
    "codex-lines": ("sessions", "rollout-2025-06-02T17-17-41-s1.jsonl", as_jsonl(texts.CODEX_LINES)),
    "codex-items": ("sessions", "rollout-2025-04-20-s0.json", as_json(texts.CODEX_ITEMS)),
    "records-unnamed": ("records", "chat.csv", texts.UNNAMED.encode()),
}
