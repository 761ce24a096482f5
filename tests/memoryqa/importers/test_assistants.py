from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from exports import import_export, write_export, zipped
from samples_of_exports import CHATGPT, CLAUDE, CLAUDE_CODE, SAMPLES, as_json, as_jsonl, chatgpt_node, chatgpt_tree

from memoryqa import AdaptiveMemory
from memoryqa.importers import Message, read


def said(messages: list[Message]) -> list[tuple[str, str]]:
    return [(one.speaker, one.text) for one in messages]


def test_chatgpt_keeps_the_branch_that_was_kept_oldest_conversation_first(tmp_path: Path) -> None:
    messages, found = import_export(write_export(tmp_path / "conversations.json", as_json(CHATGPT)))
    assert said(messages) == [
        ("User", "Draw a boat"),
        ("Assistant", ""),
        ("Assistant", "Here it is."),
        ("User", "How long does rye rise?"),
        ("Assistant", "Twelve hours."),
    ]
    assert messages[1].attachments == ("image: a red boat",)
    assert messages[2].time == messages[1].time  # it has none of its own
    assert found.report.skipped == {
        "message of another branch": 1,
        "system prompt or custom instructions": 1,
        "call of a tool": 1,
    }


def test_chatgpt_without_a_current_node_ends_in_the_newest_message(tmp_path: Path) -> None:
    nodes = [
        chatgpt_node("u", "root", "user", "Hi", time=1.7e9),
        chatgpt_node("new", "u", "assistant", "The later one", time=1.7e9 + 9),
        chatgpt_node("old", "u", "assistant", "The earlier one", time=1.7e9 + 5),
    ]
    chat = [{"title": "t", "id": "c", "mapping": chatgpt_tree(nodes)}]
    messages, _ = import_export(write_export(tmp_path / "conversations.json", as_json(chat)))
    assert [text for _, text in said(messages)] == ["Hi", "The later one"]


def test_chatgpt_survives_a_circle_and_missing_parents(tmp_path: Path) -> None:
    nodes = [
        chatgpt_node("a", "b", "user", "one", time=1.7e9),
        chatgpt_node("b", "a", "assistant", "two", time=1.7e9 + 1),
    ]
    chat = [{"title": "t", "id": "c", "current_node": "b", "mapping": {one["id"]: one for one in nodes}}]
    messages, _ = import_export(write_export(tmp_path / "conversations.json", as_json(chat)))
    assert [text for _, text in said(messages)] == ["one", "two"]


def test_chatgpt_voice_files_and_reasoning(tmp_path: Path) -> None:
    voice = {"content_type": "audio_transcription", "text": "Say it aloud"}
    picture = {"content_type": "image_asset_pointer", "asset_pointer": "file://x"}
    sound = {"content_type": "audio_asset_pointer"}
    hidden = {"is_visually_hidden_from_conversation": True}
    roof = {"attachments": [{"name": "roof.png"}]}
    many = "multimodal_text"
    nodes = [
        chatgpt_node("a", "root", "user", voice, sound, kind=many, time=1.7e9),
        chatgpt_node("b", "a", "assistant", kind="thoughts", time=1.7e9),
        chatgpt_node("c", "b", "assistant", "Aloud.", time=1.7e9, metadata=hidden),
        chatgpt_node("d", "c", "user", picture, "What is it?", kind=many, time=1.7e9, metadata=roof),
    ]
    chat = [{"title": "t", "id": "c", "current_node": "d", "mapping": chatgpt_tree(nodes)}]
    messages, found = import_export(write_export(tmp_path / "conversations.json", as_json(chat)))
    assert said(messages) == [("User", "Say it aloud"), ("User", "What is it?")]
    assert messages[1].attachments == ("image", "roof.png")
    assert found.report.skipped == {"reasoning of the model": 1, "hidden message": 1}


def test_chatgpt_in_its_zip_with_the_owner_named(tmp_path: Path) -> None:
    files = {"conversations.json": as_json(CHATGPT), "user.json": b"{}", "chat.html": b"<html>"}
    messages, found = import_export(zipped(tmp_path / "export.zip", files), me="Ines", timezone="Asia/Tokyo")
    assert {one.speaker for one in messages} == {"Ines", "Assistant"}
    assert messages[0].time is not None
    assert messages[0].time.isoformat() == "2024-05-13T20:33:21+09:00"
    assert found.report.notes == []


def test_claude(tmp_path: Path) -> None:
    messages, found = import_export(write_export(tmp_path / "conversations.json", as_json(CLAUDE)))
    assert said(messages) == [("User", "What grows in shade?\nnorth wall, clay"), ("Assistant", "Ferns.")]
    assert messages[0].attachments == ("plan.png",)
    assert messages[0].chat == "Garden"
    assert found.report.skipped == {"reasoning of the model": 1, "call of a tool": 1}


def test_claude_keeps_the_branch_that_was_kept(tmp_path: Path) -> None:
    def message(uuid: str, parent: str, text: str) -> dict[str, Any]:
        sender = "human" if uuid.startswith("h") else "assistant"
        return {
            "uuid": uuid,
            "parent_message_uuid": parent,
            "sender": sender,
            "text": text,
            "created_at": "2024-05-13T10:00:00Z",
        }

    root = "00000000-0000-4000-8000-000000000000"
    listed = [
        message("h1", root, "first"),
        message("a1", "h1", "thrown away"),
        message("a2", "h1", "kept"),
        message("h2", "a2", "more"),
    ]
    chat = [{"uuid": "k", "name": "n", "chat_messages": listed}]
    messages, found = import_export(write_export(tmp_path / "conversations.json", as_json(chat)))
    assert [text for _, text in said(messages)] == ["first", "kept", "more"]
    assert found.report.skipped == {"message of another branch": 1}


def test_a_memory_of_an_assistants_export_finds_what_the_user_said(tmp_path: Path) -> None:
    memory = AdaptiveMemory()
    memory.extend(read(write_export(tmp_path / "conversations.json", json.dumps(CHATGPT))).messages)
    found = memory.search("How long does rye rise?", min_score=0.1)
    assert "[D2, 14 May 2024]" in str(found)
    assert "Twelve hours" in str(found)


@pytest.mark.parametrize(
    ("name", "said_there", "skipped"),
    [
        ("claude-code", ["Rename the function", "Done."], 4),
        ("codex", ["Add a test", "Added."], 5),
        ("gemini-cli", ["List the files", "Two files."], 2),
    ],
)
def test_sessions_on_the_command_line(name: str, said_there: list[str], skipped: int, tmp_path: Path) -> None:
    _, file_name, content = SAMPLES[name]
    messages, found = import_export(write_export(tmp_path / file_name, content))
    assert found.format == "sessions"
    assert said(messages) == list(zip(["User", "Assistant"], said_there, strict=True))
    assert sum(found.report.skipped.values()) == skipped


def test_a_folder_of_sessions_is_read_oldest_first(tmp_path: Path) -> None:
    later = json.loads(as_json(CLAUDE_CODE))
    for one in later:
        one["timestamp"], one["uuid"] = "2024-06-01T10:00:00Z", f"later {one.get('uuid')}"
    write_export(tmp_path / "project" / "a.jsonl", as_jsonl(later))
    write_export(tmp_path / "project" / "b.jsonl", as_jsonl(CLAUDE_CODE))
    messages, _ = import_export(tmp_path)
    assert [one.chat for one in messages] == ["b", "b", "a", "a"]


def test_gemini(tmp_path: Path) -> None:
    messages, found = import_export(write_export(tmp_path / "MyActivity.json", SAMPLES["gemini"][2]), me="Ines")
    assert said(messages) == [
        ("Ines", "Draw a boat"),
        ("Ines", "How long does rye rise?"),
        ("Assistant", "Twelve hours.\nor more"),
    ]
    assert messages[0].attachments == ("a.png",)
    assert found.report.skipped == {"activity that is no prompt": 1, "prompt without an answer": 1}
