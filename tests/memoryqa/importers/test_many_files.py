from __future__ import annotations

from pathlib import Path

import pytest
from exports import zipped
from samples_of_exports import META, as_json

from memoryqa.cli.commands.importing import progress_line
from memoryqa.errors import UsageError
from memoryqa.importers import ImportReport, read, source


def test_a_folder_of_thousands_of_other_files_is_refused_without_reading_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "LOOKED_INTO", 20)
    opened = set[str]()
    open_file = source.Source.open
    monkeypatch.setattr(source.Source, "open", lambda self, name: (opened.add(name), open_file(self, name))[1])
    files = {f"photos/{number}.json": "{}" for number in range(300)}
    with pytest.raises(UsageError, match=r"20 of 300 files were looked into; name the file or folder"):
        read(zipped(tmp_path / "a.zip", files))
    assert len(opened) <= 3 * 20


def test_an_export_among_thousands_of_other_files_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "LOOKED_INTO", 20)
    files: dict[str, str | bytes] = {f"photos/{number}.json": "{}" for number in range(300)}
    files |= {
        f"zz/inbox/rui_{number}/message_1.json": as_json(META | {"thread_path": f"r{number}"}) for number in range(40)
    }
    found = read(zipped(tmp_path / "a.zip", files))
    assert found.format == "meta"
    assert len({one.chat_id for one in found.messages}) == 40  # all are read, and not those alone that were looked into


def test_progress_says_how_many_messages_and_days() -> None:
    assert progress_line(1, 0, 0) == "1 message"
    assert progress_line(2000, 1, 0) == "2,000 messages on 1 day"
    assert progress_line(2000, 31, 45_000.4) == "2,000 messages on 31 days, 45,000/s"


def test_what_is_skipped_is_counted_in_english() -> None:
    report = ImportReport("WhatsApp")
    reasons = ["group event or notice", "message that had not arrived", "receipt, reaction or event", "copy of a mail"]
    reasons += ["empty or view-once message", "reasoning of the model", "channel event (channel_join)", "call"]
    for reason in reasons:
        report.skip(reason, 2)
    report.skip("quoted line")
    assert [line.removeprefix("skipped: ") for line in report.lines() if line.startswith("skipped")] == [
        "2 group events or notices",
        "2 messages that had not arrived",
        "2 receipts, reactions or events",
        "2 copies of a mail",
        "2 empty or view-once messages",
        "2 reasoning of the model",
        "2 channel events (channel_join)",
        "2 calls",
        "1 quoted line",
    ]
    assert report.to_dict()["skipped"]["call"] == 2  # programs find one word for each reason
