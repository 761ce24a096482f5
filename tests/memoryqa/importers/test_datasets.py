"""Data sets of conversations, Discord's package, and old logs of Codex."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from exports import import_export, messages_or_refusal, write_export, zipped
from hypothesis import given, settings
from hypothesis import strategies as st
from samples_of_exports import as_json, as_jsonl
from samples_of_texts import DISCORD_OWN, DISCORD_OWN_CSV, PREFERENCES, SHAREGPT

from memoryqa.importers import Message

START = datetime(2024, 2, 28, 22, 0, tzinfo=UTC)


def said(messages: Sequence[Message]) -> list[tuple[str, str]]:
    return [(one.speaker, one.text) for one in messages]


# -- data sets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file_name", ["set.json", "set.jsonl"])
def test_what_is_said_in_a_data_set(file_name: str, tmp_path: Path) -> None:
    content = as_json(SHAREGPT) if file_name.endswith(".json") else as_jsonl(SHAREGPT)
    messages, found = import_export(write_export(tmp_path / file_name, content), me="Ana")
    assert said(messages) == [
        ("Ana", "How long does rye rise?"),
        ("Assistant", "Twelve hours."),
        ("Ana", "What is a quay?"),
    ]
    assert [one.chat_id for one in messages] == ["abc_0", "abc_0", "abc_1"]
    assert [one.time for one in messages] == [None, None, datetime(2024, 5, 13)]
    assert found.report.skipped == {
        "system prompt": 1,
        "call or result of a tool": 1,
        "empty message": 1,
        "record without a conversation": 1,
    }


def test_what_was_rejected_is_left_out(tmp_path: Path) -> None:
    messages, _ = import_export(write_export(tmp_path / "dpo.jsonl", as_jsonl(PREFERENCES)))
    assert said(messages) == [
        ("User", "Rye?"),
        ("Assistant", "Bread."),
        ("User", "Quay?"),
        ("Assistant", "A wall."),
        ("User", "Mast?"),
        ("Assistant", "A pole."),
    ]


@pytest.mark.parametrize(
    "document",
    [
        {"conversations": [{"from": "user", "value": "hi"}, {"from": "chatgpt", "value": "ho"}]},
        {
            "conversations": [
                {"id": "a", "messages": [{"role": "user", "content": "hi"}, {"role": "bot", "text": "ho"}]}
            ]
        },
        [
            {
                "messages": [
                    {"role": "user", "content": "hi"},
                    {"role": "model", "content": [{"type": "text", "text": "ho"}]},
                ]
            }
        ],
        [{"conversation": [{"human": "hi", "assistant": "ho"}]}],
        {"data": [{"question": "hi", "answer": "ho"}]},
        [{"query": "hi", "response": "ho"}],
    ],
)
def test_other_shapes(document: Any, tmp_path: Path) -> None:
    messages, found = import_export(write_export(tmp_path / "a.json", as_json(document)))
    assert said(messages) == [("User", "hi"), ("Assistant", "ho")]
    assert found.format == "datasets"


@pytest.mark.parametrize(
    "document",
    [
        [{"prompt": "x", "seed": 3}],
        [
            {"conversation": "c1", "speaker": "Ana", "text": "hi"},
            {"conversation": "c1", "speaker": "Rui", "text": "ho"},
        ],
        {"conversations": ["a", "b"]},
    ],
)
def test_what_is_no_data_set_is_not_taken_for_one(document: Any, tmp_path: Path) -> None:
    messages = messages_or_refusal(write_export(tmp_path / "a.json", as_json(document)))
    assert all(one.id.startswith("record:") for one in messages if isinstance(one, Message))
    assert isinstance(messages, list) or "no export that is known" in messages


# -- Discord's package -------------------------------------------------------------------------------------------------


def test_a_package_has_its_channels_by_name(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "Account/user.json": json.dumps({"username": "ana_s", "global_name": "Ana"}),
        "Messages/index.json": json.dumps({"464051": "harbour in Boats", "464052": "Direct Message with rui#0"}),
        "Messages/c464051/channel.json": json.dumps({"id": "464051", "type": 0, "name": "harbour"}),
        "Messages/c464051/messages.json": as_json(DISCORD_OWN),
        "Messages/c464052/messages.json": as_json([{**DISCORD_OWN[1], "ID": 7, "Contents": "to Rui"}]),
        "Messages/c464053/channel.json": json.dumps({"id": "464053", "name": "kitchen", "guild": {"name": "Home"}}),
        "Messages/c464053/messages.csv": DISCORD_OWN_CSV,
        "Messages/c464054/messages.json": "[]",
        "Servers/index.json": json.dumps({"1": "Boats"}),
        "Activity/events.json": json.dumps({"ID": 1}),
    }
    messages, found = import_export(zipped(tmp_path / "package.zip", files), timezone="Europe/Lisbon")
    assert found.format == "discord-package"
    assert [(one.speaker, one.text, one.chat, one.chat_id) for one in messages] == [
        ("Ana", "loose :mast: again", "harbour in Boats", "464051"),
        ("Ana", "", "harbour in Boats", "464051"),
        ("Ana", "to Rui", "rui#0", "464052"),
        ("Ana", "first", "kitchen in Home", "464053"),
        ("Ana", "loose, again\ntwo lines", "kitchen in Home", "464053"),
    ]
    assert [one.time.isoformat() for one in messages[:1] if one.time] == ["2024-05-13T23:15:30+01:00"]
    assert messages[1].attachments == ("mast.png",)
    assert "your own messages alone" in found.report.notes[0]


# -- round trips -------------------------------------------------------------------------------------------------------


class Said(NamedTuple):
    speaker: str
    text: str
    time: datetime | None


Chat = Sequence[Said]
LONG_AGO = datetime(2025, 6, 2, 17, 17, tzinfo=UTC)


def sharegpt(chat: Chat, folder: Path) -> Path:
    turns = [{"from": "human" if one.speaker == "User" else "gpt", "value": one.text} for one in chat]
    return write_export(folder / "a.json", as_json([{"id": "a", "conversations": turns}]))


def sharegpt_lines(chat: Chat, folder: Path) -> Path:
    turns = [{"role": one.speaker.lower(), "content": one.text} for one in chat]
    return write_export(folder / "a.jsonl", as_jsonl([{"conversations": [one]} for one in turns]))


def package(chat: Chat, folder: Path) -> Path:
    listed = [
        {"ID": number, "Timestamp": f"{one.time:%Y-%m-%d %H:%M:%S}", "Contents": one.text, "Attachments": ""}
        for number, one in enumerate(chat)
    ]
    return write_export(folder / "c12345" / "messages.json", as_json(listed[::-1]))


def package_table(chat: Chat, folder: Path) -> Path:
    file = io.StringIO()
    table = csv.writer(file)
    table.writerow(["ID", "Timestamp", "Contents", "Attachments"])
    table.writerows([number, str(one.time), one.text, ""] for number, one in reversed(list(enumerate(chat))))
    return write_export(folder / "c12345" / "messages.csv", file.getvalue())


def codex_lines(chat: Chat, folder: Path) -> Path:
    lines: list[Any] = [{"id": "s", "timestamp": LONG_AGO.isoformat(), "instructions": "Be brief. " * 3000, "git": {}}]
    lines.append({"record_type": "state"})
    for one in chat:
        part = "input_text" if one.speaker == "User" else "output_text"
        message = {"type": "message", "role": one.speaker.lower(), "content": [{"type": part, "text": one.text}]}
        lines += [message, {"type": "local_shell_call", "action": {}}]
    return write_export(folder / "rollout-s.jsonl", as_jsonl(lines))


def codex_items(chat: Chat, folder: Path) -> Path:
    items = [
        {"type": "message", "role": one.speaker.lower(), "content": [{"type": "text", "text": one.text}]}
        for one in chat
    ]
    return write_export(
        folder / "rollout-s.json", as_json({"session": {"timestamp": LONG_AGO.isoformat()}, "items": items})
    )


BOTH, MINE = ("User", "Assistant"), ("Me",)
WRITERS: dict[str, tuple[Callable[[Chat, Path], Path], tuple[str, ...], datetime | None, bool]] = {
    "sharegpt": (sharegpt, BOTH, None, False),
    "sharegpt lines": (sharegpt_lines, BOTH, None, False),
    "discord package": (package, MINE, None, True),
    "discord package table": (package_table, MINE, None, True),
    "codex lines": (codex_lines, BOTH, LONG_AGO, False),
    "codex items": (codex_items, BOTH, LONG_AGO, False),
}
TEXTS = st.text('abc dé漢🙂,:"\n', min_size=1, max_size=60).map(str.strip).filter(bool)


@pytest.mark.parametrize("name", sorted(WRITERS))
@given(st.lists(st.tuples(st.integers(0, 1), TEXTS, st.integers(1, 9000)), min_size=1, max_size=7))
@settings(max_examples=30, deadline=None)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, name: str, generated: list[tuple[int, str, int]]) -> None:
    write, people, time, has_times = WRITERS[name]
    at, chat = START, list[Said]()
    for who, text, seconds in generated:
        at += timedelta(seconds=seconds)
        chat.append(Said(people[who % len(people)], text, at if has_times else time))
    messages, _ = import_export(write(chat, tmp_path_factory.mktemp("set")))
    assert [(one.speaker, one.text, one.time) for one in messages] == [tuple(one) for one in chat]
    assert len({one.id for one in messages}) == len(messages)
