from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from exports import import_export, write_export
from samples_of_exports import SAMPLES

from memoryqa.errors import UsageError
from memoryqa.importers import Message, read


def sample(name: str, folder: Path) -> tuple[list[Message], list[str]]:
    _, file_name, content = SAMPLES[name]
    messages, found = import_export(write_export(folder / file_name, content))
    return messages, found.report.notes


def test_fields_of_records_are_guessed_and_shown(tmp_path: Path) -> None:
    messages, notes = sample("records", tmp_path)
    assert notes == ["fields: speaker=from, text=body, time=sent, id=uuid, reply_to=parent_id"]
    assert [(one.speaker, one.author, one.text) for one in messages] == [
        ("Ana", "7", "The key is under the mat."),
        ("Rui", "8", "Found it."),
    ]
    assert messages[1].time == datetime(2024, 5, 13, 11, 33, 20, tzinfo=UTC)  # milliseconds
    assert messages[1].reply_to == messages[0].id
    assert sample("records-jsonl", tmp_path)[0] == messages


def test_columns_of_a_table_and_its_dates(tmp_path: Path) -> None:
    messages, notes = sample("records-csv", tmp_path)
    assert [(one.speaker, one.text) for one in messages] == [
        ("Ana", "The key is under the mat,\nor in the pot"),
        ("Rui", "Found it"),
    ]
    assert messages[0].time == datetime(2024, 5, 13, 10, 15)
    assert notes == [
        "fields: speaker=Sender, text=Message, time=Date",
        "dates are read as d/m/y: no other order fits all dates",
    ]


def test_columns_are_taken_as_given(tmp_path: Path) -> None:
    path = write_export(tmp_path / "t.csv", "name,topic,note\nAna,keys,under the mat\n")
    messages, _ = import_export(path, columns={"text": "note", "chat": "topic"})
    assert [(one.speaker, one.text, one.chat) for one in messages] == [("Ana", "under the mat", "keys")]
    with pytest.raises(UsageError, match=r"t\.csv: no field 'body'; there are name, topic, note"):
        read(path, columns={"text": "body"}).scan()
    with pytest.raises(UsageError, match="unknown part 'words'; it is one of speaker, text"):
        read(path, columns={"words": "note"})


def test_a_column_that_cannot_be_guessed_is_asked_for(tmp_path: Path) -> None:
    path = write_export(tmp_path / "t.json", '[{"a": "Ana", "b": "hi"}]')
    told = r"no export that is known .*, or the fields of speaker and text with `columns`; there are a, b"
    with pytest.raises(UsageError, match=told):
        read(path)
    with pytest.raises(UsageError, match=r"which field is the speaker\? Say it with `columns`; there are a, b"):
        read(path, "records").scan()
    assert import_export(path, "records", columns={"speaker": "a", "text": "b"})[0][0].text == "hi"


def test_dates_of_a_table_that_stay_open_are_asked_for(tmp_path: Path) -> None:
    path = write_export(tmp_path / "t.csv", "from,text,date\nAna,hi,01/02/2024 10:15\nRui,ho,02/02/2024 9:05 PM\n")
    with pytest.raises(UsageError, match=r"line 2: 01/02/2024 may be 1 February 2024 \(`dates=dmy`\)"):
        read(path).scan()
    messages, _ = import_export(path, dates="mdy")
    assert [one.time for one in messages] == [datetime(2024, 1, 2, 10, 15), datetime(2024, 2, 2, 21, 5)]


def test_times_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    path = write_export(tmp_path / "t.csv", "from,text,date\nAna,hi,2024-05-13\nRui,ho,soon\n")
    messages, found = import_export(path)
    assert [one.time for one in messages] == [datetime(2024, 5, 13), None]
    note = "1 time cannot be read, 'soon' in line 3 of t.csv: kept without a date; write it as 2024-05-13T10:15"
    assert note in found.report.notes


ROWS = [("Ana", "hi", "2024-02-13"), ("Rui", "ho", "2024-02-30T10:15"), ("Eva", "hm", " "), ("Ana", "ok", "2024-02-14")]
IMPOSSIBLE = {
    "t.csv": "from,text,date\nAna,hi,13.02.2024 10:15\nRui,ho,31.02.2024 10:16\nEva,hm,\nAna,ok,14.02.2024 10:15\n",
    "t.tsv": "from\ttext\tdate\nAna\thi\t2024-02-13\nRui\tho\t2024-13-45\nEva\thm\nAna\tok\t2024-02-14\n",
    "t.jsonl": "\n".join(json.dumps({"from": name, "text": said, "date": day}) for name, said, day in ROWS),
    "t.json": json.dumps([{"role": "user", "name": name, "content": said, "time": day} for name, said, day in ROWS]),
    "t.txt": "13/02/2024, 10:15 Ana: hi\n31/02/2024, 10:16 Rui: ho\nEva: hm\n14/02/2024, 10:17 Ana: ok\n",
    "WhatsApp t.txt": "13/02/2024, 10:15 - Ana: hi\n31/02/2024, 10:16 - Rui: ho\n14/02/2024, 10:17 - Ana: ok\n",
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_a_day_that_there_is_not_leaves_its_message_without_a_date_and_is_named(name: str, tmp_path: Path) -> None:
    messages, found = import_export(write_export(tmp_path / name, IMPOSSIBLE[name]))
    said = [(one.speaker, one.text, one.time and one.time.date()) for one in messages]
    days = [date(2024, 2, 13), None, None, date(2024, 2, 14)]
    expected = list(zip(["Ana", "Rui", "Eva", "Ana"], ["hi", "ho", "hm", "ok"], days, strict=True))
    assert said == [one for one in expected if one[0] != "Eva" or "WhatsApp" not in name]
    assert found.report.undated == len(said) - 2
    unread = [note for note in found.report.notes if "cannot be read" in note]
    assert len(unread) == 1
    place = "line 3" if name in ("t.csv", "t.tsv") else "record 2" if name == "t.json" else "line 2"
    assert re.match(rf"1 time cannot be read, '[^']+' in {place}( of {name})?: kept without a date", unread[0])


def test_dates_of_two_orders_are_named_by_their_lines(tmp_path: Path) -> None:
    text = "01/02/2024, 10:15 - Ana: a\n13/02/2024, 10:15 - Ana: b\n02/14/2024, 10:16 - Rui: c\n"
    path = write_export(tmp_path / "WhatsApp Chat with Ana.txt", text)
    with pytest.raises(UsageError, match="13/02/2024 in line 2, 02/14/2024 in line 3; correct one, or split the file"):
        read(path).scan()


def test_a_line_of_jsonl_that_is_broken_is_named(tmp_path: Path) -> None:
    path = write_export(tmp_path / "c.jsonl", '{"speaker": "A", "text": "x"}\n{"speaker": "A", "text"\n')
    with pytest.raises(UsageError, match=r"c\.jsonl, line 2: not JSON"):
        read(path).scan()


def test_lines_of_jsonl_longer_than_what_is_looked_at(tmp_path: Path) -> None:
    lines = [json.dumps({"speaker": "Ana", "text": word * 15_000}) for word in ("ab", "cd")]
    messages, _ = import_export(write_export(tmp_path / "c.jsonl", "\n".join(lines)))
    assert [one.text[:2] for one in messages] == ["ab", "cd"]


def test_roles_leave_out_prompts_and_tools(tmp_path: Path) -> None:
    messages, _ = sample("roles", tmp_path)
    assert [(one.speaker, one.text) for one in messages] == [
        ("User", "Where is the key?"),
        ("Assistant", "In the drawer."),
    ]
    assert messages[0].time == datetime(2024, 5, 13, 11, 33, 20, tzinfo=UTC)


def test_a_chat_on_each_line(tmp_path: Path) -> None:
    chats = [{"messages": [{"role": "user", "content": word}, {"role": "assistant", "content": "ok"}]} for word in "ab"]
    path = write_export(tmp_path / "train.jsonl", "\n".join(map(json.dumps, chats)))
    messages, found = import_export(path)
    assert found.format == "roles"
    assert [(one.chat, one.text) for one in messages] == [
        ("train 1", "a"),
        ("train 1", "ok"),
        ("train 2", "b"),
        ("train 2", "ok"),
    ]


def test_text_with_names(tmp_path: Path) -> None:
    messages, _ = sample("lines", tmp_path)
    assert [(one.speaker, one.text) for one in messages] == [
        ("Ana", "The key is under the mat."),
        ("Rui", "Thank you.\n  And the bread?"),
        ("Ana", "In the tin."),
    ]
    dated, _ = sample("lines-dated", tmp_path)
    assert [one.time for one in dated] == [
        datetime(2024, 5, 13, 10, 15),
        datetime(2024, 5, 13, 10, 16),
        datetime(2024, 5, 14, 8),
    ]


@pytest.mark.parametrize(
    "text", ["Dear all,\nsee below: nothing.\nBest\n", "just words\n" * 20, "key: value\n", "<html>a: b</html>"]
)
def test_text_without_names_is_no_chat(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no export that is known"):
        read(write_export(tmp_path / "x.txt", text))


def test_transcripts(tmp_path: Path) -> None:
    vtt, _ = sample("subtitles-vtt", tmp_path)
    assert [(one.speaker, one.text, one.time) for one in vtt] == [
        ("Ana", "Welcome & thanks. We begin.", datetime(2024, 5, 13, 10, 0, 1)),
        ("Rui Sá", "One question.", datetime(2024, 5, 13, 10, 0, 7)),
    ]
    srt, notes = sample("subtitles-srt", tmp_path)
    assert [(one.speaker, one.text, one.time) for one in srt] == [
        ("Ana", "Welcome, everybody. We begin.", None),
        ("RUI", "One question.", None),
    ]
    assert notes == ["no date: name the file by its day, as in 2024-05-13 meeting.vtt"]


def test_lines_with_times_need_no_name_twice(tmp_path: Path) -> None:
    text = "\n".join(
        f"2024-05-13 10:1{number} {name}: hi" for number, name in enumerate(["Ana", "Rui", "Zoë", "Tom", "Eva"])
    )
    messages, found = import_export(write_export(tmp_path / "c.txt", text))
    assert (found.format, [one.speaker for one in messages]) == ("lines", ["Ana", "Rui", "Zoë", "Tom", "Eva"])


def test_a_day_and_a_clock_in_two_columns(tmp_path: Path) -> None:
    text = "Date,Time,Sender,Message\n13/05/2024,10:15,Ana,hi\n14/05/2024,9:16 PM,Rui,ho\n"
    messages, found = import_export(write_export(tmp_path / "t.csv", text))
    assert [one.time for one in messages] == [datetime(2024, 5, 13, 10, 15), datetime(2024, 5, 14, 21, 16)]
    assert found.report.notes[0] == "fields: speaker=Sender, text=Message, time=Date Time"


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("2024-05-13t10:15:00z", datetime(2024, 5, 13, 10, 15, tzinfo=UTC)),
        ("2024-05-13 10:15:00 UTC", datetime(2024, 5, 13, 10, 15, tzinfo=UTC)),
        ("Mon, 13 May 2024 10:15:00 +0000", datetime(2024, 5, 13, 10, 15, tzinfo=UTC)),
        ("May 13, 2024 10:15 PM", datetime(2024, 5, 13, 22, 15)),
        ("13 May 2024 10:15", datetime(2024, 5, 13, 10, 15)),
        ("13 de mayo de 2024, 10:15:00", datetime(2024, 5, 13, 10, 15)),
    ],
)
def test_times_as_tables_have_them(written: str, time: datetime, tmp_path: Path) -> None:
    content = json.dumps([{"from": "Ana", "text": "hi", "date": written}])
    messages, _ = import_export(write_export(tmp_path / "t.json", content))
    assert messages[0].time == time


def test_names_before_a_colon_of_full_width(tmp_path: Path) -> None:
    messages, _ = import_export(write_export(tmp_path / "c.txt", "安娜：你好\n李：早\n安娜：好\n"))
    assert [(one.speaker, one.text) for one in messages] == [("安娜", "你好"), ("李", "早"), ("安娜", "好")]
