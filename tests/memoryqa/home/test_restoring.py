"""What `memoryqa export` wrote comes back by `memoryqa import`, and small things that strangers stumble over."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from exports import write_export

from memoryqa.cli import main
from memoryqa.errors import UsageError
from memoryqa.home.importing import import_export
from memoryqa.home.names import free_name, safe_name
from memoryqa.memories import Memories, check_name

ON_MONDAY = "13/05/2024, 10:15 - "
MEDIA = f"{ON_MONDAY}Ana: IMG-20240513-WA0001.jpg (file attached)\nthe cat\n{ON_MONDAY}Bo: Nice!\n"


@pytest.fixture
def memories(tmp_path: Path) -> Memories:
    return Memories.open(tmp_path / "store")


def test_an_export_comes_back_as_it_was(memories: Memories, tmp_path: Path) -> None:
    chat = memories.create("old")
    chat.add("The ferry leaves at nine.", speaker="Ana", time="2024-05-13T10:15")
    chat.add("", speaker="Bo", time="2024-05-13T10:16", caption="photo.jpg")
    chat.add("to be forgotten", speaker="Bo", time="2024-05-15")
    chat.correct("D1:1", "The ferry leaves at ten.")
    chat.forget("D2:1")
    file = tmp_path / "back.jsonl"
    chat.export(file)
    assert import_export(memories, file, dry_run=True).chats[0].messages == 2
    assert "back" not in memories
    (one,) = import_export(memories, file).chats
    assert (one.chat, one.is_new, one.added) == ("back", True, 2)
    assert memories["back"].turns() == chat.turns()
    assert memories["back"].revisions("D1:1") == chat.revisions("D1:1")
    assert memories["back"].stats().turns_forgotten == 1
    (again,) = import_export(memories, file).chats
    assert (again.chat, again.is_new, again.added, again.unchanged) == ("back", False, 0, 2)
    memories.create("other").add("Something else.", speaker="Eva")
    with pytest.raises(UsageError, match="the chat other has other messages; name a new one with `chat`"):
        import_export(memories, file, chat="other")


def test_json_lines_of_others_are_records_as_before(memories: Memories, tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text('{"speaker": "Ana", "text": "hello there", "time": "2024-05-13"}\n')
    assert import_export(memories, file).report.format == "Records"


def test_a_newer_export_without_media_leaves_the_names_of_files(memories: Memories, tmp_path: Path) -> None:
    file = write_export(tmp_path / "WhatsApp Chat with Ana.txt", MEDIA)
    import_export(memories, file)
    without = MEDIA.replace("IMG-20240513-WA0001.jpg (file attached)", "<Media omitted>")
    newer = without + "14/05/2024, 09:00 - Bo: new\n"
    write_export(file, newer)
    (one,) = import_export(memories, file).chats
    assert (one.added, one.edited, one.unchanged) == (1, 0, 2)
    assert memories["Ana"].expand("D1:1").caption == "IMG-20240513-WA0001.jpg"
    write_export(file, newer.replace("the cat", "the black cat"))
    assert import_export(memories, file).chats[0].edited in (0, 1)
    assert memories["Ana"].expand("D1:1").caption == "IMG-20240513-WA0001.jpg"


def test_any_title_gives_a_name_that_a_chat_may_have() -> None:
    for title in ("x" * 300, "д" * 300, "क्षि" * 100, "😀" * 300, "a/../b" * 60, "\u202e" + "ا" * 200, "x " * 200):
        name = safe_name(title)
        check_name(name)
        check_name(free_name(name, [name]))


def test_conversations_of_one_title_are_counted_apart(memories: Memories, tmp_path: Path) -> None:
    said = [
        {
            "id": 1,
            "type": "message",
            "date": "2024-05-01T10:00:00",
            "date_unixtime": "1714550400",
            "from": "Ana",
            "from_id": "user1",
            "text": "hi",
            "text_entities": [],
        }
    ]
    chats = [{"name": "Family", "type": "personal_chat", "id": number, "messages": said} for number in range(3)]
    file = write_export(
        tmp_path / "result.json", json.dumps({"about": "Telegram", "chats": {"about": "", "list": chats}})
    )
    report = import_export(memories, file).report
    assert "conversations: 3" in report.lines()
    assert report.to_dict()["conversations"] == 3


def test_a_pipe_is_refused_and_not_waited_for(memories: Memories, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="no file and no folder; save the export to a file"):
        import_export(memories, tmp_path / "pipe")


def test_a_zip_without_its_end_is_said_to_be_damaged(memories: Memories, tmp_path: Path) -> None:
    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(UsageError, match="the zip is damaged, or its end is missing; export or download it again"):
        import_export(memories, tmp_path / "cut.zip")


@pytest.mark.parametrize("command", ["ask", "search"])
def test_an_empty_question_is_refused(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "  ", "--store", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "memoryqa: the question is empty; write it in quotes\n"


def test_a_chat_that_came_back_takes_from_a_newer_export_only_what_is_new(memories: Memories, tmp_path: Path) -> None:
    name, said = "WhatsApp Chat with Ana.txt", f"{ON_MONDAY}Ana: The ferry leaves at nine.\n{ON_MONDAY}Bo: I pay.\n"
    imported = import_export(memories, write_export(tmp_path / name, said), same={"Bo": "Boris"}, me="Ana")
    assert imported.chats[0].added == 2
    memories["Ana"].export(tmp_path / "back.jsonl")
    with Memories.open(tmp_path / "other") as others:
        import_export(others, tmp_path / "back.jsonl")
        assert others["back"].turns() == memories["Ana"].turns()
        assert others["back"].people() == memories["Ana"].people()
        newer = said.replace("nine", "ten") + f"{ON_MONDAY}Bo: And the cabin.\n"
        (one,) = import_export(others, write_export(tmp_path / name, newer)).chats
        assert (one.chat, one.added, one.edited, one.unchanged, one.missing) == ("back", 1, 1, 1, 0)
        assert [turn.speaker for turn in others["back"].turns()] == ["Ana", "Boris", "Boris"]
        assert others["back"].search("When is my ferry?", 100).turns[0].text == "The ferry leaves at ten."


def test_what_was_corrected_and_erased_stays_so_when_a_chat_comes_back(memories: Memories, tmp_path: Path) -> None:
    name, said = "WhatsApp Chat with Ana.txt", f"{ON_MONDAY}Ana: The ferry leaves at nine.\n{ON_MONDAY}Bo: I pay.\n"
    import_export(memories, write_export(tmp_path / name, said))
    memories["Ana"].correct("D1:1", "It leaves at ten.", keep_revision=False)
    memories["Ana"].forget("D1:2")
    memories["Ana"].export(tmp_path / "back.jsonl")
    assert "Bo" not in (tmp_path / "back.jsonl").read_text()
    with Memories.open(tmp_path / "other") as others:
        import_export(others, tmp_path / "back.jsonl", me="Ana")
        assert others["back"].people().owner == "Ana"
        (one,) = import_export(others, tmp_path / name).chats
        assert (one.added, one.edited, one.unchanged) == (1, 0, 1)
        assert [turn.text for turn in others["back"].turns()] == ["It leaves at ten.", "I pay."]


@pytest.mark.parametrize(
    "damage",
    [
        {"import": [1, 2]},
        {"import": [1, 1 << 64, 2]},
        {"import": "x"},
        {"memoryqa_export": {"conversations": [[1, 2]]}},
        {"memoryqa_export": {"people": {"joins": []}}},
        {"memoryqa_export": 1},
    ],
)
def test_an_export_with_damaged_keys_is_one_line(damage: dict[str, object], memories: Memories, tmp_path: Path) -> None:
    line = {"session": 1, "number": 1, "speaker": "Ana", "text": "hi"} | damage
    (tmp_path / "back.jsonl").write_text(json.dumps(line) + "\n")
    with pytest.raises(UsageError, match="line 1: no turn as export wrote it"):
        import_export(memories, tmp_path / "back.jsonl")
    assert not list(memories)
