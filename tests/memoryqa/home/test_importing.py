"""Exports go into the chats of a folder once, and a newer one only with what it changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from exports import write_export
from samples_of_exports import SAMPLES, TELEGRAM, as_json, chatgpt_node, chatgpt_tree

from memoryqa.errors import UsageError
from memoryqa.home.importing import ChatImport, import_export
from memoryqa.memories import Memories

MORNING = """\
13/05/2024, 10:15 - Ana: The ferry leaves at nine.
13/05/2024, 10:15 - Ana: From the old pier.
13/05/2024, 10:16 - Rui: I have the tickets.
"""
EVENING = "13/05/2024, 21:02 - Ana: The cat is at my aunt's.\n"
Folder = tuple[Memories, Path]


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Memories.open(tmp_path / "store") as memories:
        yield memories, tmp_path


def imported(store: Folder, name: str, content: str | bytes, **said: Any) -> list[ChatImport]:
    memories, folder = store
    return import_export(memories, write_export(folder / name, content), **said).chats


def only(chats: list[ChatImport]) -> dict[str, Any]:
    """What was done with the one chat, without what was not."""
    (chat,) = chats
    return {name: value for name, value in vars(chat).items() if value}


def said(store: Folder, chat: str) -> list[str]:
    return [f"{turn.id} {turn.speaker}: {turn.text}" for turn in store[0][chat].turns()]


def conversation(number: int, title: str, *texts: str, start: float = 1_715_600_000) -> dict[str, Any]:
    nodes = [
        chatgpt_node(
            f"n{place}", f"n{place - 1}" if place else "root", ("user", "assistant")[place % 2], one, time=start + place
        )
        for place, one in enumerate(texts)
    ]
    tree = {"mapping": chatgpt_tree(nodes), "current_node": nodes[-1]["id"]}
    return {"title": title, "conversation_id": f"c{number}", "create_time": start, **tree}


# -- once --------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_an_export_is_in_a_chat_once_however_often_it_is_imported(name: str, store: Folder) -> None:
    _, file_name, content = SAMPLES[name]
    first = only(imported(store, file_name, content))
    again = only(imported(store, file_name, content))
    assert first == {"chat": first["chat"], "is_new": True, "added": first["messages"], "messages": first["messages"]}
    assert again == {"chat": first["chat"], "unchanged": first["messages"], "messages": first["messages"]}
    assert len(store[0].search("key ferry kettle pier bread mast bolt start function tides boat", 2000)) > 0


def test_a_newer_export_adds_what_is_new_and_takes_over_what_was_edited_and_deleted(store: Folder) -> None:
    name = "WhatsApp Chat with Ana.txt"
    imported(store, name, MORNING)
    newer = MORNING.replace("at nine.", "at ten. <This message was edited>") + EVENING
    newer = newer.replace("I have the tickets.", "This message was deleted")
    assert only(imported(store, name, newer)) == {
        "chat": "Ana", "added": 1, "edited": 1, "deleted": 1, "unchanged": 1, "messages": 4,
    }  # fmt: skip
    assert said(store, "Ana") == [
        "D1:1 Ana: The ferry leaves at ten.",
        "D1:2 Ana: From the old pier.",
        "D1:3 Rui: ",
        "D2:1 Ana: The cat is at my aunt's.",
    ]
    memory = store[0]["Ana"]
    assert [turn.text for turn in memory.revisions("D1:1")] == ["The ferry leaves at nine."]
    memory.close()
    held = b"".join(path.read_bytes() for path in (store[1] / "store").iterdir())
    assert b"leaves at nine" in held
    assert b"tickets" not in held, "what the sender deleted is in no byte"


def test_an_older_export_neither_reverts_edits_nor_brings_back_what_was_deleted(store: Folder) -> None:
    name = "WhatsApp Chat with Ana.txt"
    newer = MORNING.replace("at nine.", "at ten.").replace("I have the tickets.", "This message was deleted") + EVENING
    imported(store, name, newer)
    before = said(store, "Ana")
    assert only(imported(store, name, MORNING)) == {"chat": "Ana", "unchanged": 3, "missing": 1, "messages": 4}
    assert said(store, "Ana") == before


def test_an_import_that_was_killed_is_completed_by_the_next(store: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"13/05/2024, 10:{number % 60:02d} - Ana: Otter {number}" for number in range(25)]
    monkeypatch.setattr("memoryqa.home.importing._AT_ONCE", 10)

    def stop(step: str, done: int, total: int) -> None:
        if step == "importing" and done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        imported(store, "WhatsApp Chat with Ana.txt", "\n".join(lines), progress=stop)
    assert only(imported(store, "WhatsApp Chat with Ana.txt", "\n".join(lines))) == {
        "chat": "Ana", "added": 5, "unchanged": 20, "messages": 25,
    }  # fmt: skip


def test_a_damaged_export_leaves_the_folder_as_it_was(store: Folder) -> None:
    whole = as_json(TELEGRAM)
    with pytest.raises(UsageError):
        imported(store, "result.json", whole[: len(whole) - 20])
    assert list((store[1] / "store").iterdir()) == []


def test_a_dry_run_says_what_would_be_done_and_does_nothing(store: Folder) -> None:
    imported(store, "WhatsApp Chat with Ana.txt", MORNING)
    found = import_export(store[0], store[1] / "WhatsApp Chat with Ana.txt", dry_run=True)
    assert found.is_dry
    assert found.report.messages == 3
    assert only(found.chats) == {"chat": "Ana", "messages": 3}
    imported(store, "WhatsApp Chat with Bo.txt", MORNING.replace("Ana", "Bo"), dry_run=True)
    assert list(store[0]) == ["Ana"]


def test_messages_that_share_an_id_are_all_kept(store: Folder) -> None:
    table = (
        "id,speaker,text,time\n7,Ana,Hi,2024-05-13T10:15\n7,Ana,The ferry,2024-05-13T10:16\n7,Ana,Hi,2024-05-13T10:17\n"
    )
    assert only(imported(store, "chat.csv", table))["added"] == 2  # the third is the first once more
    assert only(imported(store, "chat.csv", table))["unchanged"] == 3


# -- where it goes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["WhatsApp Chat with Ana (1).txt", "WhatsApp Chat with Ana Marta.txt", "chat ana.txt"])
def test_a_renamed_file_of_the_same_chat_is_recognised(name: str, store: Folder) -> None:
    imported(store, "WhatsApp Chat with Ana.txt", MORNING)
    assert only(imported(store, name, MORNING + EVENING)) == {
        "chat": "Ana", "added": 1, "unchanged": 3, "messages": 4,
    }  # fmt: skip


def test_a_chat_that_moved_to_another_telephone_is_recognised(store: Folder) -> None:
    imported(store, "WhatsApp Chat with Ana.txt", MORNING)
    lines = [line.replace(" - ", ":07] ", 1) for line in (MORNING + EVENING).splitlines()]
    ios = "\n".join(f"[{line}" for line in lines)
    assert only(imported(store, "WhatsApp Chat - Ana/_chat.txt", ios))["added"] == 1


def test_two_chats_of_one_title_stay_apart(store: Folder) -> None:
    imported(store, "a/WhatsApp Chat with Ana.txt", MORNING)
    other = MORNING.replace("10:15", "10:12").replace("10:16", "10:15").replace("ferry", "train")
    assert only(imported(store, "b/WhatsApp Chat with Ana.txt", other))["chat"] == "Ana (2)"
    assert only(imported(store, "b/WhatsApp Chat with Ana.txt", other + EVENING))["chat"] == "Ana (2)"
    assert only(imported(store, "a/WhatsApp Chat with Ana.txt", MORNING + EVENING))["chat"] == "Ana"


def test_the_later_part_of_a_chat_goes_on_where_the_earlier_ended(store: Folder) -> None:
    imported(store, "WhatsApp Chat with Ana.txt", MORNING)
    assert only(imported(store, "WhatsApp Chat with Ana.txt", EVENING))["chat"] == "Ana"


def test_a_chat_that_is_named_gets_it_all(store: Folder) -> None:
    imported(store, "WhatsApp Chat with Ana.txt", MORNING, chat="Summer")
    assert only(imported(store, "WhatsApp Chat with Bo.txt", EVENING, chat="Summer"))["added"] == 1
    assert list(store[0]) == ["Summer"]
    with pytest.raises(UsageError, match="is no name for a chat"):
        imported(store, "WhatsApp Chat with Bo.txt", EVENING, chat="../Summer")


def test_many_conversations_are_one_chat_with_sessions_of_their_own(store: Folder) -> None:
    bread = conversation(1, "Bread", "How long does rye rise?", "Twelve hours.", "And wheat?")
    boat = conversation(2, "Boat", "Which varnish?", "A marine one.", start=1_715_600_001)
    assert only(imported(store, "conversations.json", as_json([boat, bread])))["chat"] == "ChatGPT"
    longer = conversation(1, "Bread", "How long does rye rise?", "Twelve hours.", "And wheat?", "Four hours.")
    new = conversation(3, "Bread", "Is spelt a wheat?", start=1_715_600_002)
    assert only(imported(store, "conversations.json", as_json([new, longer, boat])))["added"] == 2
    assert said(store, "ChatGPT") == [
        "D1:1 User: How long does rye rise?",
        "D1:2 Assistant: Twelve hours.",
        "D1:3 User: And wheat?",
        "D2:1 User: Which varnish?",
        "D2:2 Assistant: A marine one.",
        "D1:4 Assistant: Four hours.",
        "D3:1 User: Is spelt a wheat?",
    ]
    memory = store[0]["ChatGPT"]
    assert memory.titles() == {1: "Bread", 2: "Boat", 3: "Bread"}
    assert memory.search("What was said about the boat?", 40).ids[:2] == ("D2:1", "D2:2"), "a title finds its messages"


def test_a_conversation_stays_in_its_chat_when_it_comes_with_others(store: Folder) -> None:
    alone = dict(TELEGRAM, id=7, name="Harbour")
    other = dict(TELEGRAM, id=8, name="Mountain")
    assert only(imported(store, "result.json", as_json(alone)))["chat"] == "Harbour"
    account = {"about": "Telegram", "chats": {"about": "", "list": [alone, other, dict(other, id=9, name="Lake")]}}
    chats = imported(store, "all/result.json", as_json(account))
    assert {one.chat: (one.added, one.unchanged) for one in chats} == {"Harbour": (0, 4), "Telegram": (8, 0)}
    assert only(imported(store, "result.json", as_json(other)))["chat"] == "Telegram"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Ana & Bo: the trip / 2024?", "Ana Bo the trip 2024"),
        ("हिन्दी समूह", "हिन्दी समूह"),
        ("👨‍👩‍👧", "Ana, Rui"),
        ("..", "Ana, Rui"),
        ("con", "con chat"),
        ("漢" * 300, "漢" * 50),
    ],
)
def test_a_name_is_one_that_every_file_system_takes(title: str, name: str, store: Folder) -> None:
    chat = {
        **TELEGRAM,
        "name": title,
        "messages": [dict(one, **{"from": one.get("from") or "Rui"}) for one in TELEGRAM["messages"][1:4]],
    }
    assert only(imported(store, "result.json", as_json(chat)))["chat"].replace(", Ana (user12)", "") == name
