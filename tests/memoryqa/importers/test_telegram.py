from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from exports import import_export, write_export, zipped
from samples_of_exports import TELEGRAM, as_json

from memoryqa.errors import UsageError
from memoryqa.importers import difference, fingerprint, read

SUMMER = timezone(timedelta(hours=1))


def test_a_chat(tmp_path: Path) -> None:
    messages, found = import_export(write_export(tmp_path / "result.json", as_json(TELEGRAM)))
    assert [(one.speaker, one.text, one.attachments) for one in messages] == [
        ("Ana", "The ferry: timetable (https://example.org/t).", ()),
        ("Ana (user12)", "the pier", ("photo_1.jpg",)),  # another Ana
        ("Deleted Account", "Forwarded from Port office: No boats today.", ()),
        ("Ana", "", ("sticker ⛵",)),
    ]
    assert messages[0].time == datetime(2024, 5, 13, 10, 15, tzinfo=SUMMER)
    assert messages[0].time.isoformat() == "2024-05-13T10:15:00+01:00"  # the zone of the machine that exported
    assert (messages[1].edited, messages[1].reply_to) == (True, messages[0].id)
    assert found.report.skipped == {"service message": 1}
    assert {one.chat for one in messages} == {"Harbour walks"}


def test_another_zone_moves_the_day(tmp_path: Path) -> None:
    path = write_export(tmp_path / "result.json", as_json(TELEGRAM))
    messages, _ = import_export(path, timezone="UTC")
    assert messages[2].time is not None
    assert messages[2].time.isoformat() == "2024-05-13T23:30:00+00:00"


def test_a_whole_account_and_its_chats(tmp_path: Path) -> None:
    other = {**TELEGRAM, "name": "Work", "id": 5, "type": "personal_chat"}
    account = {
        "about": "Here is the data you requested. Remember: Telegram is ad free",
        "personal_information": {"first_name": "Ana"},
        "contacts": {"list": [{"first_name": "x" * 30_000}]},
        "chats": {"about": "", "list": [TELEGRAM, other]},
        "left_chats": {"list": []},
    }
    path = zipped(tmp_path / "telegram.zip", {"DataExport/result.json": as_json(account), "DataExport/a.jpg": b""})
    messages, found = import_export(path)
    assert found.format == "telegram"
    assert found.report.chats == {"Harbour walks": 4, "Work": 4}
    assert len({one.id for one in messages}) == 8


def test_polls_contacts_places_and_files(tmp_path: Path) -> None:
    more = [
        {"poll": {"question": "When?", "answers": [{"text": "Mon"}, {"text": "Tue"}]}, "text": ""},
        {"contact_information": {"first_name": "Rui", "phone_number": "+351 9"}, "text": ""},
        {"location_information": {"latitude": 38.7, "longitude": -9.1}, "text": ""},
        {"file": "files/plan.pdf", "file_name": "plan.pdf", "mime_type": "application/pdf", "text": "the plan"},
        {"media_type": "voice_message", "file": "(File not included.)", "text": ""},
        {"text": ""},
        {"text": 7},
    ]
    base = {"type": "message", "date": "2024-05-13T10:00:00", "from": "Ana", "from_id": "user1"}
    chat = {**TELEGRAM, "messages": [{"id": number, **base, **one} for number, one in enumerate(more)]}
    messages, found = import_export(write_export(tmp_path / "result.json", json.dumps(chat)))
    assert [(one.text, one.attachments) for one in messages] == [
        ("When?\n- Mon\n- Tue", ()),
        ("", ("contact Rui +351 9",)),
        ("", ("location 38.7, -9.1",)),
        ("the plan", ("plan.pdf",)),
        ("", ("voice message",)),
        ("7", ()),
    ]
    assert found.report.skipped == {"empty message": 1}


def test_an_edit_is_found_by_the_next_import(tmp_path: Path) -> None:
    old, _ = import_export(write_export(tmp_path / "result.json", as_json(TELEGRAM)))
    changed = json.loads(as_json(TELEGRAM))
    changed["messages"][2]["text"] = "the other pier"
    del changed["messages"][1]
    new, _ = import_export(write_export(tmp_path / "result.json", as_json(changed)))
    found = difference(new, {one.id: fingerprint(one) for one in old})
    assert [one.text for one in found.edited] == ["the other pier"]
    assert (found.new, found.missing) == ([], [old[0].id])


def test_a_truncated_export_is_refused_with_its_place(tmp_path: Path) -> None:
    whole = as_json(TELEGRAM)
    path = write_export(tmp_path / "result.json", whole[: len(whole) * 2 // 3])
    with pytest.raises(UsageError, match=r"result\.json: the JSON ends too early, at character \d+"):
        read(path).scan()
