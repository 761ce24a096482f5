"""A chat is generated, written as the app would export it, and read back."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from exports import import_export, write_export
from hypothesis import given, settings
from hypothesis import strategies as st
from samples_of_exports import as_json, chatgpt_node, chatgpt_tree
from strategies import num_examples


class Said(NamedTuple):
    """A message of a generated chat."""

    speaker: str
    text: str
    time: datetime


Chat = Sequence[Said]
START = datetime(2022, 2, 25, 22, 0, tzinfo=UTC)


def telegram(chat: Chat) -> tuple[str, bytes]:
    messages = [
        {
            "id": number,
            "type": "message",
            "date": one.time.replace(tzinfo=None).isoformat(),
            "date_unixtime": str(int(one.time.timestamp())),
            "from": one.speaker,
            "from_id": f"user{one.speaker}",
            "text": one.text if number % 2 else [one.text[:1], {"type": "bold", "text": one.text[1:]}],
        }
        for number, one in enumerate(chat)
    ]
    return "result.json", as_json({"name": "c", "type": "private_group", "id": 4, "messages": messages})


def chatgpt(chat: Chat) -> tuple[str, bytes]:
    nodes = [
        chatgpt_node(
            f"n{number}",
            f"n{number - 1}" if number else "root",
            one.speaker.lower(),
            one.text,
            time=one.time.timestamp(),
        )
        for number, one in enumerate(chat)
    ]
    tree = {"title": "t", "id": "c", "current_node": nodes[-1]["id"], "mapping": chatgpt_tree(nodes)}
    return "conversations.json", as_json([tree])


def claude(chat: Chat) -> tuple[str, bytes]:
    messages = [
        {
            "uuid": f"m{number}",
            "sender": {"User": "human"}.get(one.speaker, "assistant"),
            "text": one.text,
            "content": [{"type": "text", "text": one.text}],
            "created_at": one.time.isoformat().replace("+00:00", "Z"),
        }
        for number, one in enumerate(chat)
    ]
    return "conversations.json", as_json([{"uuid": "c", "name": "t", "chat_messages": messages}])


def roles(chat: Chat) -> tuple[str, bytes]:
    return "log.json", as_json(
        [{"role": one.speaker.lower(), "content": one.text, "created": int(one.time.timestamp())} for one in chat]
    )


def records_json(chat: Chat) -> tuple[str, bytes]:
    return "c.json", as_json({"messages": [rows(one) for one in chat]})


def records_jsonl(chat: Chat) -> tuple[str, bytes]:
    return "c.jsonl", "".join(json.dumps(rows(one)) + "\n" for one in chat).encode()


def records_csv(chat: Chat) -> tuple[str, bytes]:
    file = io.StringIO()
    writer = csv.DictWriter(file, ["sender", "message", "timestamp"])
    writer.writeheader()
    writer.writerows(rows(one) for one in chat)
    return "c.csv", file.getvalue().encode()


def rows(one: Said) -> dict[str, Any]:
    return {"sender": one.speaker, "message": one.text, "timestamp": one.time.isoformat()}


def lines(chat: Chat) -> tuple[str, bytes]:
    return "c.txt", "\n".join(f"{one.time:%Y-%m-%dT%H:%M:%SZ} {one.speaker}: {one.text}" for one in chat).encode()


def subtitles(chat: Chat) -> tuple[str, bytes]:
    cues = [
        f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.000 --> {seconds // 3600:02d}:59:59.999\n"
        f"<v {one.speaker}>{one.text}\n"
        for one in chat
        for seconds in [int((one.time - START).total_seconds())]
    ]
    return f"{START:%Y-%m-%d %H-%M}.vtt", ("WEBVTT\n\n" + "\n".join(cues)).encode()


PEOPLE = ["Ana", "Zoë Ålund", "李小龍", "O'Neil (work)"]
ASSISTED = ["User", "Assistant"]
ONE_LINE = (
    st.text("abc dé漢🙂,\"';:-é", min_size=1, max_size=30)
    .map(str.strip)
    .filter(lambda text: any(map(str.isalpha, text)))
)
ANY_TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=60).filter(
    lambda text: bool(text.strip())
)
BREAKS = st.text("abc\n é漢🙂\",'", min_size=1, max_size=60).filter(lambda text: bool(text.strip()))
FORMATS: list[tuple[Callable[[Chat], tuple[str, bytes]], list[str], st.SearchStrategy[str]]] = [
    (telegram, PEOPLE, ANY_TEXT),
    (chatgpt, ASSISTED, ANY_TEXT),
    (claude, ASSISTED, ANY_TEXT),
    (roles, ASSISTED, ANY_TEXT),
    (records_json, PEOPLE, ANY_TEXT),
    (records_jsonl, PEOPLE, ANY_TEXT),
    (records_csv, PEOPLE, BREAKS),
    (lines, PEOPLE, ONE_LINE.filter(lambda text: ":" not in text)),
]


@pytest.mark.slow
@pytest.mark.parametrize(("write", "speakers", "texts"), FORMATS, ids=[one[0].__name__ for one in FORMATS])
def test_what_was_written_is_read(
    write: Callable[[Chat], tuple[str, bytes]],
    speakers: list[str],
    texts: st.SearchStrategy[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    @given(st.lists(st.tuples(st.sampled_from(speakers), texts, st.integers(1, 90_000)), min_size=2, max_size=10))
    @settings(max_examples=num_examples(40), deadline=None)
    def check(said: list[tuple[str, str, int]]) -> None:
        time, chat = START, list[Said]()
        for speaker, text, pause in said:
            time += timedelta(seconds=pause)
            chat.append(Said(speaker, text, time))
        name, content = write(chat)
        messages, _ = import_export(write_export(tmp_path_factory.mktemp("trip") / name, content))
        assert [Said(one.speaker, one.text, one.time or START) for one in messages] == chat
        assert len({one.id for one in messages}) == len(messages)

    check()


@given(st.lists(st.tuples(st.sampled_from(PEOPLE), ONE_LINE, st.integers(1, 60)), min_size=1, max_size=10))
@settings(max_examples=num_examples(40), deadline=None)
def test_cues_of_one_speaker_are_one_message(
    tmp_path_factory: pytest.TempPathFactory, said: list[tuple[str, str, int]]
) -> None:
    time, chat = START, list[Said]()
    for speaker, text, pause in said:
        time += timedelta(seconds=pause)
        chat.append(Said(speaker, text, time))
    name, content = subtitles(chat)
    messages, _ = import_export(write_export(tmp_path_factory.mktemp("cues") / name, content))
    joined = list[Said]()
    for one in chat:
        if joined and joined[-1].speaker == one.speaker:
            joined[-1] = joined[-1]._replace(text=f"{joined[-1].text} {' '.join(one.text.split())}")
        else:
            joined.append(one._replace(text=" ".join(one.text.split())))
    assert [(one.speaker, one.text) for one in messages] == [(one.speaker, one.text) for one in joined]
    assert [one.time for one in messages] == [one.time.replace(tzinfo=None) for one in joined]
