"""Files that nobody's app wrote, or that somebody made to do harm: one line, exit status 2, and nothing is written."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from exports import write_export, zipped

from memoryqa.cli import main
from memoryqa.importers import read, reading, source
from memoryqa.memories import Memories

CHAT = "13/05/2024, 10:15 - Ana: The ferry leaves at nine.\n13/05/2024, 10:16 - Bo: ok\n"


def refused(path: Path | str, store: Path, capsys: pytest.CaptureFixture[str], *said: str) -> str:
    """The one line that says why."""
    assert main(["import", "--store", str(store), str(path), *said]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert not store.exists() or not list(store.iterdir())
    return captured.err


def zip_in_zip(folder: Path) -> Path:
    inner = zipped(folder / "WhatsApp Chat - Ana.zip", {"_chat.txt": CHAT})
    return zipped(folder / "both.zip", {inner.name: inner.read_bytes()})


def bomb(folder: Path) -> Path:
    return zipped(folder / "bomb.zip", {"_chat.txt": CHAT + "a" * (1 << 27)})


def bomb_of_json(folder: Path) -> Path:
    return zipped(folder / "bomb.zip", {"result.json": '{"messages": ["' + "a" * (1 << 27) + '"]}'})


def lying_zip(folder: Path) -> Path:
    """One that says its file is small, and large behind that."""
    path = zipped(folder / "lie.zip", {"_chat.txt": CHAT * 40})
    size = len(CHAT) * 40
    return write_export(path, path.read_bytes().replace(size.to_bytes(4, "little"), (60).to_bytes(4, "little")))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "why"),
    [
        (zip_in_zip, "nothing but zips in it; unpack it, and import WhatsApp Chat - Ana.zip"),
        (bomb, "unpacks to 134 MB"),
        (bomb_of_json, "unpacks to 134 MB"),
        (lying_zip, "the zip is damaged"),
        (lambda folder: write_export(folder / "a.csv", b"speaker,text\nAna,caf\xe9\n"), "save it as UTF-8"),
        (lambda folder: write_export(folder / "a.txt", "31/12/9999, 23:59 - Ana: x\n"), "no common order"),
        (lambda folder: write_export(folder / "a.txt", "01/01/0001, 00:00 - Ana: x\n"), "no common order"),
        (lambda folder: "", "the name of the export is empty"),
        (lambda folder: "  ", "the name of the export is empty"),
    ],
)  # fmt: skip
def test_a_hostile_file_is_one_line(make: object, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert callable(make)
    assert why in refused(make(tmp_path), tmp_path / "store", capsys)


@pytest.mark.parametrize("zone", ["+01:99", "Europe/Lisbonn", "+25:00", "../etc", "/etc/passwd", "Europe"])
def test_a_zone_that_there_is_not_is_refused(zone: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_export(tmp_path / "WhatsApp Chat with Ana.txt", CHAT)
    assert "--timezone" in refused(path, tmp_path / "store", capsys, "--timezone", zone)


def test_a_line_without_an_end_is_refused_before_it_is_held(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "LONGEST_LINE", 1000)
    for name, content in (("a.txt", CHAT + "a" * 2000), ("a.csv", "speaker,text\nBo,hi\nAna," + "a" * 2000)):
        assert "a line of more than 1,000 characters" in refused(
            write_export(tmp_path / name, content), tmp_path / "store", capsys
        )


def test_a_message_longer_than_a_library_is_left_out_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LONGEST_TEXT", 100)
    found = read(write_export(tmp_path / "WhatsApp Chat with Ana.txt", CHAT + f"13/05/2024, 10:17 - Bo: {'a' * 101}\n"))
    assert [one.text for one in found.messages] == ["The ferry leaves at nine.", "ok"]
    assert found.report.skipped == {"message of more than 100 characters": 1}


def test_lines_that_end_as_they_did_on_old_macs_are_lines(tmp_path: Path) -> None:
    path = write_export(tmp_path / "WhatsApp Chat with Ana.txt", CHAT.replace("\n", "\r"))
    assert [one.text for one in read(path).messages] == ["The ferry leaves at nine.", "ok"]


def test_names_in_a_zip_lead_nowhere(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"../../../WhatsApp Chat with Ana.txt": CHAT, "/etc/x.jpg": b""})
    assert main(["import", "--store", str(tmp_path / "store"), str(path)]) == 0
    assert {one.name for one in tmp_path.iterdir()} == {"a.zip", "store"}
    with Memories.open(tmp_path / "store") as memories:
        assert list(memories) == ["Ana"]


def test_times_at_the_ends_of_the_calendar_keep_their_year(tmp_path: Path) -> None:
    times = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2024-10-27T00:30:00Z", "2024-10-27T01:30:00Z"]
    said = [{"speaker": "Ana", "text": str(number), "time": time} for number, time in enumerate(times)]
    messages = list(read(write_export(tmp_path / "a.json", json.dumps(said)), timezone="Europe/Berlin").messages)
    assert [one.time.year for one in messages if one.time] == [1, 9999, 2024, 2024]
    assert [(one.time.hour, one.time.fold) for one in messages[2:] if one.time] == [(2, 0), (2, 1)]


def test_a_zip_of_a_large_picture_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "WhatsApp Chat - Ana.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("_chat.txt", CHAT)
        file.writestr("white.bmp", bytes(1 << 27))
    assert len(list(read(tmp_path / "WhatsApp Chat - Ana.zip").messages)) == 2
