from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from exports import import_export, write_export
from samples_of_exports import SAMPLES

from memoryqa.importers import ImportReport, Message
from memoryqa.importers.spelled_times import spelled_time


def sample(name: str, folder: Path) -> tuple[list[Message], ImportReport]:
    _, file_name, content = SAMPLES[name]
    messages, found = import_export(write_export(folder / file_name, content))
    return messages, found.report


MAST = [("ana", "the mast is loose"), ("rui", "bolts: in the shed"), ("ana", "* ana thanks rui")]


@pytest.mark.parametrize(
    ("name", "said", "last"),
    [
        ("irc-weechat", MAST, datetime(2024, 5, 13, 10, 15, 25)),
        ("irc-irssi", MAST, datetime(2024, 5, 14, 0, 1)),
        ("irc-znc", MAST[:2], datetime(2024, 5, 14, 0, 1)),  # past midnight in the file of the day
    ],
)
def test_irc_logs(name: str, said: list[tuple[str, str]], last: datetime, tmp_path: Path) -> None:
    messages, report = sample(name, tmp_path)
    assert [(one.speaker, one.text) for one in messages] == said
    assert messages[-1].time == last
    assert report.skipped["line of the server"] in (1, 2)
    assert len({one.id for one in messages}) == len(messages)


def test_a_longer_log_knows_the_messages_of_the_shorter(tmp_path: Path) -> None:
    _, name, content = SAMPLES["irc-znc"]
    shorter, _ = import_export(write_export(tmp_path / "a" / name, content))
    longer, _ = import_export(write_export(tmp_path / "b" / name, b"[23:58:00] <rui> hello\n" + content))
    assert [one.local for one in longer[1:]] == [one.local for one in shorter]


def test_a_clock_alone_is_of_the_day_in_the_name(tmp_path: Path) -> None:
    messages, report = sample("lines-clocks", tmp_path)
    assert [(one.speaker, one.time) for one in messages] == [
        ("Ana", datetime(2024, 5, 13, 21, 15)),
        ("Rui", datetime(2024, 5, 13, 21, 16)),
        ("Ana", datetime(2024, 5, 14, 0, 5)),
    ]
    assert messages[1].text == "Found it.\nThank you."
    assert not report.notes
    path = write_export(tmp_path / "notes.txt", SAMPLES["lines-clocks"][2])
    messages, found = import_export(path, timezone="+01:00")
    assert [one.time for one in messages] == [None] * 3
    assert found.report.notes == ["no date: name the file by its day, as in 2024-05-13 chat.txt"]


def test_names_in_bold(tmp_path: Path) -> None:
    messages, _ = sample("lines-markdown", tmp_path)
    assert [(one.speaker, one.text) for one in messages] == [
        ("Ana", "The key is under the mat."),
        ("Rui", "Found it."),
        ("Ana", "Good."),
    ]


def test_text_files_of_imessage(tmp_path: Path) -> None:
    messages, report = sample("imessage-text", tmp_path)
    assert [(one.speaker, one.text, one.attachments, one.edited) for one in messages] == [
        ("+351912345678", "The ferry leaves at nine\nfrom the pier", (), False),
        ("Me", "the tickets", ("ticket.pdf",), False),
        ("+351912345678", "great", (), False),
        ("Me", "at nine", (), True),
    ]
    assert messages[0].time == datetime(2024, 5, 13, 21, 15, 30)
    assert {one.chat for one in messages} == {"+351912345678"}
    assert report.skipped == {"reaction": 1, "event of the chat": 1}


def test_a_page_of_gemini_lists_the_newest_first(tmp_path: Path) -> None:
    messages, report = sample("gemini-html", tmp_path)
    assert [(one.speaker, one.text) for one in messages] == [
        ("User", "Was ist ein Kai?"),
        ("Assistant", "Eine Mauer am Ufer."),
        ("User", "How long does rye rise?"),
        ("Assistant", "Twelve hours.\nLonger when cold."),
    ]
    assert [one.time for one in messages[1:3]] == [datetime(2024, 5, 13, 9, 5), datetime(2024, 5, 14, 22, 15, 30)]
    assert report.skipped == {"activity that is no prompt": 1}


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("Monday, May 13, 2024 at 10:15:30\u202fPM UTC", datetime(2024, 5, 13, 22, 15, 30, tzinfo=UTC)),
        ("lunes, 13 de mayo de 2024, 22:15:30 UTC", datetime(2024, 5, 13, 22, 15, 30, tzinfo=UTC)),
        ("segunda-feira, 13 de maio de 2024 às 22:15:30 UTC", datetime(2024, 5, 13, 22, 15, 30, tzinfo=UTC)),
        ("Montag, 13. Mai 2024 um 9:15:30 UTC", datetime(2024, 5, 13, 9, 15, 30, tzinfo=UTC)),
        ("понедельник, 13 мая 2024 г. в 22:15:30 UTC", datetime(2024, 5, 13, 22, 15, 30, tzinfo=UTC)),
        ("2024年5月13日月曜日 22時15分30秒 UTC", datetime(2024, 5, 13, 22, 15, 30, tzinfo=UTC)),
        ("2024년 5월 13일 월요일 오후 10시 15분 30초 UTC", datetime(2024, 5, 13, 22, 15, 30, tzinfo=UTC)),
        ("13 mai 2024, 12:00:30 CEST", datetime(2024, 5, 13, 12, 0, 30)),
        ("13 may 2024, 10:15:30 p. m. CEST", datetime(2024, 5, 13, 22, 15, 30)),
        ("13.05.2024, 10:15:30 MESZ", datetime(2024, 5, 13, 10, 15, 30)),
        ("juin 2024 10:15:30", None),
        ("jui 13, 2024 10:15:30", None),  # June or July in French
        ("May 32, 2024 10:15:30", None),
        ("at 10:15 in May", None),
    ],
)
def test_times_that_are_written_out(written: str, time: datetime | None) -> None:
    assert spelled_time(written) == time
