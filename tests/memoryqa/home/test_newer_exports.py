"""An export and then a newer one leave the same chat as the newer one alone; a killed import is completed."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from checkout import ROOT
from exports import write_export
from hypothesis import given, settings
from hypothesis import strategies as st
from samples_of_exports import SAMPLES, as_json, chatgpt_node, chatgpt_tree

from memoryqa.cli import main
from memoryqa.home.importing import import_export
from memoryqa.memories import Memories

START = datetime(2024, 2, 25, 22, 0)
PEOPLE = ("Ana", "Zoë Ålund", "+351 912 345 678")


class Said(NamedTuple):
    """A message of a generated chat; text None: deleted. chat: which conversation of the export."""

    speaker: str
    text: str | None
    time: datetime
    number: int
    chat: int = 0


Chat = Sequence[Said]


def whatsapp(chat: Chat) -> tuple[str, bytes]:
    lines = [f"{one.time:%d/%m/%Y, %H:%M} - {one.speaker}: {one.text or 'This message was deleted'}\n" for one in chat]
    return "WhatsApp Chat with Ana.txt", "".join(lines).encode()


def telegram(chat: Chat) -> tuple[str, bytes]:
    chats = [
        {
            "name": f"Chat {number}",
            "type": "private_group",
            "id": number,
            "messages": [
                {"id": one.number, "type": "message", "date": one.time.isoformat(), "from": one.speaker,
                 "from_id": f"user{PEOPLE.index(one.speaker)}", "text": one.text}
                for one in chat
                if one.chat == number and one.text is not None
            ],
        }
        for number in sorted({one.chat for one in chat})
    ]  # fmt: skip
    return "result.json", as_json({"about": "Telegram", "chats": {"about": "", "list": chats}})


def chatgpt(chat: Chat) -> tuple[str, bytes]:
    listed = []
    for number in sorted({one.chat for one in chat}, reverse=True):
        nodes = [
            chatgpt_node(
                f"n{one.number}", "", ("user", "assistant")[one.number % 2], one.text, time=one.time.timestamp()
            )
            for one in chat
            if one.chat == number and one.text is not None
        ]
        for before, node in zip([None, *nodes], nodes, strict=False):
            node["parent"] = before["id"] if before else "root"
        if nodes:
            tree = {"mapping": chatgpt_tree(nodes), "current_node": nodes[-1]["id"]}
            listed.append({"title": "New chat", "conversation_id": f"c{number}", **tree})
    return "conversations.json", as_json(listed)


def table(chat: Chat) -> tuple[str, bytes]:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["id", "sender", "message", "timestamp"])
    writer.writerows((one.number, one.speaker, one.text, one.time.isoformat()) for one in chat if one.text is not None)
    return "c.csv", file.getvalue().encode()


WORDS = st.text("abc é漢", min_size=1, max_size=12).map(str.strip).filter(lambda text: any(map(str.isalpha, text)))
MESSAGES = st.lists(
    st.tuples(st.sampled_from(PEOPLE), WORDS, st.integers(0, 40_000), st.integers(0, 2)), min_size=3, max_size=12
)
WRITERS: list[tuple[Callable[[Chat], tuple[str, bytes]], bool]] = [
    (whatsapp, True), (telegram, False), (chatgpt, False), (table, False),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("write", "marks_deleted"), WRITERS, ids=[one.__name__ for one, _ in WRITERS])
def test_an_export_and_a_newer_one_are_the_newer_one_alone(
    write: Callable[[Chat], tuple[str, bytes]], marks_deleted: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    @given(MESSAGES, st.integers(2, 12), st.lists(st.tuples(st.integers(0, 11), st.booleans()), max_size=4))
    @settings(max_examples=12, deadline=None)
    def check(said: list[tuple[str, str, int, int]], length: int, changes: list[tuple[int, bool]]) -> None:
        at, newer = START, list[Said]()
        for number, (speaker, text, pause, chat) in enumerate(said):
            at += timedelta(seconds=pause)
            newer.append(Said(speaker, text, at, number, chat))
        older = newer[:length]
        if write is chatgpt:  # conversations come one after another, so that only the last of the older may grow
            newer.sort(key=lambda one: (one.chat, one.number))
            older = newer[:length]
        for place, is_deleted in changes:
            if place < len(newer) - 1:
                text = None if is_deleted and marks_deleted else f"{newer[place].text} edited"
                newer[place] = newer[place]._replace(text=text)
        folder = tmp_path_factory.mktemp("newer")
        held = []
        for name, exports in (("both", (older, newer)), ("one", (newer,))):
            with Memories.open(folder / name) as memories:
                for export in exports:
                    file_name, content = write(export)
                    import_export(memories, write_export(folder / file_name, content))
                held.append({chat: sorted(map(repr, memory.turns())) for chat, memory in memories.items()})
        if write is telegram:  # one conversation alone has a chat of its own name, and keeps it
            held = [{"": sorted(text for chat in one.values() for text in map(_without_place, chat))} for one in held]
        if write is chatgpt:
            held = [{chat: sorted(map(_without_place, turns)) for chat, turns in one.items()} for one in held]
        assert held[0] == held[1]

    check()


def _without_place(turn: str) -> str:
    """A turn without its session, which depends on which conversation came first, and its tags."""
    return turn[turn.index("number=") : turn.index(", tags=")]


@given(st.binary(max_size=300))
@settings(max_examples=25, deadline=None)
def test_no_bytes_give_a_traceback_or_change_the_store(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    main(["import", "--store", str(folder / "store"), str(write_export(folder / "a.txt", SAMPLES["whatsapp"][2]))])
    before = {path.name: path.read_bytes() for path in (folder / "store").iterdir()}
    for name in ("x", "x.json", "x.csv", "x.txt", "x.zip", "x.mbox"):
        status = main(["import", "--store", str(folder / "store"), str(write_export(folder / name, content))])
        assert status in (0, 2)
        if status:
            assert {path.name: path.read_bytes() for path in (folder / "store").iterdir()} == before
        else:
            break  # it is a message, if a short one


@pytest.mark.slow
def test_an_import_that_is_killed_at_any_moment_is_completed(tmp_path: Path) -> None:
    lines = [
        f"{START + timedelta(minutes=n):%d/%m/%Y, %H:%M} - {PEOPLE[n % 2]}: I counted {n} otters" for n in range(6000)
    ]
    path = write_export(tmp_path / "WhatsApp Chat with Ana.txt", "\n".join(lines))
    command = [sys.executable, "-m", "memoryqa", "import", "--store", str(tmp_path / "store"), str(path)]
    for wait_sec in (0.6, 1.2, 1.8):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        time.sleep(wait_sec)
        process.kill()
        process.wait()
    ran: Any = subprocess.run([*command, "--json"], cwd=ROOT, capture_output=True, text=True, check=True)
    (chat,) = json.loads(ran.stdout)["into"]
    assert chat["added"] + chat["unchanged"] == chat["messages"] == 6000
    with Memories.open(tmp_path / "store") as memories:
        assert [turn.text for turn in memories["Ana"].turns()] == [f"I counted {n} otters" for n in range(6000)]
