"""A small export of each format that is a single file, for tests of what all formats share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

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
}
